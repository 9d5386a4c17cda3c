// Directory trees of this machine as the engine sees them: names are bytes, symbolic links are
// never followed, extended attributes (ACLs among them) belong to every entry.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/result.h"
#include "engine/repo/tree.h"

namespace holdfast::backup {

// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  int fd_;
};

// "a" + "b" -> "a/b"; the empty folder adds nothing.
std::string join_path(const std::string& folder, const std::string& name);

Result<struct stat> stat_entry(const std::string& path);  // of the link itself
// Sorted by bytes, without . and ...
Result<std::vector<std::string>> list_names(const std::string& path);
// For reading, without following a final link and, where allowed, without touching its atime.
Result<Descriptor> open_for_reading(const std::string& path);
// Fills `out` from `offset` as far as the file goes.
Result<std::size_t> read_at(int fd, std::uint64_t offset, MutableByteSpan out,
                            const std::string& path);

repo::NodeType type_of(mode_t mode);
UtcTime time_of(const timespec& time);
timespec timespec_of(UtcTime time);

// Names of users and groups, looked up once each. Thread-safe.
class OwnerNames {
 public:
  std::string user(uid_t id);
  std::string group(gid_t id);

 private:
  std::mutex mutex_;
  std::unordered_map<uid_t, std::string> users_;
  std::unordered_map<gid_t, std::string> groups_;
};

// What `info` tells about an entry, without link target and extended attributes.
repo::Node node_from_stat(const std::string& name, const struct stat& info, OwnerNames& names);
Result<std::string> read_link(const std::string& path);
// In the order of the file system; empty where the file system has none.
Result<std::vector<repo::ExtendedAttribute>> read_attributes(const std::string& path);

}  // namespace holdfast::backup
