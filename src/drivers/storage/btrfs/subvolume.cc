#include "drivers/storage/btrfs/subvolume.h"

#include <btrfsutil.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <linux/btrfs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>

namespace holdfast::storage::btrfs {
namespace {

// The library leaves the cause in errno.
Error failure(btrfs_util_error error, std::string_view operation, const std::string& path) {
  const int cause = errno;
  return io_error(cause, operation, path).with("btrfs", btrfs_util_strerror(error));
}

UtcTime to_time(const timespec& time) {
  return UtcTime(std::chrono::seconds(time.tv_sec) + Nanoseconds(time.tv_nsec));
}

}  // namespace

Result<Uuid> filesystem_uuid(const std::string& path) {
  struct statfs status{};
  if (::statfs(path.c_str(), &status) != 0) {
    return io_error(errno, "look at the filesystem of", path);
  }
  if (static_cast<std::uint64_t>(status.f_type) != BTRFS_SUPER_MAGIC) {
    return Error(Code::kFailedPrecondition,
                 "not on a btrfs filesystem: protect it with the directory driver")
        .with("path", path);
  }
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    return io_error(errno, "open", path);
  }
  btrfs_ioctl_fs_info_args info{};
  const int failed = ::ioctl(file, BTRFS_IOC_FS_INFO, &info);
  const int cause = errno;
  ::close(file);
  if (failed != 0) {
    return io_error(cause, "ask btrfs about", path);
  }
  Uuid uuid{};
  std::copy_n(info.fsid, uuid.size(), uuid.begin());
  return uuid;
}

std::string to_text(const Uuid& uuid) {
  std::string text;
  for (size_t i = 0; i < uuid.size(); ++i) {
    text += fmt::format("{}{:02x}", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
  }
  return text;
}

bool is_subvolume(const std::string& path) {
  return btrfs_util_is_subvolume(path.c_str()) == BTRFS_UTIL_OK;
}

Result<Subvolume> subvolume(const std::string& path) {
  struct btrfs_util_subvolume_info info{};
  if (const auto error = btrfs_util_subvolume_info(path.c_str(), 0, &info);
      error != BTRFS_UTIL_OK) {
    return failure(error, "read the subvolume", path);
  }
  bool read_only = false;
  if (const auto error = btrfs_util_get_subvolume_read_only(path.c_str(), &read_only);
      error != BTRFS_UTIL_OK) {
    return failure(error, "read the flags of the subvolume", path);
  }
  return Subvolume{.id = info.id,
                   .changed = info.ctransid,
                   .created = info.otransid,
                   .created_at = to_time(info.otime),
                   .read_only = read_only};
}

Status sync(const std::string& path) {
  const auto error = btrfs_util_sync(path.c_str());
  if (error != BTRFS_UTIL_OK) {
    return failure(error, "sync", path);
  }
  return {};
}

Result<std::vector<std::string>> nested_subvolumes(const std::string& root) {
  btrfs_util_subvolume_iterator* raw = nullptr;
  if (const auto error = btrfs_util_create_subvolume_iterator(root.c_str(), 0, 0, &raw);
      error != BTRFS_UTIL_OK) {
    return failure(error, "list the subvolumes below", root);
  }
  const std::unique_ptr<btrfs_util_subvolume_iterator,
                        decltype(&btrfs_util_destroy_subvolume_iterator)>
      iterator(raw, &btrfs_util_destroy_subvolume_iterator);
  std::vector<std::string> paths;
  for (;;) {
    char* path = nullptr;
    const auto error = btrfs_util_subvolume_iterator_next(iterator.get(), &path, nullptr);
    if (error == BTRFS_UTIL_ERROR_STOP_ITERATION) {
      std::sort(paths.begin(), paths.end());
      return paths;
    }
    if (error != BTRFS_UTIL_OK) {
      return failure(error, "list the subvolumes below", root);
    }
    paths.emplace_back(path);
    std::free(path);
  }
}

Status create_snapshot(const std::string& source, const std::string& target, bool read_only) {
  const int flags = read_only ? BTRFS_UTIL_CREATE_SNAPSHOT_READ_ONLY : 0;
  const auto error =
      btrfs_util_create_snapshot(source.c_str(), target.c_str(), flags, nullptr, nullptr);
  if (error != BTRFS_UTIL_OK) {
    return failure(error, "create the snapshot", target);
  }
  return {};
}

Status delete_subvolume(const std::string& path) {
  const auto error = btrfs_util_delete_subvolume(path.c_str(), 0);
  if (error != BTRFS_UTIL_OK) {
    return failure(error, "delete the subvolume", path);
  }
  return {};
}

}  // namespace holdfast::storage::btrfs
