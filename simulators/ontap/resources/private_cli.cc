// /private/cli/...: show commands of what clients read, and the few others that they run.
//
// Fields have the names of the command line, with _ for -; they must be listed (262220 for *).
// Commands that this program does not have show an empty list.
#include <fmt/core.h>

#include "simulators/ontap/model/efficiency.h"
#include "simulators/ontap/resources/volume_parts.h"
#include "simulators/ontap/snapmirror/relationship.h"

namespace holdfast::ontap_sim {
namespace {

JsonObject volume_row(Call& call, const JsonObject& stored) {
  JsonObject volume = stored;
  const VolumeEfficiency measured = efficiency_of_volume(call.cluster, stored);
  const SavedBytes& saved = measured.saved;
  add_space(call.cluster, volume, measured);
  const auto aggregates = objects_at(volume, "aggregates");
  const auto space = [&](const char* path) { return int_at(volume, std::string("space.") + path); };
  return {{"vserver", text_at(volume, "svm.name")},
          {"volume", text_at(volume, "name")},
          {"instance_uuid", text_at(volume, "uuid")},
          {"aggregate", aggregates.empty() ? "" : text_at(aggregates.front(), "name")},
          {"aggr_list",
           aggregates.empty() ? JsonArray() : JsonArray{text_at(aggregates.front(), "name")}},
          {"state", text_at(volume, "state")},
          {"type", text_at(volume, "type")},
          {"volume_style_extended", text_at(volume, "style")},
          {"vsroot", false},
          {"junction_path", text_at(volume, "nas.path")},
          {"snapshot_policy", text_at(volume, "snapshot_policy.name")},
          {"tiering_policy", text_at(volume, "tiering.policy")},
          {"snaplock_type", text_at(volume, "snaplock.type")},
          {"autosize_mode", text_at(volume, "autosize.mode")},
          {"max_autosize", int_at(volume, "autosize.maximum")},
          {"min_autosize", int_at(volume, "autosize.minimum")},
          {"is_encrypted", false},
          {"is_sis_volume", false},
          {"is_space_reporting_logical", false},
          {"is_space_enforcement_logical", false},
          {"clone_volume", flag_at(volume, "clone.is_flexclone")},
          {"clone_parent_name", text_at(volume, "clone.parent_volume.name")},
          {"clone_parent_vserver", text_at(volume, "clone.parent_svm.name")},
          {"size", space("size")},
          {"total", space("afs_total")},
          {"used", space("used")},
          {"available", space("available")},
          {"expected_available", space("available")},
          {"filesystem_size", space("size")},
          {"percent_used", space("percent_used")},
          {"virtual_used", space("logical_space.used")},
          {"virtual_used_percent", space("logical_space.used_percent")},
          {"logical_used", space("logical_space.used")},
          {"logical_available", space("available")},
          {"logical_used_by_afs", space("logical_space.used_by_afs")},
          {"logical_used_by_snapshots", space("logical_space.used_by_snapshots")},
          {"logical_used_percent", space("logical_space.used_percent")},
          {"compression_space_saved", saved.compression},
          {"dedupe_space_saved", saved.dedupe},
          {"sis_space_saved", saved.total()},
          {"snapshot_count",
           static_cast<std::int64_t>(snapshots_of(call.cluster, text_at(volume, "uuid")).size())},
          {"size_used_by_snapshots", space("snapshot.used")},
          {"size_available_for_snapshots", space("snapshot.reserve_available")},
          {"snapshot_reserve_size", space("snapshot.reserve_size")},
          {"snapshot_reserve_available", space("snapshot.reserve_available")},
          {"snapshot_space_used", space("snapshot.space_used_percent")},
          {"percent_snapshot_space", space("snapshot.reserve_percent")},
          {"files", int_at(volume, "files.maximum")},
          {"files_used", int_at(volume, "files.used")}};
}

JsonObject mirror_row(Call& call, const JsonObject& row) {
  const std::string source = text_at(row, "source.path");
  const std::string destination = text_at(row, "destination.path");
  const auto exported = parse_time(text_at(row, "_sim.exported_time"));
  const std::int64_t lag =
      exported ? std::chrono::floor<std::chrono::seconds>(call.world.now() - *exported).count() : 0;
  const auto reasons = objects_at(row, "unhealthy_reason");
  const std::string state = text_at(row, "state");
  return {{"destination_path", destination},
          {"source_path", source},
          {"relationship_id", text_at(row, "uuid")},
          {"source_vserver", text_at(row, "source.svm.name")},
          {"source_volume", source.substr(source.find(':') + 1)},
          {"destination_vserver", text_at(row, "destination.svm.name")},
          {"destination_volume", destination.substr(destination.find(':') + 1)},
          {"state", state == "broken_off"      ? "broken_off"
                    : state == "uninitialized" ? state
                                               : "snapmirrored"},
          {"status", is_transferring(row) ? "transferring"
                     : state == "paused"  ? "quiesced"
                                          : "idle"},
          {"healthy", flag_at(row, "healthy")},
          {"unhealthy_reason", reasons.empty() ? "" : text_at(reasons.front(), "message")},
          {"lag_time", to_iso_duration(lag)},
          {"policy_type", "async_mirror"},
          {"policy", text_at(row, "policy.name")},
          {"relationship_type", "extended_data_protection"},
          {"relationship_group_type", text_at(row, "group_type")},
          {"schedule", text_at(row, "transfer_schedule.name")},
          {"last_transfer_type", text_at(row, "last_transfer_type")},
          {"last_transfer_size", int_at(row, "transfer.bytes_transferred")},
          {"last_transfer_duration", text_at(row, "transfer.total_duration")},
          {"last_transfer_end_timestamp", text_at(row, "transfer.end_time")},
          {"newest_snapshot", text_at(row, "exported_snapshot")},
          {"newest_snapshot_timestamp", text_at(row, "_sim.exported_time")},
          {"total_transfer_bytes", int_at(row, "total_transfer_bytes")},
          {"total_transfer_time_secs", int_at(row, "_sim.total_seconds")}};
}

JsonObject snapshot_cli_row(const JsonObject& row) {
  return {{"vserver", text_at(row, "svm.name")},
          {"volume", text_at(row, "volume.name")},
          {"snapshot", text_at(row, "name")},
          {"create_time", text_at(row, "create_time")},
          {"size", int_at(row, "size")},
          {"snapmirror_label", text_at(row, "snapmirror_label")},
          {"comment", text_at(row, "comment")},
          {"instance_uuid", text_at(row, "uuid")},
          {"version_uuid", text_at(row, "version_uuid")},
          {"busy", !texts_at(row, "owners").empty()}};
}

std::vector<JsonObject> rows_of(Call& call, const std::string& command) {
  std::vector<JsonObject> out;
  const auto each = [&](std::string_view kind, auto make) {
    for (const auto& [id, row] : call.cluster.rows(kind)) {
      if (!is_pending(row)) {
        out.push_back(make(row));
      }
    }
  };
  if (command == "volume") {
    each(kind::kVolume, [&](const JsonObject& row) { return volume_row(call, row); });
  } else if (command == "snapmirror") {
    each(kind::kRelationship, [&](const JsonObject& row) { return mirror_row(call, row); });
  } else if (command == "snapshot" || command == "volume/snapshot") {
    each(kind::kSnapshot, &snapshot_cli_row);
  } else if (command == "vserver") {
    each(kind::kSvm, [](const JsonObject& row) {
      return JsonObject{{"vserver", text_at(row, "name")},
                        {"uuid", text_at(row, "uuid")},
                        {"type", "data"},
                        {"operational_state", text_at(row, "state")},
                        {"admin_state", text_at(row, "state")},
                        {"subtype", text_at(row, "subtype")}};
    });
  } else if (command == "aggr" || command == "storage/aggregate") {
    each(kind::kAggregate, [&](const JsonObject& row) {
      const std::int64_t size = aggregate_size(row);
      const std::int64_t used = aggregate_used(call.cluster, text_at(row, "uuid"));
      return JsonObject{{"aggregate", text_at(row, "name")},
                        {"uuid", text_at(row, "uuid")},
                        {"state", text_at(row, "state")},
                        {"node", text_at(row, "node.name")},
                        {"size", size},
                        {"usedsize", used},
                        {"availsize", size - used}};
    });
  } else if (command == "node" || command == "system/node") {
    each(kind::kNode, [](const JsonObject& row) {
      return JsonObject{{"node", text_at(row, "name")},
                        {"uuid", text_at(row, "uuid")},
                        {"health", text_at(row, "state") == "up"},
                        {"model", text_at(row, "model")},
                        {"serialnumber", text_at(row, "serial_number")}};
    });
  }
  return out;
}

Outcome<Answer> show(Call& call) {
  const std::string command = call.key();
  if (call.query.fields == "*" || call.query.fields == "**") {
    return bad(262220, "Wildcards are not supported here: list the fields.", "fields");
  }
  auto records = rows_of(call, command);
  JsonArray shown;
  std::vector<std::string> wanted;
  std::string_view names = call.query.fields;
  while (!names.empty()) {
    const std::string_view one = names.substr(0, names.find(','));
    names.remove_prefix(std::min(names.size(), one.size() + 1));
    wanted.emplace_back(one);
    std::ranges::replace(wanted.back(), '-', '_');
  }
  for (const JsonObject& record : records) {
    bool fits = true;
    for (const auto& [name, value] : call.query.options) {
      const Json* found = record.if_contains(name);
      if (found != nullptr) {
        HF_TRY(const Filter filter,
               Filter::parse(
                   Field{name, found->is_number() ? FieldType::kNumber : FieldType::kText}, value));
        fits = fits && filter.matches({found});
      }
    }
    if (!fits) {
      continue;
    }
    JsonObject one;
    for (const auto& [name, value] : record) {
      const bool key =
          is_one_of(name, "vserver|volume|snapshot|destination_path|source_path|aggregate|node");
      if (key || std::ranges::find(wanted, std::string_view(name)) != wanted.end()) {
        one[name] = value;
      }
    }
    shown.emplace_back(std::move(one));
  }
  Answer answer;
  answer.body = {{"num_records", static_cast<std::int64_t>(shown.size())}};
  answer.body["records"] = std::move(shown);
  return answer;
}

// A key of the command: in the body with - or _, or in the query.
std::string word(const Call& call, std::string name) {
  std::string text = text_at(call.body, name, call.query.option(name));
  std::ranges::replace(name, '-', '_');
  return text.empty() ? text_at(call.body, name, call.query.option(name)) : text;
}

// The last resort when the source is dead: no peer is asked.
Outcome<Answer> snapmirror_break(Call& call) {
  const JsonObject* row =
      call.cluster.find_by(kind::kRelationship, "destination.path", word(call, "destination-path"));
  if (row == nullptr) {
    return not_found("destination-path");
  }
  HF_TRY_VOID(transition(text_at(*row, "state"), "broken_off"));
  JobSpec spec;
  spec.description = describe_call(call);
  spec.work = [id = text_at(*row, "uuid")](JobRun& run) {
    return break_off(run.world(), run.cluster(), id, {.force = true, .to_snapshot = {}});
  };
  Answer answer = by_job(start_job(call.world, call.cluster, std::move(spec)));
  answer.body = {{"cli_output", "Operation is queued: snapmirror break.\n"}};
  return answer;
}

Outcome<Answer> restore_file(Call& call) {
  const JsonObject* volume =
      volume_by_name(call.cluster, word(call, "vserver"), word(call, "volume"));
  if (volume == nullptr) {
    return not_found("volume");
  }
  JsonObject wanted{{"snapshot", {{"name", word(call, "snapshot")}}}, {"path", word(call, "path")}};
  if (const std::string to = word(call, "restore-path"); !to.empty()) {
    wanted["restore_path"] = to;
  }
  HF_TRY(Answer answer, restore_to(call, JsonObject(*volume), wanted));
  answer.body = {{"cli_output", ""}};
  return answer;
}

Outcome<Answer> other(Call& call) {
  return bad(3, fmt::format("The command \"{}\" is not simulated.", call.key()));
}

}  // namespace

void add_private_cli(Table& table) {
  table.add(Route{.method = "POST",
                  .pattern = "/private/cli/snapmirror/break",
                  .handler = &snapmirror_break,
                  .lenient = true});
  table.add(Route{.method = "POST",
                  .pattern = "/private/cli/volume/snapshot/restore-file",
                  .handler = &restore_file,
                  .lenient = true});
  table.add(Route{
      .method = "GET", .pattern = "/private/cli/{command...}", .handler = &show, .lenient = true});
  for (const std::string_view method : {"POST", "PATCH", "DELETE"}) {
    table.add(Route{.method = method,
                    .pattern = "/private/cli/{command...}",
                    .handler = &other,
                    .lenient = true});
  }
}

}  // namespace holdfast::ontap_sim
