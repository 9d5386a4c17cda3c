// /storage/volumes: listing, creation, clones.
#include <fmt/core.h>

#include "simulators/ontap/model/clone.h"
#include "simulators/ontap/model/efficiency.h"
#include "simulators/ontap/resources/volume_parts.h"

namespace holdfast::ontap_sim {
namespace {

constexpr std::string_view kOptions[] = {"force",
                                         "restore_to.snapshot.name",
                                         "restore_to.snapshot.uuid",
                                         "restore_to.snapshot.force",
                                         "restore_to.path",
                                         "restore_to.restore_path",
                                         "restore_to.start_byte",
                                         "restore_to.byte_count",
                                         "preserve_lun_ids",
                                         "nvfail",
                                         "sizing_method",
                                         "validate_only",
                                         "clone.match_parent_storage_tier",
                                         "scheduled_snapshot_naming_scheme",
                                         "show_offline_volumes"};

bool valid_name(std::string_view name) {
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && name.size() <= 203 && std::ranges::all_of(name, good) &&
         (name[0] < '0' || name[0] > '9');
}

void decorate_volume(Call& call, JsonObject& record, const Selection& selection) {
  const std::string uuid = text_at(record, "uuid");
  if (selection.wants("snapshot_count")) {
    record["snapshot_count"] = static_cast<std::int64_t>(snapshots_of(call.cluster, uuid).size());
  }
  std::optional<VolumeEfficiency> measured;
  if (selection.wants("space") || selection.wants("files") || selection.wants("efficiency")) {
    measured = efficiency_of_volume(call.cluster, record);
    add_space(call.cluster, record, *measured);
  }
  if (selection.wants("clone.has_flexclone")) {
    set(record, "clone.has_flexclone", Json(has_clones(call.cluster, uuid)));
  }
  if (selection.wants("efficiency")) {
    const SavedBytes& saved = measured->saved;
    const Efficiency& found = measured->without_snapshots;
    const auto percent = [&](std::int64_t bytes) {
      return found.logical > 0 ? bytes * 100 / found.logical : 0;
    };
    set(record, "efficiency.ratio", Json(found.ratio()));
    set(record, "efficiency.has_savings", Json(found.saved() > 0));
    set(record, "efficiency.space_savings",
        JsonObject{{"dedupe", saved.dedupe},
                   {"dedupe_percent", percent(saved.dedupe)},
                   {"compression", saved.compression},
                   {"compression_percent", percent(saved.compression)},
                   {"total", saved.total()},
                   {"total_percent", percent(saved.total())}});
  }
  record["snapmirror"] = {{"is_protected", flag_at(record, "_sim.protected")},
                          {"destinations",
                           {{"is_ontap", flag_at(record, "_sim.protected")},
                            {"is_cloud", flag_at(record, "_sim.to_cloud")}}}};
}

// The aggregate that the body names, or the emptiest.
Outcome<JsonObject> choose_aggregate(const Cluster& cluster, const JsonObject& body) {
  const auto named = objects_at(body, "aggregates");
  if (named.empty()) {
    return bad(917508, "No aggregate was given: name one in \"aggregates\".", "aggregates");
  }
  const std::string name = text_at(named.front(), "name");
  const std::string uuid = text_at(named.front(), "uuid");
  const JsonObject* found = uuid.empty() ? cluster.find_by(kind::kAggregate, "name", name)
                                         : cluster.find(kind::kAggregate, uuid);
  if (found == nullptr) {
    return bad(917508, fmt::format("Aggregate \"{}\" does not exist.", uuid.empty() ? name : uuid),
               "aggregates");
  }
  if (!name.empty() && text_at(*found, "name") != name) {
    return bad(787141, "The specified aggregate name and UUID refer to different aggregates.",
               "aggregates");
  }
  return *found;
}

// What a body sets that new_volume() has a default for.
Done settle_snapshot_policy(const Cluster& cluster, JsonObject& body) {
  const std::string name = text_at(body, "snapshot_policy.name");
  const std::string uuid = text_at(body, "snapshot_policy.uuid");
  if (name.empty() && uuid.empty()) {
    return {};
  }
  const JsonObject* policy = uuid.empty() ? cluster.find_by(kind::kSnapshotPolicy, "name", name)
                                          : cluster.find(kind::kSnapshotPolicy, uuid);
  if (policy == nullptr) {
    return bad(
        917551,
        fmt::format("The snapshot policy \"{}\" does not exist.", uuid.empty() ? name : uuid),
        "snapshot_policy");
  }
  body["snapshot_policy"] = reference(*policy);
  return {};
}

Done check_name(const Cluster& cluster, const JsonObject& svm, const std::string& name) {
  if (!valid_name(name)) {
    return bad(
        917504,
        fmt::format("\"{}\" is not a volume name: letters, digits and _, not a digit first.", name),
        "name");
  }
  if (volume_by_name(cluster, text_at(svm, "name"), name) != nullptr) {
    return conflict(
        917526,
        fmt::format("Volume name \"{}\" already exists in SVM \"{}\".", name, text_at(svm, "name")),
        "name");
  }
  return {};
}

JsonObject shown(const JsonObject& volume) {
  JsonObject out = reference(volume);
  copy_field(volume, out, "svm");
  return out;
}

// The snapshot that a clone starts from: the named one, or one that is made for it.
Outcome<std::string> clone_source(Call& call, const JsonObject& parent, const JsonObject& body,
                                  const std::string& clone) {
  const std::string name = text_at(body, "clone.parent_snapshot.name");
  const std::string uuid = text_at(body, "clone.parent_snapshot.uuid");
  const std::string parent_uuid = text_at(parent, "uuid");
  if (name.empty() && uuid.empty()) {
    const std::string made = fmt::format("clone_{}.{}", clone, call.world.now_text().substr(0, 19));
    HF_TRY_VOID(check_new_snapshot(call.cluster, parent, made));
    return reserve_snapshot(call.world, call.cluster, parent, {.name = made});
  }
  const JsonObject* found = uuid.empty()
                                ? snapshot_by_name(call.cluster, parent_uuid, name)
                                : call.cluster.find(kind::kSnapshot, below_id(parent_uuid, uuid));
  if (found == nullptr || is_pending(*found)) {
    return bad(
        524597,
        fmt::format("The parent snapshot \"{}\" does not exist.", uuid.empty() ? name : uuid),
        "clone.parent_snapshot");
  }
  return text_at(*found, "uuid");
}

}  // namespace

Done check_aggregate(const Cluster& cluster, const JsonObject& aggregate, std::int64_t bytes) {
  const std::int64_t left =
      aggregate_size(aggregate) - aggregate_used(cluster, text_at(aggregate, "uuid"));
  if (bytes > left) {
    return Fault(500, 1245212,
                 fmt::format("Aggregate \"{}\" has {} bytes left, {} are asked for: no space left.",
                             text_at(aggregate, "name"), left, bytes),
                 "aggregates");
  }
  return {};
}

Done check_junction(const Cluster& cluster, const JsonObject& svm, std::string_view volume,
                    std::string_view path) {
  if (path.empty()) {
    return {};
  }
  if (!path.starts_with('/') || path.size() < 2 || path.find("//") != std::string_view::npos ||
      path.ends_with('/')) {
    return bad(
        918252,
        fmt::format("\"{}\" is not a junction path: it begins with / and names a folder.", path),
        "nas.path");
  }
  for (const auto& [uuid, other] : cluster.rows(kind::kVolume)) {
    if (uuid != volume && text_at(other, "svm.uuid") == text_at(svm, "uuid") &&
        text_at(other, "nas.path") == path) {
      return bad(918252,
                 fmt::format("The junction path \"{}\" is in use by volume \"{}\".", path,
                             text_at(other, "name")),
                 "nas.path");
    }
  }
  return {};
}

Outcome<Answer> create_volume(Call& call, JsonObject body) {
  if (flag_at(body, "clone.is_flexclone") || at(body, "clone.parent_volume") != nullptr) {
    return clone_volume(call, std::move(body));
  }
  HF_TRY(const JsonObject svm, resolve_svm(call.cluster, body));
  const std::string name = text_at(body, "name");
  HF_TRY_VOID(check_name(call.cluster, svm, name));
  HF_TRY(const JsonObject aggregate, choose_aggregate(call.cluster, body));
  NewVolume wanted{.name = name, .svm = svm, .aggregate = reference(aggregate)};
  wanted.size = int_at(body, "size", int_at(body, "space.size", kSmallestVolume));
  wanted.type = text_at(body, "type", "rw");
  if (wanted.size < kSmallestVolume) {
    return bad(917534,
               fmt::format("The size {} is too small: a volume has at least {} bytes.", wanted.size,
                           kSmallestVolume),
               "size");
  }
  if (text_at(body, "guarantee.type", "volume") == "volume") {
    HF_TRY_VOID(check_aggregate(call.cluster, aggregate, wanted.size));
  }
  HF_TRY_VOID(check_junction(call.cluster, svm, "", text_at(body, "nas.path")));
  if (wanted.type == "dp" && !text_at(body, "nas.path").empty()) {
    return bad(917628, "A data protection volume is mounted after its first transfer.", "nas.path");
  }
  HF_TRY_VOID(settle_snapshot_policy(call.cluster, body));
  JsonObject volume = new_volume(call.world, call.cluster, wanted);
  if (objects_at(body, "aggregates").size() > 1 || text_at(body, "style") == "flexgroup") {
    volume["style"] = "flexgroup";
  }
  for (const char* field : {"aggregates", "svm", "style", "clone", "space.size", "validate_only"}) {
    drop(body, field);
  }
  if (const std::int64_t percent = int_at(body, "space.snapshot.reserve_percent", -1);
      percent >= 0) {
    set(volume, "_sim.reserve_percent", percent);
  }
  merge(volume, body);
  settle_efficiency(volume);
  volume[kPending] = true;
  const std::string uuid = text_at(volume, "uuid");
  const JsonObject record = shown(call.cluster.add(kind::kVolume, uuid, std::move(volume)));
  JobSpec spec;
  spec.description = describe_call(call, uuid);
  spec.svm = svm;
  spec.work = [uuid](JobRun& run) { return finish_volume(run.world(), run.cluster(), uuid, ""); };
  spec.undo = [&cluster = call.cluster, uuid] { cluster.remove(kind::kVolume, uuid); };
  return by_job(start_job(call.world, call.cluster, std::move(spec)), uuid, record);
}

Outcome<Answer> clone_volume(Call& call, JsonObject body) {
  HF_TRY(const JsonObject svm, resolve_svm(call.cluster, body));
  const std::string name = text_at(body, "name");
  HF_TRY_VOID(check_name(call.cluster, svm, name));
  const Json* named = at(body, "clone.parent_volume");
  if (named == nullptr || !named->is_object()) {
    return bad(524601, "\"clone.parent_volume\" is required.", "clone.parent_volume");
  }
  HF_TRY(const JsonObject* found,
         resolve_volume(call.cluster, named->as_object(),
                        text_at(body, "clone.parent_svm.name", text_at(svm, "name"))));
  const JsonObject parent = *found;
  HF_TRY_VOID(check_junction(call.cluster, svm, "", text_at(body, "nas.path")));
  HF_TRY(const std::string snapshot, clone_source(call, parent, body, name));
  const std::string parent_uuid = text_at(parent, "uuid");
  const std::string row = below_id(parent_uuid, snapshot);
  const JsonObject source = *call.cluster.find(kind::kSnapshot, row);
  const std::string source_folder = snapshot_folder(call.cluster, parent, text_at(source, "name"));
  JsonObject clone =
      new_clone(call.world, call.cluster, parent, source, {.name = name, .svm = svm});
  const bool split = flag_at(body, "clone.split_initiated");
  for (const char* field : {"clone", "svm", "aggregates", "type", "size"}) {
    drop(body, field);
  }
  HF_TRY_VOID(settle_snapshot_policy(call.cluster, body));
  merge(clone, body);
  const std::string uuid = text_at(clone, "uuid");
  const JsonObject record = shown(call.cluster.add(kind::kVolume, uuid, std::move(clone)));
  add_owner(call.cluster, row, "volume_clone_dependent", uuid);
  JobSpec spec;
  spec.description = describe_call(call, uuid);
  spec.svm = svm;
  spec.work = [=](JobRun& run) -> Done {
    if (is_pending(source)) {
      HF_TRY_VOID(fill_snapshot(run.world(), run.cluster(), parent_uuid, snapshot));
    }
    HF_TRY_VOID(finish_volume(run.world(), run.cluster(), uuid, source_folder));
    return split ? split_clone(run, uuid) : Done();
  };
  spec.undo = [&cluster = call.cluster, uuid, row] {
    cluster.remove(kind::kVolume, uuid);
    remove_owner(cluster, row, uuid);
    if (const JsonObject* left = cluster.find(kind::kSnapshot, row); left && is_pending(*left)) {
      cluster.remove(kind::kSnapshot, row);
    }
  };
  return by_job(start_job(call.world, call.cluster, std::move(spec)), uuid, record);
}

void add_volume_resources(Table& table) {
  Resource volumes{.path = "/storage/volumes",
                   .kind = kind::kVolume,
                   .schema = &volume_schema(),
                   .options = kOptions};
  volumes.decorate = &decorate_volume;
  volumes.create = &create_volume;
  volumes.modify = &modify_volume;
  volumes.remove = &remove_volume;
  table.add(volumes);
}

}  // namespace holdfast::ontap_sim
