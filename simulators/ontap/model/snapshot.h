// Snapshots of a volume: made, deleted, gone back to. The three verbs move bytes: call them from a
// job, without the world's lock.
#pragma once

#include <string>
#include <string_view>

#include "simulators/ontap/model/volume.h"

namespace holdfast::ontap_sim {

struct NewSnapshot {
  std::string name = {};
  JsonObject more = {};           // comment, snapmirror_label, expiry_time, snaplock_expiry_time
  std::string version_uuid = {};  // empty: a new one; a copy has that of its original
  std::string create_time = {};   // empty: now; a copy has that of its original
};

// Under the lock. Codes 525059 the name exists, 525062 too many, 524479 offline, 1638518 a bad
// name, 1638461 not a volume that takes snapshots.
Done check_new_snapshot(const Cluster& cluster, const JsonObject& volume, std::string_view name);
// Under the lock: reserves the name; the row is pending until fill_snapshot() or a removal.
std::string reserve_snapshot(World& world, Cluster& cluster, const JsonObject& volume,
                             NewSnapshot wanted);
// Copies the files and makes the row visible. 524479: no space left.
Done fill_snapshot(World& world, Cluster& cluster, const std::string& volume,
                   const std::string& id);
// Both, for callers that hold the volume's lock already.
Done fill_snapshot_holding(World& world, Cluster& cluster, const std::string& volume,
                           const std::string& id);

// 1638543 it has an owner, 1638555 it is locked or not expired, 1638600 it does not exist.
Done check_deletable(World& world, const JsonObject& snapshot);
Done delete_snapshot(World& world, Cluster& cluster, const std::string& volume,
                     const std::string& id);

// Brings the files of a volume to this snapshot; newer ones vanish. `force` goes on where one of
// them has an owner. 1638480 a newer one is a reference, 9437886 a newer one is locked, 524486 a
// newer one holds clones, 9437885 offline.
Done restore_volume(World& world, Cluster& cluster, const std::string& volume,
                    const std::string& id, bool force);

// Somebody (`by`: a uuid) needs a snapshot: "snapmirror", "volume_clone_dependent". Under the lock.
void add_owner(Cluster& cluster, std::string_view snapshot_row, std::string_view owner,
               std::string_view by);
void remove_owner(Cluster& cluster, std::string_view snapshot_row, std::string_view by);

const JsonObject* snapshot_by_name(const Cluster& cluster, std::string_view volume,
                                   std::string_view name);
// The snapshots of a volume without pending ones, oldest first.
std::vector<const JsonObject*> snapshots_of(const Cluster& cluster, std::string_view volume);
std::string snapshot_row(const JsonObject& snapshot);

}  // namespace holdfast::ontap_sim
