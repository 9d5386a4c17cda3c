// What a mount shows here of what the cluster has.
#pragma once

#include <string>

#include "core/async/pool.h"
#include "drivers/storage/ontap/systems.h"
#include "drivers/storage/ontap/volumes.h"

namespace holdfast::storage::ontap {

inline constexpr std::string_view kSnapshotDirectory = "/.snapshot";

bool path_exists(const std::string& path);

// Waits a few seconds until `path` can be seen; `above` is read each time, which makes an NFS
// client ask its server again.
async::Co<bool> becomes_visible(env::Clock* clock, async::Pool* pool, std::string path,
                                std::string above);

// Where a new volume of this parent's SVM could be mounted and seen: beside the parent where the
// SVM's root is mounted, else inside it. kFailedPrecondition: nowhere.
struct Junction {
  std::string path;
  std::string local;
};
Result<Junction> junction_for(const Systems& systems, const Cluster& cluster,
                              const VolumeInfo& parent, const std::string& name);
Error invisible(const Junction& junction, const std::string& svm);

}  // namespace holdfast::storage::ontap
