// FileSystem over the system calls; every name is opened close-on-exec, short reads and writes and
// EINTR are repeated here so that callers never see them.
#include "core/env/posix/posix_file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace holdfast::env {
namespace {

class PosixFile final : public File {
 public:
  PosixFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~PosixFile() override {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }

  Result<std::size_t> read_at(std::uint64_t offset, MutableByteSpan out) override {
    std::size_t done = 0;
    while (done < out.size()) {
      const ssize_t count =
          ::pread(fd_, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
      if (count < 0 && errno != EINTR) {
        return io_error(errno, "read", path_);
      }
      if (count == 0) {
        break;
      }
      done += count > 0 ? static_cast<std::size_t>(count) : 0;
    }
    return done;
  }

  Status append(ByteSpan data) override {
    while (!data.empty()) {
      const ssize_t count = ::write(fd_, data.data(), data.size());
      if (count < 0 && errno != EINTR) {
        return io_error(errno, "write", path_);
      }
      data = data.subspan(count > 0 ? static_cast<std::size_t>(count) : 0);
    }
    return {};
  }

  Status sync() override { return ::fsync(fd_) == 0 ? Status() : io_error(errno, "fsync", path_); }

  Status close() override {
    const int fd = std::exchange(fd_, -1);
    return fd < 0 || ::close(fd) == 0 ? Status() : io_error(errno, "close", path_);
  }

  Result<std::uint64_t> size() override {
    struct stat info{};
    if (::fstat(fd_, &info) != 0) {
      return io_error(errno, "stat", path_);
    }
    return static_cast<std::uint64_t>(info.st_size);
  }

 private:
  int fd_;
  std::string path_;
};

int open_flags(OpenMode mode) {
  switch (mode) {
    case OpenMode::kRead:
      return O_RDONLY;
    case OpenMode::kCreateNew:
      return O_WRONLY | O_CREAT | O_EXCL;
    case OpenMode::kTruncate:
      return O_WRONLY | O_CREAT | O_TRUNC;
    case OpenMode::kAppend:
      return O_WRONLY | O_CREAT | O_APPEND;
  }
  return O_RDONLY;
}

FileKind kind_of(mode_t mode) {
  return S_ISREG(mode)   ? FileKind::kFile
         : S_ISDIR(mode) ? FileKind::kDirectory
         : S_ISLNK(mode) ? FileKind::kSymlink
                         : FileKind::kOther;
}

FileKind kind_of_entry(const std::string& folder, const dirent& entry) {
  switch (entry.d_type) {
    case DT_REG:
      return FileKind::kFile;
    case DT_DIR:
      return FileKind::kDirectory;
    case DT_LNK:
      return FileKind::kSymlink;
    case DT_UNKNOWN: {
      struct stat info{};
      const std::string path = folder + "/" + entry.d_name;
      return ::lstat(path.c_str(), &info) == 0 ? kind_of(info.st_mode) : FileKind::kOther;
    }
    default:
      return FileKind::kOther;
  }
}

}  // namespace

Result<std::unique_ptr<File>> PosixFileSystem::open(const std::string& path, OpenMode mode,
                                                    std::uint32_t permissions) {
  const int fd = ::open(path.c_str(), open_flags(mode) | O_CLOEXEC, permissions);
  if (fd < 0) {
    return io_error(errno, "open", path);
  }
  return std::make_unique<PosixFile>(fd, path);
}

Status PosixFileSystem::rename(const std::string& from, const std::string& to) {
  return ::rename(from.c_str(), to.c_str()) == 0 ? Status() : io_error(errno, "rename", to);
}

Status PosixFileSystem::remove(const std::string& path) {
  return std::remove(path.c_str()) == 0 ? Status() : io_error(errno, "remove", path);
}

Result<std::vector<DirectoryEntry>> PosixFileSystem::list(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), ::closedir);
  if (!folder) {
    return io_error(errno, "list", path);
  }
  std::vector<DirectoryEntry> entries;
  errno = 0;
  while (const dirent* entry = ::readdir(folder.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") {
      entries.push_back({name, kind_of_entry(path, *entry)});
    }
    errno = 0;
  }
  if (errno != 0) {
    return io_error(errno, "list", path);
  }
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return entries;
}

Result<FileInfo> PosixFileSystem::stat(const std::string& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) {
    return io_error(errno, "stat", path);
  }
  return FileInfo{.kind = kind_of(info.st_mode),
                  .size = static_cast<std::uint64_t>(info.st_size),
                  .permissions = info.st_mode & 07777,
                  .modified = UtcTime(std::chrono::seconds(info.st_mtim.tv_sec) +
                                      Nanoseconds(info.st_mtim.tv_nsec))};
}

Status PosixFileSystem::make_directories(const std::string& path, std::uint32_t permissions) {
  if (::mkdir(path.c_str(), permissions) == 0) {
    return {};
  }
  if (errno == ENOENT && parent_path(path) != path) {
    HF_TRY_VOID(make_directories(parent_path(path), permissions));
    if (::mkdir(path.c_str(), permissions) == 0) {
      return {};
    }
  }
  struct stat info{};
  const int failure = errno;
  if (failure == EEXIST && ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
    return {};
  }
  return io_error(failure, "make directory", path);
}

Status PosixFileSystem::sync_directory(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    return io_error(errno, "open", path);
  }
  PosixFile folder(fd, path);
  return folder.sync();
}

Status PosixFileSystem::set_permissions(const std::string& path, std::uint32_t permissions) {
  return ::chmod(path.c_str(), permissions) == 0 ? Status() : io_error(errno, "chmod", path);
}

Result<FileSystemSpace> PosixFileSystem::space(const std::string& path) {
  struct statvfs status{};
  if (::statvfs(path.c_str(), &status) != 0) {
    return io_error(errno, "read the free space of", path);
  }
  const std::uint64_t unit = status.f_frsize;
  return FileSystemSpace{.total_bytes = status.f_blocks * unit,
                         .available_bytes = status.f_bavail * unit};
}

}  // namespace holdfast::env
