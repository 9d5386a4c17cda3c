#include "core/env/posix/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

namespace holdfast::env {
namespace {

// Closes a descriptor when it goes.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) {
      ::close(value_);
    }
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return value_; }
  bool open() const { return value_ >= 0; }

 private:
  int value_;
};

Status write_all(int fd, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno != EINTR) {
      return io_error(errno, "write", path);
    }
    content.remove_prefix(written > 0 ? static_cast<size_t>(written) : 0);
  }
  return {};
}

Status sync_directory(const std::string& path) {
  const Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.open() || ::fsync(directory.get()) != 0) {
    return io_error(errno, "sync", path);
  }
  return {};
}

Status write_new_file(const std::string& path, std::string_view content, unsigned mode) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  if (!file.open()) {
    return io_error(errno, "create", path);
  }
  HF_TRY_VOID(write_all(file.get(), content, path));
  if (::fchmod(file.get(), mode) != 0 || ::fsync(file.get()) != 0) {
    return io_error(errno, "sync", path);
  }
  return {};
}

}  // namespace

Status write_file_atomically(const std::string& path, std::string_view content, unsigned mode) {
  const std::string temporary = path + ".tmp-" + std::to_string(::getpid());
  Status written = write_new_file(temporary, content, mode);
  if (written && std::rename(temporary.c_str(), path.c_str()) != 0) {
    written = io_error(errno, "rename", path);
  }
  if (!written) {
    ::unlink(temporary.c_str());
    return written;
  }
  return sync_directory(std::filesystem::path(path).parent_path().string());
}

Result<std::string> read_small_file(const std::string& path, std::size_t max_bytes) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.open()) {
    return io_error(errno, "open", path);
  }
  std::string content;
  while (content.size() <= max_bytes) {
    char buffer[4096];
    const ssize_t count = ::read(file.get(), buffer, sizeof(buffer));
    if (count == 0) {
      return content;
    }
    if (count < 0 && errno != EINTR) {
      return io_error(errno, "read", path);
    }
    content.append(buffer, count > 0 ? static_cast<size_t>(count) : 0);
  }
  return Error(Code::kResourceExhausted, path + " is longer than expected");
}

Status make_directories(const std::string& path, unsigned mode) {
  std::error_code failure;
  const std::filesystem::path target(path);
  if (std::filesystem::is_directory(target, failure)) {
    return {};
  }
  if (target.has_parent_path() && target.parent_path() != target) {
    HF_TRY_VOID(make_directories(target.parent_path().string(), mode));
  }
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) {
    return io_error(errno, "create directory", path);
  }
  return {};
}

}  // namespace holdfast::env
