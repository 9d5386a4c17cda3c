// Are two trees the same? Type, mode, owner, mtime in nanoseconds, extended attributes (ACLs among
// them), link target, hard-link groups, bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/backup/backup.h"
#include "engine/repo/repository.h"

namespace holdfast::backup {

struct CompareOptions {
  // What the source changed after this (its ctime is later) is listed as changed since, not as
  // different; the same for what appeared or vanished in folders changed since.
  std::optional<UtcTime> consistency_time;
  bool owners = true;
  bool bytes = true;                  // false: size and metadata only
  std::vector<std::string> excludes;  // as BackupOptions::excludes
  Progress* progress = nullptr;
  std::stop_token stop;
};

struct Difference {
  std::string path;  // relative
  std::string what;  // "bytes", "mode 644 instead of 600", ...
};

// Lists hold at most kMaxDifferences entries; the counts are complete.
struct CompareReport {
  std::uint64_t compared = 0;  // entries on both sides
  std::uint64_t equal = 0;
  std::uint64_t different = 0;
  std::uint64_t missing = 0;  // in the kept copy, not in the source
  std::uint64_t extra = 0;    // in the source, not in the kept copy
  std::uint64_t changed_since = 0;
  std::uint64_t bytes_compared = 0;
  std::vector<Difference> differences;
  std::vector<std::string> missing_paths;
  std::vector<std::string> extra_paths;
  std::vector<std::string> changed_since_paths;
  std::vector<Problem> problems;  // could not be read, so could not be compared
  bool same() const { return different == 0 && missing == 0 && extra == 0 && problems.empty(); }
};
inline constexpr std::size_t kMaxDifferences = 1000;

// A snapshot's folder `root` against a directory. Bytes of the directory are hashed chunk by chunk
// and compared with the snapshot's chunk ids: the repository's data is not read (check does that).
Result<CompareReport> compare_snapshot(repo::Repository& repository,
                                       const repo::SnapshotId& snapshot, const std::string& root,
                                       const std::string& source, const CompareOptions& options);

// A restored copy against the source, byte by byte.
Result<CompareReport> compare_directories(const std::string& copy, const std::string& source,
                                          const CompareOptions& options);

}  // namespace holdfast::backup
