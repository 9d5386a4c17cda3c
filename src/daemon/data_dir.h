// The server's directory: made, locked, and what lies in it.
#pragma once

#include <memory>
#include <string>

#include "core/base/result.h"
#include "core/base/secret.h"

namespace holdfast::daemon {

// Held while the server runs; the kernel gives it back when the process dies.
class DirectoryLock {
 public:
  // Makes DIR and its folders (0700). kConflict names the process that holds it.
  static Result<std::unique_ptr<DirectoryLock>> take(const std::string& data_dir);
  ~DirectoryLock();
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

 private:
  explicit DirectoryLock(int fd) : fd_(fd) {}
  int fd_;
};

std::string state_file(const std::string& data_dir);
std::string token_file(const std::string& data_dir);

// DIR/endpoint.json: where the server listens, for tools on this machine.
Status write_endpoint(const std::string& data_dir, const std::string& address);
void remove_endpoint(const std::string& data_dir);

// DIR/admin.token; an empty secret when there is none.
Result<SecretString> read_token(const std::string& data_dir);
Status write_token(const std::string& data_dir, const SecretString& token);

}  // namespace holdfast::daemon
