// DELETE /storage/volumes/{uuid}, and the recovery queue behind it.
//
// Without force a volume goes to the queue as <name>_<number>: offline, without junction, and still
// holding the snapshot that it was cloned from. After 12 hours it is gone.
#include <fmt/core.h>

#include "simulators/ontap/resources/volume_parts.h"
#include "simulators/ontap/store/tree.h"

namespace holdfast::ontap_sim {
namespace {

constexpr auto kRetention = std::chrono::hours(12);
constexpr std::int64_t kFirstQueueNumber = 1026;

Done to_queue(World& world, Cluster& cluster, const std::string& uuid) {
  const auto mutex = world.volume_lock(uuid);
  const std::lock_guard hold(*mutex);
  Locked lock(world);
  const JsonObject* found = cluster.find(kind::kVolume, uuid);
  if (found == nullptr) {
    return not_found("uuid");
  }
  JsonObject volume = *found;
  std::int64_t number = kFirstQueueNumber;
  for (const auto& [id, other] : cluster.rows(kQueuedVolume)) {
    number = std::max(number, int_at(other, "_sim.queue_number") + 1);
  }
  const std::string name = fmt::format("{}_{}", text_at(volume, "name"), number);
  const std::string folder = text_at(volume, "svm.name") + "/" + name;
  HF_TRY_VOID(rename_path(volume_folder(cluster, volume), cluster.folder + "/" + folder));
  volume["name"] = name;
  volume["state"] = "offline";
  drop(volume, "nas.path");
  set(volume, "_sim.folder", Json(folder));
  set(volume, "_sim.queue_number", number);
  set(volume, "_sim.deleted", Json(world.now_text()));
  cluster.remove(kind::kVolume, uuid);
  cluster.add(kQueuedVolume, uuid, std::move(volume));
  return {};
}

Done check_removable(const Cluster& cluster, const JsonObject& volume) {
  const std::string uuid = text_at(volume, "uuid");
  const std::string name = text_at(volume, "name");
  if (has_clones(cluster, uuid)) {
    return bad(
        524615,
        fmt::format("Volume \"{}\" has one or more clones: delete or split them first.", name));
  }
  if (!text_at(volume, "consistency_group.uuid").empty()) {
    return bad(524486,
               fmt::format("Volume \"{}\" is busy: it belongs to a consistency group.", name));
  }
  if (text_at(volume, "_sim.relationship").size() != 0) {
    return bad(
        524486,
        fmt::format("Volume \"{}\" is busy: it is the destination of a SnapMirror relationship.",
                    name));
  }
  return {};
}

JsonObject cli_row(const JsonObject& volume) {
  return {{"vserver", text_at(volume, "svm.name")},
          {"volume", text_at(volume, "name")},
          {"deletion_time", text_at(volume, "_sim.deleted")},
          {"deletion_request_time", text_at(volume, "_sim.deleted")},
          {"retention_hours", 12}};
}

const Schema& queue_schema() {
  using enum FieldType;
  static const Schema schema{{"vserver", kText, kIdentity},
                             {"volume", kText, kIdentity},
                             {"deletion_time", kTime, kIdentity},
                             {"deletion_request_time", kTime},
                             {"retention_hours", kInteger}};
  return schema;
}

std::vector<JsonObject> queued_rows(Call& call) {
  purge_expired(call.world, call.cluster);
  std::vector<JsonObject> rows;
  for (const auto& [uuid, volume] : call.cluster.rows(kQueuedVolume)) {
    rows.push_back(cli_row(volume));
  }
  return rows;
}

// The queued volumes that a body or query names; `*` is a wildcard.
std::vector<std::string> named_in_queue(const Call& call) {
  const auto value = [&](const char* name) {
    const std::string text = text_at(call.body, name);
    return text.empty() ? call.query.option(name, call.http.query_or(name, "*")) : text;
  };
  std::vector<std::string> out;
  for (const auto& [uuid, volume] : call.cluster.rows(kQueuedVolume)) {
    if (wildcard_match(value("vserver"), text_at(volume, "svm.name")) &&
        wildcard_match(value("volume"), text_at(volume, "name"))) {
      out.push_back(uuid);
    }
  }
  return out;
}

Outcome<Answer> recover(Call& call) {
  const auto named = named_in_queue(call);
  if (named.empty()) {
    return not_found("volume");
  }
  for (const std::string& uuid : named) {
    JsonObject volume = *call.cluster.find(kQueuedVolume, uuid);
    call.cluster.remove(kQueuedVolume, uuid);
    call.cluster.add(kind::kVolume, uuid, std::move(volume));
  }
  Answer answer;
  answer.status = 200;
  answer.body = {{"cli_output", ""}};
  return answer;
}

Outcome<Answer> purge(Call& call) {
  const auto named = named_in_queue(call);
  if (named.empty()) {
    return not_found("volume");
  }
  JobSpec spec;
  spec.description = describe_call(call);
  spec.work = [named](JobRun& run) -> Done {
    for (const std::string& uuid : named) {
      HF_TRY_VOID(destroy_volume(run.world(), run.cluster(), kQueuedVolume, uuid));
    }
    return {};
  };
  return by_job(start_job(call.world, call.cluster, std::move(spec)));
}

}  // namespace

bool has_clones(const Cluster& cluster, std::string_view volume) {
  for (const std::string_view kind : {kind::kVolume, kQueuedVolume}) {
    for (const auto& [uuid, other] : cluster.rows(kind)) {
      if (flag_at(other, "clone.is_flexclone") &&
          text_at(other, "clone.parent_volume.uuid") == volume) {
        return true;
      }
    }
  }
  return false;
}

Done destroy_volume(World& world, Cluster& cluster, std::string_view kind,
                    const std::string& uuid) {
  const auto mutex = world.volume_lock(uuid);
  const std::lock_guard hold(*mutex);
  std::string folder;
  {
    Locked lock(world);
    const JsonObject* volume = cluster.find(kind, uuid);
    if (volume == nullptr) {
      return not_found("uuid");
    }
    folder = volume_folder(cluster, *volume);
    if (flag_at(*volume, "clone.is_flexclone")) {
      remove_owner(cluster,
                   below_id(text_at(*volume, "clone.parent_volume.uuid"),
                            text_at(*volume, "clone.parent_snapshot.uuid")),
                   uuid);
    }
    std::vector<std::string> rows;
    for (const JsonObject* snapshot : cluster.below(kind::kSnapshot, uuid)) {
      rows.push_back(snapshot_row(*snapshot));
    }
    for (const std::string& row : rows) {
      cluster.remove(kind::kSnapshot, row);
    }
    cluster.remove(kind, uuid);
  }
  HF_TRY_VOID(remove_tree(folder));
  return {};
}

void purge_expired(World& world, Cluster& cluster) {
  for (const auto& [uuid, volume] : cluster.rows(kQueuedVolume)) {
    const auto since = parse_time(text_at(volume, "_sim.deleted"));
    if (since && *since + kRetention < world.now()) {
      world.later(Nanoseconds(0), [&world, &cluster, id = uuid] {
        static_cast<void>(destroy_volume(world, cluster, kQueuedVolume, id));
      });
    }
  }
}

Outcome<Answer> remove_volume(Call& call, const JsonObject& volume) {
  const std::string uuid = text_at(volume, "uuid");
  const bool force = call.query.option_flag("force");
  purge_expired(call.world, call.cluster);
  JobSpec spec;
  spec.description = describe_call(call);
  spec.svm = *at(volume, "svm")->if_object();
  spec.work = [uuid, force](JobRun& run) -> Done {
    {
      Locked lock(run.world());
      JsonObject* doomed = run.cluster().edit(kind::kVolume, uuid);
      if (doomed == nullptr) {
        return not_found("uuid");
      }
      HF_TRY_VOID(check_removable(run.cluster(), *doomed));
      (*doomed)["state"] = "offline";
      drop(*doomed, "nas.path");
    }
    return force ? destroy_volume(run.world(), run.cluster(), kind::kVolume, uuid)
                 : to_queue(run.world(), run.cluster(), uuid);
  };
  return by_job(start_job(call.world, call.cluster, std::move(spec)));
}

void add_recovery_queue(Table& table) {
  Resource queue{.path = "/private/cli/volume/recovery-queue",
                 .kind = kQueuedVolume,
                 .schema = &queue_schema(),
                 .key = "volume"};
  queue.rows = &queued_rows;
  table.add(Route{.method = "POST",
                  .pattern = "/private/cli/volume/recovery-queue/recover",
                  .handler = &recover,
                  .lenient = true});
  table.add(Route{.method = "POST",
                  .pattern = "/private/cli/volume/recovery-queue/purge",
                  .handler = &purge,
                  .lenient = true});
  table.add(queue);
}

}  // namespace holdfast::ontap_sim
