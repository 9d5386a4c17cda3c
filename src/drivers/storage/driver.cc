#include "drivers/storage/driver.h"

#include <fmt/core.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace holdfast::storage {
namespace {

constexpr std::array<std::string_view, 3> kConsistencyNames{"none", "crash", "application"};

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

}  // namespace

std::string_view consistency_name(Consistency value) {
  return kConsistencyNames.at(static_cast<size_t>(value));
}

Result<Consistency> parse_consistency(std::string_view text) {
  const auto found = std::find(kConsistencyNames.begin(), kConsistencyNames.end(), text);
  if (found == kConsistencyNames.end()) {
    return Error(Code::kInvalidArgument, "a consistency is none, crash or application")
        .with("given", std::string(text));
  }
  return static_cast<Consistency>(found - kConsistencyNames.begin());
}

Status check_name(std::string_view name) {
  constexpr size_t kLongest = 128;
  if (name.empty() || name.size() > kLongest || name.front() == '.' ||
      !std::all_of(name.begin(), name.end(), is_name_character)) {
    return Error(Code::kInvalidArgument,
                 "a snapshot's name has 1 to 128 letters, digits, '-', '_' and '.', and does not "
                 "start with '.'")
        .with("name", std::string(name.substr(0, kLongest)));
  }
  return {};
}

Error unsupported(std::string_view kind, std::string_view what) {
  return Error(Code::kFailedPrecondition,
               fmt::format("the storage driver {} has no {}", kind, what));
}

async::Co<Result<std::vector<Snapshot>>> Driver::create_group_snapshot(std::vector<Volume>,
                                                                       SnapshotSpec) {
  co_return unsupported(kind(), "group snapshots");
}

async::Co<Result<std::optional<Group>>> Driver::group_of(Volume) {
  co_return unsupported(kind(), "groups");
}

async::Co<Result<Snapshot>> Driver::keep_snapshot(Volume, std::string, Keep) {
  co_return unsupported(kind(), "retention");
}

async::Co<Result<std::vector<Clone>>> Driver::create_group_clone(std::vector<Volume>, std::string,
                                                                 std::string) {
  co_return unsupported(kind(), "clones of groups");
}

async::Co<Status> Driver::delete_group_clone(std::vector<Volume>, std::string) {
  co_return unsupported(kind(), "clones of groups");
}

Result<std::string> real_directory(const std::string& path) {
  if (!path.starts_with('/')) {
    return Error(Code::kInvalidArgument, "a protected path is absolute").with("path", path);
  }
  const std::unique_ptr<char, decltype(&::free)> real(::realpath(path.c_str(), nullptr), &::free);
  struct stat status{};
  if (!real || ::stat(real.get(), &status) != 0) {
    return io_error(errno, "find", path);
  }
  if (!S_ISDIR(status.st_mode)) {
    return Error(Code::kInvalidArgument, "not a directory: protect the directory that holds it")
        .with("path", path);
  }
  return std::string(real.get());
}

Result<Space> filesystem_space(const std::string& path) {
  struct statvfs status{};
  if (::statvfs(path.c_str(), &status) != 0) {
    return io_error(errno, "read the free space of", path);
  }
  const std::uint64_t unit = status.f_frsize;
  return Space{.total_bytes = status.f_blocks * unit, .available_bytes = status.f_bavail * unit};
}

}  // namespace holdfast::storage
