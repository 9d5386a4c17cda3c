#include "domain/activities/untouched.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <optional>

#include "engine/backup/local_tree.h"
#include "engine/backup/shared_blocks.h"

namespace holdfast::activities {
namespace {

struct Place {
  dev_t device = 0;
  std::int64_t filesystem = 0;
};

// Opened, so that what the system mounts on demand is there.
std::optional<Place> look_at(const std::string& directory) {
  const auto open = backup::open_for_reading(directory);
  struct stat info{};
  struct statfs filesystem{};
  if (!open || ::fstat(open->get(), &info) != 0 || ::fstatfs(open->get(), &filesystem) != 0) {
    return std::nullopt;
  }
  return Place{info.st_dev, filesystem.f_type};
}

bool equal(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}
bool equal(const timespec& a, const statx_timestamp& b) {
  return a.tv_sec == b.tv_sec && static_cast<std::uint32_t>(a.tv_nsec) == b.tv_nsec;
}

bool one_file(const struct stat& then, const struct stat& now) {
  return S_ISREG(then.st_mode) && then.st_ino == now.st_ino && then.st_mode == now.st_mode &&
         then.st_uid == now.st_uid && then.st_gid == now.st_gid && then.st_size == now.st_size &&
         equal(then.st_mtim, now.st_mtim) && equal(then.st_ctim, now.st_ctim);
}

// NFS answers lstat from what it heard up to a minute ago; what others wrote since, only the server
// knows.
bool server_agrees(const std::string& path, const struct stat& now) {
  struct statx fresh{};
  return ::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW | AT_STATX_FORCE_SYNC,
                 STATX_BASIC_STATS, &fresh) == 0 &&
         fresh.stx_ino == now.st_ino && fresh.stx_mode == now.st_mode &&
         fresh.stx_size == static_cast<std::uint64_t>(now.st_size) &&
         equal(now.st_mtim, fresh.stx_mtime) && equal(now.st_ctim, fresh.stx_ctime);
}

bool same_blocks(const std::string& kept, const std::string& live) {
  const auto a = backup::open_for_reading(kept);
  const auto b = backup::open_for_reading(live);
  return a && b && backup::share_all_blocks(a->get(), b->get());
}

}  // namespace

Witness witness_between(const std::string& snapshot, const std::string& live) {
  const auto kept = look_at(snapshot);
  const auto target = look_at(live);
  if (!kept || !target || kept->filesystem != target->filesystem) {
    return Witness::kNone;
  }
  switch (target->filesystem) {
    case NFS_SUPER_MAGIC:
      return Witness::kServer;
    case BTRFS_SUPER_MAGIC:
      return Witness::kBlocks;
    default:
      return Witness::kNone;
  }
}

Untouched::Untouched(Witness witness, const std::string& snapshot, const std::string& live,
                     UtcTime point_time) {
  const auto kept = look_at(snapshot);
  const auto target = look_at(live);
  if (!kept || !target || point_time == UtcTime()) {
    return;
  }
  witness_ = witness;
  kept_device_ = kept->device;
  live_device_ = target->device;
  trusted_before_ = point_time - kTooFresh;
}

bool Untouched::holds(const std::string& kept, const struct stat& then, const std::string& live,
                      const struct stat& now) const {
  if (witness_ == Witness::kNone || then.st_dev != kept_device_ || now.st_dev != live_device_ ||
      !one_file(then, now) || backup::time_of(then.st_ctim) >= trusted_before_) {
    return false;
  }
  return witness_ == Witness::kServer ? server_agrees(live, now) : same_blocks(kept, live);
}

}  // namespace holdfast::activities
