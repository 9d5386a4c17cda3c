// btrfs: volumes as subvolumes, which can be made read only as a whole. That is the write fence
// that holds for every program of the machine.
#pragma once

#include <string>

#include "core/base/result.h"

namespace holdfast::ontap_sim {

// Whether the path is the top of a btrfs subvolume.
bool is_subvolume(const std::string& path);
// A folder; on btrfs a subvolume. Parents are made as folders; present is fine.
Status make_volume_folder(const std::string& path);
// Only for subvolumes.
Status set_read_only(const std::string& path, bool on);

}  // namespace holdfast::ontap_sim
