// Files of a volume as the cluster shows them, also inside its snapshots.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "drivers/storage/native_restore.h"
#include "drivers/storage/ontap/client.h"
#include "drivers/storage/ontap/systems.h"

namespace holdfast::storage::ontap {

// What is in a directory; `path` is relative to the volume's root, without a slash at its ends;
// `filter` may be empty. `.` and `..` are left out. kNotFound: no such directory.
async::Co<Result<std::vector<FileEntry>>> list_directory(ClusterPtr cluster, std::string volume,
                                                         std::string path, Query filter);
// What lies at the path; nothing: there is nothing.
async::Co<Result<std::optional<FileEntry>>> look_at_file(ClusterPtr cluster, std::string volume,
                                                         std::string path);

}  // namespace holdfast::storage::ontap
