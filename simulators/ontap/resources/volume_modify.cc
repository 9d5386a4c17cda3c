// PATCH /storage/volumes/{uuid}: names, sizes, states, junctions, policies, restores.
#include <fmt/core.h>

#include "simulators/ontap/model/efficiency.h"
#include "simulators/ontap/model/ems.h"
#include "simulators/ontap/resources/volume_parts.h"
#include "simulators/ontap/store/tree.h"

namespace holdfast::ontap_sim {
namespace {

Done check_size(const Cluster& cluster, const JsonObject& volume, std::int64_t size) {
  const std::int64_t now = int_at(volume, "size");
  if (size < kSmallestVolume) {
    return bad(917534,
               fmt::format("The size {} is too small: a volume has at least {} bytes.", size,
                           kSmallestVolume),
               "size");
  }
  if (size < now && now - free_bytes(cluster, volume) > size) {
    return bad(917534,
               fmt::format("The size {} is too small: the volume holds more than that.", size),
               "size");
  }
  const auto aggregates = objects_at(volume, "aggregates");
  if (size > now && !aggregates.empty() && text_at(volume, "guarantee.type") == "volume") {
    if (const JsonObject* aggregate =
            cluster.find(kind::kAggregate, text_at(aggregates.front(), "uuid"))) {
      return check_aggregate(cluster, *aggregate, size - now);
    }
  }
  return {};
}

Done check_state(const std::string& state) {
  if (state.empty() || state == "online" || state == "offline" || state == "restricted") {
    return {};
  }
  return bad(918652, fmt::format("A volume cannot be set to the state \"{}\".", state), "state");
}

Done check_locking(const JsonObject& volume, const JsonObject& body) {
  if (flag_at(body, "snapshot_locking_enabled") &&
      !text_at(volume, "consistency_group.uuid").empty()) {
    return bad(918636, "Snapshot locking cannot be enabled on a volume of a consistency group.",
               "snapshot_locking_enabled");
  }
  if (const Json* locking = at(body, "snapshot_locking_enabled");
      locking && !locking->as_bool() && flag_at(volume, "snapshot_locking_enabled")) {
    return bad(524849, "Snapshot locking cannot be disabled once it is enabled.",
               "snapshot_locking_enabled");
  }
  return {};
}

// PATCH moves anti-ransomware between these; the others are what it passes through by itself.
Done settle_ransomware(World& world, Cluster& cluster, const JsonObject& volume, JsonObject& body) {
  const std::string state = text_at(body, "anti_ransomware.state");
  if (state.empty()) {
    return {};
  }
  if (!is_one_of(state, "disabled|dry_run|enabled|paused")) {
    return bad(203161629, fmt::format("The anti-ransomware state cannot be set to \"{}\".", state),
               "anti_ransomware.state");
  }
  const std::string now = text_at(volume, "anti_ransomware.state");
  if (state == "paused" && now != "enabled" && now != "dry_run") {
    return bad(203161623, "Only an active anti-ransomware can be paused.", "anti_ransomware.state");
  }
  if (state == "paused" && now == "dry_run") {
    set(body, "anti_ransomware.state", Json("dry_run_paused"));
  }
  if (state == "dry_run") {
    set(body, "anti_ransomware.dry_run_start_time", Json(world.now_text()));
  }
  add_ems(world, cluster,
          {"arw.volume.state",
           "notice",
           fmt::format("Anti-ransomware of volume {} is {}.", text_at(volume, "name"), state),
           {{"volUuid", text_at(volume, "uuid")},
            {"volName", text_at(volume, "name")},
            {"op", state}}});
  return {};
}

Done check_policy(const Cluster& cluster, const JsonObject& volume, JsonObject& body) {
  const std::string name = text_at(body, "snapshot_policy.name");
  const std::string uuid = text_at(body, "snapshot_policy.uuid");
  if (name.empty() && uuid.empty()) {
    return {};
  }
  if (text_at(volume, "type") != "rw") {
    return bad(917617, "The snapshot policy of a DP or LS volume cannot be changed.",
               "snapshot_policy");
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

Done check_changes(Call& call, const JsonObject& volume, JsonObject& body) {
  const std::string uuid = text_at(volume, "uuid");
  const std::string name = text_at(body, "name");
  const std::string state = text_at(body, "state", text_at(volume, "state"));
  if (!name.empty() && name != text_at(volume, "name") &&
      volume_by_name(call.cluster, text_at(volume, "svm.name"), name)) {
    return conflict(917526, fmt::format("Volume name \"{}\" already exists.", name), "name");
  }
  HF_TRY_VOID(check_state(text_at(body, "state")));
  if (const Json* path = at(body, "nas.path");
      path && path->is_string() && !path->as_string().empty()) {
    if (state != "online") {
      return bad(917775, "The volume is not online: it cannot be mounted.", "nas.path");
    }
    HF_TRY_VOID(check_junction(call.cluster, *at(volume, "svm")->if_object(), uuid,
                               std::string(path->as_string())));
  }
  if (const Json* size = body.if_contains("size")) {
    HF_TRY_VOID(check_size(call.cluster, volume, size->to_number<std::int64_t>()));
  } else if (const Json* inner = at(body, "space.size")) {
    body["size"] = *inner;
    HF_TRY_VOID(check_size(call.cluster, volume, inner->to_number<std::int64_t>()));
  }
  drop(body, "space.size");
  if (body.contains("type") && text_at(body, "type") != text_at(volume, "type")) {
    return bad(524849, "The type of a volume cannot be changed this way.", "type");
  }
  HF_TRY_VOID(check_locking(volume, body));
  HF_TRY_VOID(settle_ransomware(call.world, call.cluster, volume, body));
  return check_policy(call.cluster, volume, body);
}

// Renames the folder with the volume.
Done rename_volume(Cluster& cluster, JsonObject& volume, const std::string& name) {
  const std::string before = volume_folder(cluster, volume);
  const std::string folder = text_at(volume, "svm.name") + "/" + name;
  HF_TRY_VOID(rename_path(before, cluster.folder + "/" + folder));
  set(volume, "_sim.folder", Json(folder));
  volume["name"] = name;
  for (const auto& [id, clone] : cluster.rows(kind::kVolume)) {
    if (text_at(clone, "clone.parent_volume.uuid") == text_at(volume, "uuid")) {
      set(*cluster.edit(kind::kVolume, id), "clone.parent_volume.name", Json(name));
    }
  }
  return {};
}

Done apply_changes(World& world, Cluster& cluster, const std::string& uuid, JsonObject body) {
  const auto mutex = world.volume_lock(uuid);
  const std::lock_guard hold(*mutex);
  Locked lock(world);
  JsonObject* volume = cluster.edit(kind::kVolume, uuid);
  if (volume == nullptr) {
    return not_found("uuid");
  }
  if (const std::string name = text_at(body, "name");
      !name.empty() && name != text_at(*volume, "name")) {
    HF_TRY_VOID(rename_volume(cluster, *volume, name));
  }
  if (const std::int64_t percent = int_at(body, "space.snapshot.reserve_percent", -1);
      percent >= 0) {
    set(*volume, "_sim.reserve_percent", percent);
  }
  if (flag_at(body, "snapshot_locking_enabled")) {
    set(*volume, "_sim.locking_since", Json(world.now_text()));
  }
  merge(*volume, body);
  settle_efficiency(*volume);
  if (text_at(body, "state") == "offline") {
    add_ems(world, cluster,
            {"wafl.vvol.offline",
             "notice",
             fmt::format("Volume {} is offline.", text_at(*volume, "name")),
             {{"vol", text_at(*volume, "name")}, {"volUuid", uuid}}});
  }
  if (text_at(*volume, "state") != "online" || text_at(*volume, "nas.path").empty()) {
    drop(*volume, "nas.path");
  }
  return {};
}

// The part of body or query that asks for a restore; empty when none does.
JsonObject wanted_restore(const Call& call, const JsonObject& body) {
  JsonObject wanted;
  if (const Json* inner = body.if_contains("restore_to"); inner && inner->is_object()) {
    wanted = inner->as_object();
  }
  for (const auto& [name, value] : call.query.options) {
    if (name == "restore_to.start_byte" || name == "restore_to.byte_count") {
      set(wanted, name.substr(11), Json(std::strtoll(value.c_str(), nullptr, 10)));
    } else if (name == "restore_to.snapshot.force") {
      set(wanted, "snapshot.force", Json(call.query.option_flag(name)));
    } else if (name.starts_with("restore_to.")) {
      set(wanted, name.substr(11), Json(value));
    }
  }
  return wanted;
}

}  // namespace

Outcome<Answer> modify_volume(Call& call, const JsonObject& volume, JsonObject body) {
  if (const JsonObject wanted = wanted_restore(call, body); !wanted.empty()) {
    body.erase("restore_to");
    if (!body.empty()) {
      return bad(918251, "A restore takes no other changes in the same call.", "restore_to");
    }
    return restore_to(call, volume, wanted);
  }
  if (at(body, "clone.split_initiated") != nullptr) {
    return start_split(call, volume, body);
  }
  HF_TRY_VOID(check_changes(call, volume, body));
  const std::string uuid = text_at(volume, "uuid");
  JobSpec spec;
  spec.description = describe_call(call);
  spec.svm = *at(volume, "svm")->if_object();
  spec.work = [uuid, body](JobRun& run) {
    return apply_changes(run.world(), run.cluster(), uuid, body);
  };
  return by_job(start_job(call.world, call.cluster, std::move(spec)));
}

}  // namespace holdfast::ontap_sim
