// Btrfs subvolumes through libbtrfsutil and one ioctl, as plain values. All calls block.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/base/time.h"

namespace holdfast::storage::btrfs {

using Uuid = std::array<std::uint8_t, 16>;

struct Subvolume {
  std::uint64_t id = 0;       // never used twice in one filesystem
  std::uint64_t changed = 0;  // transaction of the last change of an inode; a snapshot inherits it
  std::uint64_t created = 0;  // transaction of its creation
  UtcTime created_at;
  bool read_only = false;
};

// The filesystem's UUID; kFailedPrecondition when `path` is not on btrfs.
Result<Uuid> filesystem_uuid(const std::string& path);
std::string to_text(const Uuid& uuid);

// Whether `path` is the top directory of a subvolume.
bool is_subvolume(const std::string& path);
// As of the last committed transaction: sync() first where the newest change matters.
Result<Subvolume> subvolume(const std::string& path);
// Commits everything that was written to the filesystem until now.
Status sync(const std::string& path);
// Paths, relative to `root`, of the subvolumes below it at any depth.
Result<std::vector<std::string>> nested_subvolumes(const std::string& root);

// Atomic, and durable when it returns: the kernel commits the transaction.
Status create_snapshot(const std::string& source, const std::string& target, bool read_only);
Status delete_subvolume(const std::string& path);

}  // namespace holdfast::storage::btrfs
