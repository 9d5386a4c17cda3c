#include "simulators/ontap/store/content.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "simulators/ontap/rest/schema.h"
#include "simulators/ontap/store/tree.h"

namespace holdfast::ontap_sim {
namespace {

namespace fs = std::filesystem;
constexpr std::int64_t kReadMax = 8 << 20;  // bytes in one answer

Fault from_errno(int error, const char* what) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return {404, 6684674, "No such file or directory.", "path"};
    case EEXIST:
      return {409, 6488118, "The file exists already.", "path"};
    case ENOTEMPTY:
      return {409, 131138, "The directory is not empty.", "path"};
    case EISDIR:
      return {400, 131093, "The path is a directory.", "path"};
    case ENOSPC:
      return {500, 1245212, "No space left.", "path"};
    default:
      return Fault(io_error(error, what, "a file of the volume"));
  }
}

std::string time_of(const timespec& time) {
  return to_time_text(UtcTime(std::chrono::seconds(time.tv_sec)));
}

const char* type_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return "directory";
    case S_IFLNK:
      return "symlink";
    case S_IFIFO:
      return "fifo";
    case S_IFSOCK:
      return "socket";
    case S_IFBLK:
      return "blockdev";
    case S_IFCHR:
      return "chardev";
    default:
      return "file";
  }
}

class Opened {
 public:
  Opened(const std::string& path, int flags)
      : fd_(::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0644)) {}
  ~Opened() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

Outcome<JsonObject> describe_file(const std::string& path, const std::string& name,
                                  const std::string& folder) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) {
    return from_errno(errno, "look at");
  }
  JsonObject out{
      {"name", name},
      {"path", folder},
      {"type", type_of(info.st_mode)},
      {"size", std::int64_t{info.st_size}},
      {"bytes_used", std::int64_t{info.st_blocks} * 512},
      {"modified_time", time_of(info.st_mtim)},
      {"accessed_time", time_of(info.st_atim)},
      {"changed_time", time_of(info.st_ctim)},
      {"creation_time", time_of(info.st_ctim)},
      {"owner_id", std::int64_t{info.st_uid}},
      {"group_id", std::int64_t{info.st_gid}},
      {"unix_permissions", std::int64_t{(info.st_mode >> 6 & 7) * 100 +
                                        (info.st_mode >> 3 & 7) * 10 + (info.st_mode & 7)}},
      {"inode_number", static_cast<std::int64_t>(info.st_ino)},
      {"hard_links_count", static_cast<std::int64_t>(info.st_nlink)},
      {"is_junction", false},
      {"is_snapshot", folder == kSnapshotFolder || folder == "/" + std::string(kSnapshotFolder)}};
  std::error_code failure;
  if (S_ISDIR(info.st_mode)) {
    out["is_empty"] = fs::is_empty(path, failure);
  }
  if (S_ISLNK(info.st_mode)) {
    out["target"] = fs::read_symlink(path, failure).string();
  }
  return out;
}

Outcome<std::vector<JsonObject>> list_folder(const std::string& path, const std::string& folder) {
  std::error_code failure;
  std::vector<std::string> names{".", ".."};
  for (fs::directory_iterator at(path, failure), end; !failure && at != end;
       at.increment(failure)) {
    names.push_back(at->path().filename());
  }
  if (failure) {
    return from_errno(failure.value(), "list");
  }
  std::ranges::sort(names);
  std::vector<JsonObject> out;
  for (const std::string& name : names) {
    auto one = describe_file(path + "/" + name, name, folder);
    if (one) {  // else it vanished meanwhile
      out.push_back(*std::move(one));
    }
  }
  return out;
}

Outcome<std::string> read_part(const std::string& path, std::int64_t offset, std::int64_t length) {
  const Opened file(path, O_RDONLY);
  if (file.get() < 0) {
    return from_errno(errno, "open");
  }
  std::string out(static_cast<size_t>(std::clamp<std::int64_t>(length, 0, kReadMax)), '\0');
  const ssize_t got = ::pread(file.get(), out.data(), out.size(), offset);
  if (got < 0) {
    return from_errno(errno, "read");
  }
  out.resize(static_cast<size_t>(got));
  return out;
}

Done write_part(const std::string& path, std::int64_t offset, bool overwrite,
                std::string_view data) {
  const Opened file(path,
                    O_WRONLY | O_CREAT | (overwrite ? O_TRUNC : 0) | (offset < 0 ? O_APPEND : 0));
  if (file.get() < 0) {
    return from_errno(errno, "open");
  }
  while (!data.empty()) {
    const ssize_t put = offset < 0 ? ::write(file.get(), data.data(), data.size())
                                   : ::pwrite(file.get(), data.data(), data.size(), offset);
    if (put < 0) {
      return from_errno(errno, "write");
    }
    data.remove_prefix(static_cast<size_t>(put));
    offset += offset < 0 ? 0 : put;
  }
  return {};
}

Done make_directory(const std::string& path, int mode) {
  return ::mkdir(path.c_str(), static_cast<mode_t>(mode)) == 0
             ? Done()
             : Done(from_errno(errno, "make the folder"));
}

Done make_link(const std::string& path, const std::string& target) {
  return ::symlink(target.c_str(), path.c_str()) == 0 ? Done()
                                                      : Done(from_errno(errno, "make the link"));
}

Done set_mode(const std::string& path, int mode) {
  return ::chmod(path.c_str(), static_cast<mode_t>(mode)) == 0
             ? Done()
             : Done(from_errno(errno, "change the mode of"));
}

Done remove_path(const std::string& path, bool recurse) {
  std::error_code failure;
  if (recurse) {
    return remove_tree(path) ? Done() : Done(from_errno(EIO, "remove"));
  }
  if (!fs::remove(path, failure) && !failure) {
    return from_errno(ENOENT, "remove");
  }
  return failure ? Done(from_errno(failure.value(), "remove")) : Done();
}

}  // namespace holdfast::ontap_sim
