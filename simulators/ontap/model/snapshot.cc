#include "simulators/ontap/model/snapshot.h"

#include <fmt/core.h>

#include <algorithm>

#include "simulators/ontap/rest/schema.h"
#include "simulators/ontap/store/tree.h"

namespace holdfast::ontap_sim {
namespace {

constexpr size_t kNameMax = 255;

bool is_past(World& world, const std::string& time) {
  const auto parsed = parse_time(time);
  return !parsed || *parsed <= world.now();
}

// Whether a lock or an expiry still holds a snapshot.
bool is_held(World& world, const JsonObject& snapshot) {
  for (const char* field : {"expiry_time", "snaplock_expiry_time", "snaplock.expiry_time"}) {
    if (const std::string until = text_at(snapshot, field);
        !until.empty() && !is_past(world, until)) {
      return true;
    }
  }
  return false;
}

bool has_owner(const JsonObject& snapshot, std::string_view owner) {
  const auto owners = texts_at(snapshot, "owners");
  return std::ranges::find(owners, owner) != owners.end();
}

Fault offline(const JsonObject& volume, std::int64_t code) {
  return bad(code, fmt::format("Volume \"{}\" in SVM \"{}\" is not online.",
                               text_at(volume, "name"), text_at(volume, "svm.name")));
}

// Newer snapshots that a restore would take away, and whether it may.
Outcome<std::vector<std::string>> newer_than(World& world, const Cluster& cluster,
                                             const std::string& volume, const JsonObject& snapshot,
                                             bool force) {
  std::vector<std::string> rows;
  const std::int64_t serial = int_at(snapshot, "_sim.serial");
  for (const JsonObject* other : snapshots_of(cluster, volume)) {
    if (int_at(*other, "_sim.serial") <= serial) {
      continue;
    }
    const std::string name = text_at(*other, "name");
    if (is_held(world, *other)) {
      return bad(
          9437886,
          fmt::format("Snapshot \"{}\" is newer than the one to restore and is locked.", name));
    }
    if (has_owner(*other, "volume_clone_dependent")) {
      return bad(
          524486,
          fmt::format(
              "Snapshot \"{}\" is newer than the one to restore and is busy: clones depend on it.",
              name));
    }
    if (has_owner(*other, "snapmirror") && !force) {
      return bad(1638480, fmt::format("Snapshot \"{}\" is newer than the one to restore and is a "
                                      "reference for replication.",
                                      name));
    }
    rows.push_back(snapshot_row(*other));
  }
  return rows;
}

}  // namespace

std::string snapshot_row(const JsonObject& snapshot) {
  return below_id(text_at(snapshot, "volume.uuid"), text_at(snapshot, "uuid"));
}

std::vector<const JsonObject*> snapshots_of(const Cluster& cluster, std::string_view volume) {
  std::vector<const JsonObject*> all = cluster.below(kind::kSnapshot, volume);
  std::erase_if(all, [](const JsonObject* one) { return is_pending(*one); });
  std::ranges::sort(all, {}, [](const JsonObject* one) { return int_at(*one, "_sim.serial"); });
  return all;
}

const JsonObject* snapshot_by_name(const Cluster& cluster, std::string_view volume,
                                   std::string_view name) {
  for (const JsonObject* one : cluster.below(kind::kSnapshot, volume)) {
    if (text_at(*one, "name") == name) {
      return one;
    }
  }
  return nullptr;
}

Done check_new_snapshot(const Cluster& cluster, const JsonObject& volume, std::string_view name) {
  if (name.empty() || name.size() > kNameMax || name.find('/') != std::string_view::npos ||
      name == "." || name == "..") {
    return bad(1638518, fmt::format("\"{}\" is not a valid snapshot name.", name), "name");
  }
  const std::string uuid = text_at(volume, "uuid");
  if (text_at(volume, "state") != "online") {
    return bad(524479, fmt::format("Volume \"{}\" is offline: cannot create a snapshot.",
                                   text_at(volume, "name")));
  }
  if (text_at(volume, "type") != "rw") {
    return bad(1638461, "Snapshots can only be created on read/write (RW) volumes.", "name");
  }
  if (snapshot_by_name(cluster, uuid, name) != nullptr) {
    return conflict(525059,
                    fmt::format("Snapshot \"{}\" already exists on volume \"{}\".", name,
                                text_at(volume, "name")),
                    "name");
  }
  if (cluster.below(kind::kSnapshot, uuid).size() >= kSnapshotsMax) {
    return bad(525062, "The volume has reached the limit of 1023 snapshots.", "name");
  }
  return {};
}

std::string reserve_snapshot(World& world, Cluster& cluster, const JsonObject& volume,
                             NewSnapshot wanted) {
  const std::string uuid = world.new_uuid();
  const std::string volume_uuid = text_at(volume, "uuid");
  std::int64_t serial = 1;
  for (const JsonObject* one : cluster.below(kind::kSnapshot, volume_uuid)) {
    serial = std::max(serial, int_at(*one, "_sim.serial") + 1);
  }
  const std::string version = wanted.version_uuid.empty() ? world.new_uuid() : wanted.version_uuid;
  JsonObject row = std::move(wanted.more);
  row["uuid"] = uuid;
  row["name"] = wanted.name;
  row["create_time"] = wanted.create_time.empty() ? world.now_text() : wanted.create_time;
  row["version_uuid"] = version;
  row["state"] = "valid";
  row["size"] = 0;
  row["provenance_volume"] = {{"uuid", volume_uuid}};
  row["svm"] = *at(volume, "svm");
  row["volume"] = reference(volume);
  row["_sim"] = {{"serial", serial}, {"delta", 0}};
  row[kPending] = true;
  cluster.add(kind::kSnapshot, below_id(volume_uuid, uuid), std::move(row));
  return uuid;
}

Done fill_snapshot(World& world, Cluster& cluster, const std::string& volume,
                   const std::string& id) {
  const auto mutex = world.volume_lock(volume);
  const std::lock_guard hold(*mutex);
  return fill_snapshot_holding(world, cluster, volume, id);
}

Done fill_snapshot_holding(World& world, Cluster& cluster, const std::string& volume_uuid,
                           const std::string& id) {
  std::string from;
  std::string to;
  std::string before;
  std::string scratch;
  {
    Locked lock(world);
    const JsonObject* volume = cluster.find(kind::kVolume, volume_uuid);
    const JsonObject* row = cluster.find(kind::kSnapshot, below_id(volume_uuid, id));
    if (volume == nullptr || row == nullptr) {
      return not_found("volume.uuid");
    }
    from = volume_folder(cluster, *volume);
    to = snapshot_folder(cluster, *volume, text_at(*row, "name"));
    const auto others = snapshots_of(cluster, volume_uuid);
    before =
        others.empty() ? "" : snapshot_folder(cluster, *volume, text_at(*others.back(), "name"));
    scratch = scratch_folder(world, cluster);
    if (text_at(*volume, "type") == "rw" && free_bytes(cluster, *volume) < 0) {
      return bad(524479, fmt::format("Cannot create a snapshot: no space left on volume \"{}\".",
                                     text_at(*volume, "name")));
    }
  }
  HF_TRY_VOID(copy_tree(from, scratch));
  HF_TRY_VOID(make_folder(from + "/" + std::string(kSnapshotFolder)));
  const TreeUsage usage = measure_tree(scratch);
  const std::int64_t delta = before.empty() ? usage.bytes : changed_bytes(before, scratch);
  HF_TRY_VOID(remove_tree(to));
  HF_TRY_VOID(rename_path(scratch, to));
  Locked lock(world);
  JsonObject* row = cluster.edit(kind::kSnapshot, below_id(volume_uuid, id));
  if (row == nullptr) {
    return not_found("uuid");
  }
  (*row)["size"] = usage.bytes;
  (*row)["logical_size"] = usage.bytes;
  set(*row, "_sim.delta", delta);
  row->erase(kPending);
  return {};
}

Done check_deletable(World& world, const JsonObject& snapshot) {
  const std::string name = text_at(snapshot, "name");
  if (is_held(world, snapshot)) {
    return bad(1638555, fmt::format("Snapshot \"{}\" has not expired or is locked.", name), "name");
  }
  if (const auto owners = texts_at(snapshot, "owners"); !owners.empty()) {
    return bad(1638543,
               fmt::format("Snapshot \"{}\" is in use: its owner is \"{}\".", name, owners.front()),
               "name");
  }
  return {};
}

Done delete_snapshot(World& world, Cluster& cluster, const std::string& volume_uuid,
                     const std::string& id) {
  const auto mutex = world.volume_lock(volume_uuid);
  const std::lock_guard hold(*mutex);
  std::string folder;
  {
    Locked lock(world);
    const JsonObject* volume = cluster.find(kind::kVolume, volume_uuid);
    const JsonObject* row = cluster.find(kind::kSnapshot, below_id(volume_uuid, id));
    if (volume == nullptr || row == nullptr || is_pending(*row)) {
      return Fault(404, 1638600, "The snapshot does not exist.", "uuid");
    }
    HF_TRY_VOID(check_deletable(world, *row));
    folder = snapshot_folder(cluster, *volume, text_at(*row, "name"));
    cluster.remove(kind::kSnapshot, below_id(volume_uuid, id));
  }
  HF_TRY_VOID(remove_tree(folder));
  return {};
}

Done restore_volume(World& world, Cluster& cluster, const std::string& volume_uuid,
                    const std::string& id, bool force) {
  const auto mutex = world.volume_lock(volume_uuid);
  const std::lock_guard hold(*mutex);
  std::string from;
  std::string to;
  std::vector<std::string> doomed;
  {
    Locked lock(world);
    const JsonObject* volume = cluster.find(kind::kVolume, volume_uuid);
    const JsonObject* row = cluster.find(kind::kSnapshot, below_id(volume_uuid, id));
    if (volume == nullptr || row == nullptr || is_pending(*row)) {
      return not_found("restore_to.snapshot");
    }
    if (text_at(*volume, "state") != "online") {
      return offline(*volume, 9437885);
    }
    HF_TRY(const auto rows, newer_than(world, cluster, volume_uuid, *row, force));
    from = snapshot_folder(cluster, *volume, text_at(*row, "name"));
    to = volume_folder(cluster, *volume);
    for (const std::string& newer : rows) {
      doomed.push_back(snapshot_folder(cluster, *volume,
                                       text_at(*cluster.find(kind::kSnapshot, newer), "name")));
      cluster.remove(kind::kSnapshot, newer);
    }
  }
  HF_TRY(const std::int64_t written, mirror_tree(from, to));
  static_cast<void>(written);
  for (const std::string& folder : doomed) {
    HF_TRY_VOID(remove_tree(folder));
  }
  return {};
}

void add_owner(Cluster& cluster, std::string_view row, std::string_view owner,
               std::string_view by) {
  JsonObject* snapshot = cluster.edit(kind::kSnapshot, row);
  if (snapshot == nullptr) {
    return;
  }
  set(*snapshot, "_sim.holders." + std::string(by), Json(owner));
  auto owners = texts_at(*snapshot, "owners");
  if (std::ranges::find(owners, owner) == owners.end()) {
    owners.emplace_back(owner);
  }
  (*snapshot)["owners"] = JsonArray(owners.begin(), owners.end());
}

void remove_owner(Cluster& cluster, std::string_view row, std::string_view by) {
  JsonObject* snapshot = cluster.edit(kind::kSnapshot, row);
  if (snapshot == nullptr) {
    return;
  }
  drop(*snapshot, "_sim.holders." + std::string(by));
  std::set<std::string> owners;
  if (const Json* holders = at(*snapshot, "_sim.holders"); holders && holders->is_object()) {
    for (const auto& [holder, owner] : holders->as_object()) {
      owners.insert(std::string(owner.as_string()));
    }
  }
  if (owners.empty()) {
    snapshot->erase("owners");
  } else {
    (*snapshot)["owners"] = JsonArray(owners.begin(), owners.end());
  }
}

}  // namespace holdfast::ontap_sim
