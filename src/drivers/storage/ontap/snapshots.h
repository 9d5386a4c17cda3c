// Snapshots of one volume, ours and those of others.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "drivers/storage/driver.h"
#include "drivers/storage/ontap/systems.h"

namespace holdfast::storage::ontap {

// What marks a snapshot as ours; rules of SnapMirror policies name it.
inline constexpr std::string_view kLabel = "holdfast";

struct SnapshotInfo {
  std::string uuid;
  std::string name;
  std::string comment;
  std::string label;  // snapmirror_label
  UtcTime created;
  std::string version;  // of the content; the same on source and destination of a transfer
  std::vector<std::string> owners;  // what keeps it busy
  std::optional<UtcTime> expires;   // cannot be deleted before
  bool locked = false;              // and nobody can change that
  std::uint64_t size = 0;

  bool ours() const { return label == kLabel; }
  // Made by SnapMirror for a transfer. While a relationship needs it, `owners` says so; afterwards
  // it is nothing but a base from which a mirror of the volume could go on without copying it all.
  bool of_snapmirror() const { return name.starts_with("snapmirror."); }
};

struct VolumeOn {
  ClusterPtr cluster;
  std::string uuid;  // of the volume

  std::string path() const;  // /storage/volumes/{u}/snapshots
};

// Oldest first. `filter` may be empty.
async::Co<Result<std::vector<SnapshotInfo>>> list_snapshots(VolumeOn volume, Query filter);
async::Co<Result<std::optional<SnapshotInfo>>> find_snapshot(VolumeOn volume, std::string name);
// Makes it, or answers the one of this name; kAlreadyExists: that one is somebody else's.
async::Co<Result<SnapshotInfo>> make_snapshot(VolumeOn volume, SnapshotSpec spec);
// Keeps one of ours longer; a time that it has already is not set again. kNotFound: there is none.
async::Co<Result<SnapshotInfo>> keep_snapshot(VolumeOn volume, std::string name, Keep keep);
// Makes a snapshot of others ours under a name of ours, so that it is listed, kept and deleted like
// one of Holdfast's; its times stay. kNotFound: there is none; kConflict: something uses it;
// kFailedPrecondition: it is ours already, or SnapMirror's.
async::Co<Result<SnapshotInfo>> adopt_snapshot(VolumeOn volume, std::string name,
                                               std::string new_name, std::string comment);
// Success too when there is none. kPermissionDenied: it is not ours.
async::Co<Status> remove_snapshot(VolumeOn volume, std::string name);

Snapshot to_snapshot(const SnapshotInfo& info);
// kInvalidArgument for a spec that ONTAP cannot keep.
Status check_spec(const SnapshotSpec& spec);

}  // namespace holdfast::storage::ontap
