// Volumes recovered to a new place: clones that a split in the background makes independent of the
// snapshot they came from.
#pragma once

#include <string>
#include <vector>

#include "drivers/storage/ontap/volumes.h"

namespace holdfast::storage::ontap {

// The comment of a volume that is recovered from a snapshot of `parent`.
std::string recovered_comment(const VolumeInfo& parent, const std::string& snapshot);

// Recovered, and still a clone that no split makes independent: its split failed, was stopped, or
// never began. It serves its data, and the snapshot it came from stays busy.
bool is_unsplit(const VolumeInfo& volume);
// svm:volume/snapshot of that snapshot.
std::string recovered_from(const VolumeInfo& volume);
async::Co<Result<std::vector<VolumeInfo>>> list_unsplit(ClusterPtr cluster);

// Starts the split and does not wait for it: is_unsplit() tells later when it failed. Success too
// where it runs or is over. Errors: the cluster refuses to begin.
async::Co<Status> start_split(ClusterPtr cluster, VolumeInfo volume);

}  // namespace holdfast::storage::ontap
