// Files of this program: the port that stores and databases of Holdfast write through.
//
// The trees that users protect are not read through it (they need owners, extended attributes and
// holes; see engine/backup). Implementations: posix/posix_file_system.h, sim/sim_file_system.h (in
// memory, with a crash model), sim/fault_file_system.h (fails the n-th operation).
//
// Durability contract, the weakest that POSIX gives: bytes survive a crash once File::sync
// returned; a name (create, rename, remove) survives once sync_directory of its folder returned.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/time.h"

namespace holdfast::env {

enum class FileKind { kFile, kDirectory, kSymlink, kOther };

struct FileInfo {
  FileKind kind = FileKind::kFile;
  std::uint64_t size = 0;
  std::uint32_t permissions = 0;  // the lower 12 bits of the mode
  UtcTime modified;
};

struct DirectoryEntry {
  std::string name;
  FileKind kind = FileKind::kFile;
};

// One open file. Methods may be called from several threads unless they write. Closed by the
// destructor; call close() after writing, since only it reports a late failure.
class File {
 public:
  virtual ~File() = default;
  // Reads at `offset` until `out` is full or the file ends; returns how much was read.
  virtual Result<std::size_t> read_at(std::uint64_t offset, MutableByteSpan out) = 0;
  // Adds at the end; either everything or an error after which the file's tail is undefined.
  virtual Status append(ByteSpan data) = 0;
  // Returns once everything appended so far survives a crash of the machine.
  virtual Status sync() = 0;
  virtual Status close() = 0;
  virtual Result<std::uint64_t> size() = 0;
};

// Of the file system that a path lies on. All zero: it does not tell (some network mounts).
struct FileSystemSpace {
  std::uint64_t total_bytes = 0;
  std::uint64_t available_bytes = 0;  // to an ordinary user
};

enum class OpenMode {
  kRead,       // kNotFound when absent
  kCreateNew,  // kAlreadyExists when present
  kTruncate,   // made when absent, emptied when present
  kAppend,     // made when absent
};

// Paths are absolute or relative to the working directory. Methods may be called from any thread.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  // `permissions` apply to a file that is made (before umask).
  virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode,
                                             std::uint32_t permissions = 0600) = 0;
  // Replaces `to` atomically.
  virtual Status rename(const std::string& from, const std::string& to) = 0;
  // Removes a file or an empty directory; kNotFound when absent.
  virtual Status remove(const std::string& path) = 0;
  // Entries without . and .., sorted by name.
  virtual Result<std::vector<DirectoryEntry>> list(const std::string& path) = 0;
  // Does not follow a final symbolic link.
  virtual Result<FileInfo> stat(const std::string& path) = 0;
  // Makes the directory and its missing parents; present is fine.
  virtual Status make_directories(const std::string& path, std::uint32_t permissions = 0700) = 0;
  virtual Status sync_directory(const std::string& path) = 0;
  virtual Status set_permissions(const std::string& path, std::uint32_t permissions) = 0;
  // kNotFound when there is nothing at `path`.
  virtual Result<FileSystemSpace> space(const std::string& path) = 0;
};

// The whole file; kResourceExhausted when it is longer than `limit`.
Result<Buffer> read_file(FileSystem& files, const std::string& path,
                         std::uint64_t limit = std::uint64_t{1} << 32);

struct AtomicWrite {
  std::uint32_t permissions = 0600;
  // Distinguishes temporary names of concurrent writers; random bytes in hex.
  std::string unique;
};

// Writes `path` so that after any crash it holds its old content or all of `data`: a temporary file
// `<path>-tmp-<unique>` in the same folder, sync, rename, sync of the folder. On failure the
// temporary file is removed.
Status write_file_atomically(FileSystem& files, const std::string& path, ByteSpan data,
                             const AtomicWrite& how);

// The folder of a path: "/a/b" -> "/a", "b" -> ".", "/b" -> "/".
std::string parent_path(const std::string& path);
bool exists(FileSystem& files, const std::string& path);

}  // namespace holdfast::env
