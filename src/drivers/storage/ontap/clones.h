// FlexClones for proofs: writable, named by what they are for, and gone without a trace.
#pragma once

#include <string>
#include <vector>

#include "drivers/storage/ontap/volumes.h"

namespace holdfast::storage::ontap {

// How volumes of ours begin.
inline constexpr std::string_view kClonePrefix = "holdfast_";

// The volume name of a clone: letters, digits and '_' only, so other names get a short hash.
std::string clone_volume_name(std::string_view name);

struct CloneSpec {
  std::string name;  // ours, before clone_volume_name()
  std::string snapshot;
  std::string junction;  // where to mount it; empty: not
  // Of a volume that stays: its name as it is, and what is kept beside it.
  std::string volume_name{};
  std::string comment{};
};
// Makes it, or answers the one of this name. kConflict: a volume of that name is no clone of this
// one.
async::Co<Result<VolumeInfo>> make_clone(ClusterPtr cluster, VolumeInfo parent, CloneSpec spec);
// Unmounts, takes offline, deletes past the recovery queue. Success too when there is none.
async::Co<Status> remove_clone(ClusterPtr cluster, VolumeInfo parent, std::string name);
// Every step of that for a volume that is known to be a clone of ours.
async::Co<Status> remove_clone_volume(ClusterPtr cluster, VolumeInfo clone);

}  // namespace holdfast::storage::ontap
