// A file system in memory that can lose power.
//
// crash(random) keeps what the contract of file_system.h promises and gambles with the rest: bytes
// appended after the last sync are kept, cut short or turned to zeros; each name changed since the
// last sync_directory of its folder is, on its own, either the new or the old one (so renames
// reorder). Open files of before the crash answer every call with kUnavailable.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "core/env/file_system.h"
#include "core/env/random.h"

namespace holdfast::env {

class SimFileSystem final : public FileSystem {
 public:
  SimFileSystem();

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode,
                                     std::uint32_t permissions) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Result<std::vector<DirectoryEntry>> list(const std::string& path) override;
  Result<FileInfo> stat(const std::string& path) override;
  Status make_directories(const std::string& path, std::uint32_t permissions) override;
  Status sync_directory(const std::string& path) override;
  Status set_permissions(const std::string& path, std::uint32_t permissions) override;
  Result<FileSystemSpace> space(const std::string& path) override;

  void crash(Random& random);
  // How many bytes its files may have together; appends beyond fail as on a full disk. Unlimited
  // (and space() tells nothing) until it is called; 0 = unlimited again.
  void set_capacity(std::uint64_t bytes);
  // How many bytes its files have together.
  std::uint64_t used_bytes() const;
  // Flips one bit of a stored file, as a failing disk does.
  Status corrupt(const std::string& path, std::uint64_t byte_offset);

  struct Node;
  struct Shared;

 private:
  std::shared_ptr<Shared> shared_;
};

}  // namespace holdfast::env
