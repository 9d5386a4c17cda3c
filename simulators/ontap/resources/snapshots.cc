// /storage/volumes/{volume}/snapshots.
#include <fmt/core.h>

#include "simulators/ontap/resources/volume_parts.h"
#include "simulators/ontap/store/tree.h"

namespace holdfast::ontap_sim {
namespace {

using enum FieldType;

constexpr size_t kLabelMax = 31;

const Schema kSchema{{"uuid", kText, kIdentity},
                     {"name", kText, kIdentity | kSet | kRequired},
                     {"comment", kText, kSet},
                     {"create_time", kTime},
                     {"expiry_time", kTime, kSet},
                     {"snaplock_expiry_time", kTime, kSet},
                     {"snaplock.expiry_time", kTime, kSet},
                     {"snaplock.expired", kFlag},
                     {"snaplock.time_until_expiry", kDuration},
                     {"snapmirror_label", kText, kSet},
                     {"owners", kTexts},
                     {"state", kEnum, kShown, "valid|invalid|partial|unknown|pre_conversion"},
                     {"size", kSize},
                     {"logical_size", kSize},
                     {"version_uuid", kText},
                     {"provenance_volume.uuid", kText},
                     {"reclaimable_space", kSize, kCostly},
                     {"delta.size_consumed", kSize, kCostly},
                     {"delta.time_elapsed", kDuration, kCostly},
                     {"compress_savings", kSize},
                     {"dedup_savings", kSize},
                     {"vbn0_savings", kSize},
                     {"svm.name", kText, kCreate},
                     {"svm.uuid", kText, kCreate},
                     {"volume.name", kText, kCreate},
                     {"volume.uuid", kText, kCreate}};

std::string seconds_between(const std::string& from, UtcTime to) {
  const auto start = parse_time(from);
  return to_iso_duration(start ? std::chrono::floor<std::chrono::seconds>(to - *start).count() : 0);
}

void decorate(Call& call, JsonObject& record, const Selection& selection) {
  if (const std::string until = text_at(record, "snaplock_expiry_time"); !until.empty()) {
    const auto time = parse_time(until);
    const auto left =
        time ? std::chrono::floor<std::chrono::seconds>(*time - call.world.now()).count() : 0;
    record["snaplock"] = {{"expiry_time", until},
                          {"expired", left <= 0},
                          {"time_until_expiry", to_iso_duration(left)}};
  }
  if (selection.wants("reclaimable_space")) {
    record["reclaimable_space"] = int_at(record, "_sim.delta");
  }
  if (selection.wants("delta")) {
    record["delta"] = {
        {"size_consumed", int_at(record, "_sim.delta")},
        {"time_elapsed", seconds_between(text_at(record, "create_time"), call.world.now())}};
  }
  record["compress_savings"] = 0;
  record["dedup_savings"] = 0;
  record["vbn0_savings"] = 0;
}

// Label, expiry and lock of a new or changed snapshot. Both forms of the lock become one.
Done settle(Call& call, const JsonObject& volume, const JsonObject* before, JsonObject& body) {
  if (const std::string label = text_at(body, "snapmirror_label"); label.size() > kLabelMax) {
    return bad(1638455, "A snapmirror_label has 1 to 31 characters.", "snapmirror_label");
  }
  if (const Json* nested = at(body, "snaplock.expiry_time")) {
    body["snaplock_expiry_time"] = *nested;
    body.erase("snaplock");
  }
  if (!text_at(body, "expiry_time").empty() && text_at(volume, "style") == "flexgroup") {
    return bad(1638537, "An expiry time is not supported on a FlexGroup volume.", "expiry_time");
  }
  const std::string lock = text_at(body, "snaplock_expiry_time");
  if (lock.empty()) {
    return {};
  }
  if (!flag_at(volume, "snapshot_locking_enabled")) {
    return bad(
        1638554,
        "Snapshot locking is not enabled on the volume: set \"snapshot_locking_enabled\" first.",
        "snaplock_expiry_time");
  }
  const auto wanted = parse_time(lock);
  const auto had = before ? parse_time(text_at(*before, "snaplock_expiry_time"))
                          : Result<UtcTime>(call.world.now());
  if (wanted && had && *wanted < *had) {
    return bad(1638523, "A lock can only be extended.", "snaplock_expiry_time");
  }
  return {};
}

Outcome<Answer> create(Call& call, JsonObject body) {
  const JsonObject* found = call.cluster.find(kind::kVolume, call.key());
  if (found == nullptr || is_pending(*found)) {
    return not_found("volume.uuid");
  }
  const JsonObject volume = *found;
  const std::string name = text_at(body, "name");
  HF_TRY_VOID(check_new_snapshot(call.cluster, volume, name));
  HF_TRY_VOID(settle(call, volume, nullptr, body));
  const std::string volume_uuid = text_at(volume, "uuid");
  body.erase("name");
  body.erase("svm");
  body.erase("volume");
  const std::string uuid =
      reserve_snapshot(call.world, call.cluster, volume, {.name = name, .more = std::move(body)});
  JobSpec spec;
  spec.description = describe_call(call, uuid);
  spec.svm = *at(volume, "svm")->if_object();
  spec.work = [volume_uuid, uuid](JobRun& run) {
    return fill_snapshot(run.world(), run.cluster(), volume_uuid, uuid);
  };
  spec.undo = [&cluster = call.cluster, row = below_id(volume_uuid, uuid)] {
    cluster.remove(kind::kSnapshot, row);
  };
  JsonObject record = *call.cluster.find(kind::kSnapshot, below_id(volume_uuid, uuid));
  record.erase("_sim");
  record.erase(kPending);
  return by_job(start_job(call.world, call.cluster, std::move(spec)), uuid, record);
}

Done rename(World& world, Cluster& cluster, const std::string& volume_uuid, const std::string& id,
            const std::string& name) {
  const auto mutex = world.volume_lock(volume_uuid);
  const std::lock_guard hold(*mutex);
  Locked lock(world);
  const JsonObject* volume = cluster.find(kind::kVolume, volume_uuid);
  JsonObject* row = cluster.edit(kind::kSnapshot, below_id(volume_uuid, id));
  if (volume == nullptr || row == nullptr) {
    return not_found("uuid");
  }
  if (!texts_at(*row, "owners").empty() || !check_deletable(world, *row)) {
    return bad(1638555,
               fmt::format(
                   "Snapshot \"{}\" cannot be renamed: it is in use, has not expired or is locked.",
                   text_at(*row, "name")),
               "name");
  }
  HF_TRY_VOID(rename_path(snapshot_folder(cluster, *volume, text_at(*row, "name")),
                          snapshot_folder(cluster, *volume, name)));
  (*row)["name"] = name;
  return {};
}

Outcome<Answer> modify(Call& call, const JsonObject& record, JsonObject body) {
  const std::string volume_uuid = text_at(record, "volume.uuid");
  const JsonObject volume = *call.cluster.find(kind::kVolume, volume_uuid);
  HF_TRY_VOID(settle(call, volume, &record, body));
  const std::string name = text_at(body, "name");
  const bool renames = !name.empty() && name != text_at(record, "name");
  if (renames && snapshot_by_name(call.cluster, volume_uuid, name) != nullptr) {
    return conflict(1638476, fmt::format("Snapshot \"{}\" already exists.", name), "name");
  }
  body.erase("name");
  const std::string uuid = text_at(record, "uuid");
  JobSpec spec;
  spec.description = describe_call(call);
  spec.work = [=](JobRun& run) -> Done {
    if (renames) {
      HF_TRY_VOID(rename(run.world(), run.cluster(), volume_uuid, uuid, name));
    }
    Locked lock(run.world());
    if (JsonObject* row = run.cluster().edit(kind::kSnapshot, below_id(volume_uuid, uuid))) {
      merge(*row, body);
    }
    return {};
  };
  return by_job(start_job(call.world, call.cluster, std::move(spec)));
}

Outcome<Answer> remove(Call& call, const JsonObject& record) {
  const std::string volume_uuid = text_at(record, "volume.uuid");
  JobSpec spec;
  spec.description = describe_call(call);
  spec.work = [volume_uuid, uuid = text_at(record, "uuid")](JobRun& run) {
    return delete_snapshot(run.world(), run.cluster(), volume_uuid, uuid);
  };
  return by_job(start_job(call.world, call.cluster, std::move(spec)));
}

Done volume_exists(Call& call) {
  return call.cluster.find(kind::kVolume, call.key()) != nullptr ? Done()
                                                                 : Done(not_found("volume.uuid"));
}

}  // namespace

void add_snapshot_resources(Table& table) {
  Resource snapshots{.path = "/storage/volumes/{volume.uuid}/snapshots",
                     .kind = kind::kSnapshot,
                     .schema = &kSchema};
  snapshots.decorate = &decorate;
  snapshots.parent = &volume_exists;
  snapshots.create = &create;
  snapshots.modify = &modify;
  snapshots.remove = &remove;
  table.add(snapshots);
}

}  // namespace holdfast::ontap_sim
