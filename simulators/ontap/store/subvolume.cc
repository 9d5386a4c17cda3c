#include "simulators/ontap/store/subvolume.h"

#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "simulators/ontap/store/tree.h"

namespace holdfast::ontap_sim {
namespace {

constexpr ino_t kTopInode = 256;  // of every subvolume

bool on_btrfs(const std::string& path) {
  struct statfs info{};
  return ::statfs(path.c_str(), &info) == 0 && info.f_type == BTRFS_SUPER_MAGIC;
}

}  // namespace

bool is_subvolume(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 && info.st_ino == kTopInode && on_btrfs(path);
}

Status make_volume_folder(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path();
  HF_TRY_VOID(make_folder(parent));
  if (!on_btrfs(parent) || path_exists(path)) {
    return make_folder(path);
  }
  btrfs_ioctl_vol_args arguments{};
  const std::string name = std::filesystem::path(path).filename();
  if (name.size() >= sizeof(arguments.name)) {
    return Error(Code::kInvalidArgument, "the name is too long for a subvolume");
  }
  std::memcpy(arguments.name, name.c_str(), name.size());
  const int folder = ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const int failed =
      folder < 0 ? errno : (::ioctl(folder, BTRFS_IOC_SUBVOL_CREATE, &arguments) == 0 ? 0 : errno);
  if (folder >= 0) {
    ::close(folder);
  }
  return failed == 0 ? Status() : make_folder(path);  // without the right to it: a folder
}

Status set_read_only(const std::string& path, bool on) {
  const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) {
    return io_error(errno, "open", path);
  }
  std::uint64_t flags = 0;
  int failed = ::ioctl(folder, BTRFS_IOC_SUBVOL_GETFLAGS, &flags) == 0 ? 0 : errno;
  flags = on ? flags | BTRFS_SUBVOL_RDONLY : flags & ~std::uint64_t{BTRFS_SUBVOL_RDONLY};
  if (failed == 0 && ::ioctl(folder, BTRFS_IOC_SUBVOL_SETFLAGS, &flags) != 0) {
    failed = errno;
  }
  ::close(folder);
  return failed == 0 ? Status() : Status(io_error(failed, "change the flags of", path));
}

}  // namespace holdfast::ontap_sim
