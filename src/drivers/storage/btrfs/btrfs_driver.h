// Btrfs subvolumes: snapshots that cost nothing and are consistent as after a power cut.
//
// Taking and deleting snapshots needs the rights that btrfs asks for: root, or a filesystem
// mounted with user_subvol_rm_allowed for a user who owns the volume.
#pragma once

#include <memory>
#include <string>

#include "drivers/storage/driver.h"

namespace holdfast::storage {

std::unique_ptr<Driver> make_btrfs_driver(async::Pool& pool);

// Whether a path lies in a subvolume that the driver can find; blocks for a few system calls.
bool is_on_btrfs(const std::string& path);

}  // namespace holdfast::storage
