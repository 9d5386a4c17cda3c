// FlexClones of a whole consistency group, for proofs of all its volumes at one instant.
#pragma once

#include <string>
#include <vector>

#include "drivers/storage/ontap/groups.h"
#include "drivers/storage/ontap/volumes.h"

namespace holdfast::storage::ontap {

// The volume that the clone `name` of a group makes of a member: kClonePrefix, the member, `name`.
std::string group_clone_volume(const std::string& member, const std::string& name);

// Makes the clone from a group snapshot, or answers the one of this name; its volumes in the order
// of `members`, without junctions. kNotFound: no such group snapshot.
async::Co<Result<std::vector<VolumeInfo>>> make_group_clone(ClusterPtr cluster, GroupInfo group,
                                                            std::vector<VolumeInfo> members,
                                                            std::string snapshot, std::string name);
// Deletes the cloned group and its volumes, past the recovery queue. Success too when there is
// nothing of it; goes on with what an interrupted removal left.
async::Co<Status> remove_group_clone(ClusterPtr cluster, std::vector<VolumeInfo> members,
                                     std::string name);

}  // namespace holdfast::storage::ontap
