// The machine's file system.
#pragma once

#include "core/env/file_system.h"

namespace holdfast::env {

class PosixFileSystem final : public FileSystem {
 public:
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
};

}  // namespace holdfast::env
