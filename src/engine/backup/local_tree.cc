#include "engine/backup/local_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

namespace holdfast::backup {
namespace {

// Reads a value whose length is not known before: `read(buffer, size)` as the xattr calls do.
template <class Read>
Result<std::string> read_growing(Read read, std::string_view what, const std::string& path) {
  std::string value(256, '\0');
  for (;;) {
    const ssize_t count = read(value.data(), value.size());
    if (count >= 0) {
      value.resize(static_cast<std::size_t>(count));
      return value;
    }
    if (errno != ERANGE || value.size() > (1u << 20)) {
      return io_error(errno, what, path);
    }
    value.resize(value.size() * 8);
  }
}

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

std::string join_path(const std::string& folder, const std::string& name) {
  if (folder.empty()) {
    return name;
  }
  return folder.back() == '/' ? folder + name : folder + "/" + name;
}

Result<struct stat> stat_entry(const std::string& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) {
    return io_error(errno, "stat", path);
  }
  return info;
}

Result<std::vector<std::string>> list_names(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR* opened = fd < 0 ? nullptr : ::fdopendir(fd);
  if (opened == nullptr) {
    return io_error(errno, "list", path);
  }
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opened, ::closedir);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(folder.get())) {
    if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0) {
      names.emplace_back(entry->d_name);
    }
    errno = 0;
  }
  if (errno != 0) {
    return io_error(errno, "list", path);
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<Descriptor> open_for_reading(const std::string& path) {
  constexpr int kFlags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
  int fd = ::open(path.c_str(), kFlags | O_NOATIME);
  if (fd < 0 && errno == EPERM) {
    fd = ::open(path.c_str(), kFlags);  // only the owner may leave the atime alone
  }
  if (fd < 0) {
    return io_error(errno, "open", path);
  }
  return Descriptor(fd);
}

Result<std::size_t> read_at(int fd, std::uint64_t offset, MutableByteSpan out,
                            const std::string& path) {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t count =
        ::pread(fd, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno != EINTR) {
      return io_error(errno, "read", path);
    }
    if (count == 0) {
      break;
    }
    done += count > 0 ? static_cast<std::size_t>(count) : 0;
  }
  return done;
}

repo::NodeType type_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return repo::NodeType::kFile;
    case S_IFDIR:
      return repo::NodeType::kDir;
    case S_IFLNK:
      return repo::NodeType::kSymlink;
    case S_IFBLK:
      return repo::NodeType::kDevice;
    case S_IFCHR:
      return repo::NodeType::kCharDevice;
    case S_IFIFO:
      return repo::NodeType::kFifo;
    case S_IFSOCK:
      return repo::NodeType::kSocket;
    default:
      return repo::NodeType::kIrregular;
  }
}

// Clamped to what nanoseconds can hold (years 1678 to 2261): file systems store far stranger times.
UtcTime time_of(const timespec& time) {
  constexpr UtcTime kFirst = std::chrono::sys_days(std::chrono::year(1678) / 1 / 1);
  constexpr UtcTime kEnd = std::chrono::sys_days(std::chrono::year(2262) / 1 / 1);
  const std::chrono::sys_seconds seconds{std::chrono::seconds(time.tv_sec)};
  if (seconds < std::chrono::floor<std::chrono::seconds>(kFirst)) {
    return kFirst;
  }
  if (seconds >= std::chrono::floor<std::chrono::seconds>(kEnd)) {
    return kEnd - Nanoseconds(1);
  }
  return UtcTime(seconds) + Nanoseconds(time.tv_nsec);
}

timespec timespec_of(UtcTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  return {.tv_sec = seconds.time_since_epoch().count(), .tv_nsec = (time - seconds).count()};
}

std::string OwnerNames::user(uid_t id) {
  const std::lock_guard lock(mutex_);
  const auto [place, fresh] = users_.try_emplace(id);
  if (fresh) {
    passwd entry{};
    passwd* found = nullptr;
    std::array<char, 16384> text{};
    if (::getpwuid_r(id, &entry, text.data(), text.size(), &found) == 0 && found != nullptr) {
      place->second = found->pw_name;
    }
  }
  return place->second;
}

std::string OwnerNames::group(gid_t id) {
  const std::lock_guard lock(mutex_);
  const auto [place, fresh] = groups_.try_emplace(id);
  if (fresh) {
    ::group entry{};
    ::group* found = nullptr;
    std::array<char, 16384> text{};
    if (::getgrgid_r(id, &entry, text.data(), text.size(), &found) == 0 && found != nullptr) {
      place->second = found->gr_name;
    }
  }
  return place->second;
}

repo::Node node_from_stat(const std::string& name, const struct stat& info, OwnerNames& names) {
  repo::Node node;
  node.name = name;
  node.type = type_of(info.st_mode);
  node.mode = repo::go_mode(node.type, info.st_mode & 07777);
  node.mtime = time_of(info.st_mtim);
  node.atime = node.mtime;
  node.ctime = time_of(info.st_ctim);
  node.uid = info.st_uid;
  node.gid = info.st_gid;
  node.user = names.user(info.st_uid);
  node.group = names.group(info.st_gid);
  node.inode = info.st_ino;
  node.device_id = info.st_dev;
  switch (node.type) {
    case repo::NodeType::kFile:
      node.size = static_cast<std::uint64_t>(info.st_size);
      node.links = info.st_nlink;
      node.content.emplace();
      break;
    case repo::NodeType::kSymlink:
      node.links = info.st_nlink;
      break;
    case repo::NodeType::kDevice:
    case repo::NodeType::kCharDevice:
      node.links = info.st_nlink;
      node.device = info.st_rdev;
      break;
    default:
      break;
  }
  return node;
}

Result<std::string> read_link(const std::string& path) {
  std::array<char, 4097> target{};
  const ssize_t length = ::readlink(path.c_str(), target.data(), target.size());
  if (length < 0) {
    return io_error(errno, "read link", path);
  }
  return std::string(target.data(), static_cast<std::size_t>(length));
}

Result<std::vector<repo::ExtendedAttribute>> read_attributes(const std::string& path) {
  std::vector<repo::ExtendedAttribute> attributes;
  const auto list = read_growing(
      [&](char* buffer, std::size_t size) { return ::llistxattr(path.c_str(), buffer, size); },
      "list extended attributes", path);
  if (!list) {
    if (errno != ENOTSUP) {
      return list.error();
    }
    return attributes;
  }
  for (std::size_t start = 0; start < list->size();) {
    const std::string name = list->c_str() + start;
    start += name.size() + 1;
    auto value = read_growing(
        [&](char* buffer, std::size_t size) {
          return ::lgetxattr(path.c_str(), name.c_str(), buffer, size);
        },
        "read extended attribute", path);
    if (!value && errno == ENODATA) {
      continue;  // removed since it was listed
    }
    HF_TRY(std::string bytes, std::move(value));
    attributes.push_back({name, std::move(bytes)});
  }
  return attributes;
}

}  // namespace holdfast::backup
