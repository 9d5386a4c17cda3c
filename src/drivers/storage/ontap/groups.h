// Consistency groups: several volumes at one instant, under a write fence.
#pragma once

#include <string>
#include <vector>

#include "drivers/storage/ontap/snapshots.h"
#include "drivers/storage/ontap/volumes.h"

namespace holdfast::storage::ontap {

struct GroupInfo {
  std::string uuid;
  std::string name;
  std::string svm;
  std::vector<std::string> volumes;  // uuids
};
async::Co<Result<std::vector<GroupInfo>>> list_groups(ClusterPtr cluster, Query filter);

// The group that holds all these volumes. kFailedPrecondition: they are not in one group together.
async::Co<Result<GroupInfo>> group_of(ClusterPtr cluster, std::vector<VolumeInfo> volumes);

// Fences writes, snapshots every volume of the group and commits. A snapshot of this name that is
// whole is taken as it is; what is left of a failed attempt is deleted. kDeadlineExceeded
// (transient): the commit could not be sent early enough, and the fence has lifted.
async::Co<Status> make_group_snapshot(ClusterPtr cluster, GroupInfo group, SnapshotSpec spec);
// Success too when there is none.
async::Co<Status> remove_group_snapshot(ClusterPtr cluster, GroupInfo group, std::string name);

}  // namespace holdfast::storage::ontap
