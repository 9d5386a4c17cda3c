#include "daemon/data_dir.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "core/base/json.h"
#include "core/env/posix/atomic_file.h"

namespace holdfast::daemon {

Result<std::unique_ptr<DirectoryLock>> DirectoryLock::take(const std::string& data_dir) {
  HF_TRY_VOID(env::make_directories(data_dir, 0700));
  for (const char* folder : {"/keys", "/repositories", "/evidence", "/scratch"}) {
    HF_TRY_VOID(env::make_directories(data_dir + folder, 0700));
  }
  const std::string path = data_dir + "/lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return io_error(errno, "open", path);
  }
  std::unique_ptr<DirectoryLock> lock(new DirectoryLock(fd));
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const auto holder = env::read_small_file(path);
    return Error(
        Code::kConflict,
        fmt::format("another server (process {}) uses {}: stop it or choose another --data",
                    holder && !holder->empty() ? *holder : "unknown", data_dir));
  }
  const std::string pid = std::to_string(::getpid());
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, pid.data(), pid.size(), 0) < 0) {
    return io_error(errno, "write", path);
  }
  return lock;
}

DirectoryLock::~DirectoryLock() { ::close(fd_); }

std::string state_file(const std::string& data_dir) { return data_dir + "/state.db"; }
std::string token_file(const std::string& data_dir) { return data_dir + "/admin.token"; }

Status write_endpoint(const std::string& data_dir, const std::string& address) {
  const Json endpoint =
      JsonObject{{"address", address}, {"pid", ::getpid()}, {"version", HOLDFAST_VERSION}};
  return env::write_file_atomically(data_dir + "/endpoint.json", to_pretty_text(endpoint), 0600);
}

void remove_endpoint(const std::string& data_dir) {
  ::unlink((data_dir + "/endpoint.json").c_str());
}

Result<SecretString> read_token(const std::string& data_dir) {
  auto text = env::read_small_file(token_file(data_dir));
  if (!text && text.error().code() == Code::kNotFound) {
    return SecretString();
  }
  HF_TRY_VOID(status_of(text));
  while (text->ends_with('\n')) {
    text->pop_back();
  }
  return SecretString(*std::move(text));
}

Status write_token(const std::string& data_dir, const SecretString& token) {
  return env::write_file_atomically(token_file(data_dir), token.expose() + "\n", 0600);
}

}  // namespace holdfast::daemon
