// FlexClones for proofs: writable, named by what they are for, and gone without a trace.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "drivers/storage/ontap/volumes.h"

namespace holdfast::storage::ontap {

// How volumes of ours begin.
inline constexpr std::string_view kClonePrefix = "holdfast_";

// The volume name of a clone: letters, digits and '_' only, so other names get a short hash.
std::string clone_volume_name(std::string_view name);

// Whether a volume is one of these clones, or of a clone of a group by one of these names.
bool is_clone_of(const std::string& volume, const std::set<std::string>& clones);

// What begins the comment of a volume that Holdfast makes for a while and that is no clone.
inline constexpr std::string_view kMadeByUs = "holdfast: ";
// Made by Holdfast for a run: a clone, or a copy brought back.
bool is_made_by_us(const VolumeInfo& volume);
async::Co<Result<std::vector<VolumeInfo>>> list_made_volumes(ClusterPtr cluster);
// With the cloned group that it is a member of. Success too when it has gone.
async::Co<Status> remove_made_volume(ClusterPtr cluster, VolumeInfo volume);

struct CloneSpec {
  std::string name;  // ours, before clone_volume_name()
  std::string snapshot;
  std::string junction;  // where to mount it; empty: not
  // Of a volume that stays: its name as it is, and what is kept beside it.
  std::string volume_name{};
  std::string comment{};
};
// Makes it, or answers the one of this name. kConflict: a volume of that name is no clone of this
// one. A snapshot that is not there is the cluster's own error.
async::Co<Result<VolumeInfo>> make_clone(ClusterPtr cluster, VolumeInfo parent, CloneSpec spec);
// Unmounts, takes offline, deletes past the recovery queue. Success too when there is none.
async::Co<Status> remove_clone(ClusterPtr cluster, VolumeInfo parent, std::string name);
// Every step of that for a volume that is known to be a clone of ours.
async::Co<Status> remove_clone_volume(ClusterPtr cluster, VolumeInfo clone);

}  // namespace holdfast::storage::ontap
