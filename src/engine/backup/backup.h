// Backup of directory trees into a repository.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "engine/repo/chunk_writer.h"
#include "engine/repo/repository.h"

namespace holdfast::backup {

// One directory or file to save.
struct Target {
  std::string live_path;  // recorded in the snapshot: absolute, or relative as typed
  std::string read_path;  // where it is read, e.g. in a storage snapshot; empty: live_path
};

// Counters that another thread may read while the work goes on.
struct Progress {
  std::atomic<std::uint64_t> files_done{0};
  std::atomic<std::uint64_t> bytes_done{0};
  std::atomic<std::uint64_t> errors{0};
};

struct BackupOptions {
  std::vector<Target> targets;
  // Recorded as the device of every node, so that snapshots of one volume look alike; none: st_dev.
  std::optional<std::uint64_t> device_id;
  // None: the newest snapshot of the same host and paths, at or before `time`.
  std::optional<repo::SnapshotId> parent;
  bool force = false;  // no parent: read everything
  std::vector<std::string> tags;
  std::vector<std::string> excludes;  // globs as in .gitignore: a name, a/path, *, ?, [..], **
  std::string host;                   // empty: the environment's
  std::optional<UtcTime> time;        // of the snapshot; none: now
  bool one_file_system = false;
  bool with_atime = false;
  bool dry_run = false;  // reads and hashes, stores nothing
  int readers = 2;
  repo::WriterOptions writer;
  Progress* progress = nullptr;
  std::stop_token stop;
};

// Something that is not, or perhaps not consistently, in the snapshot.
struct Problem {
  enum class Kind { kUnreadable, kChangedWhileRead };
  Kind kind = Kind::kUnreadable;
  std::string path;
  std::string message;
};

struct BackupSummary {
  repo::SnapshotId snapshot;  // zero in a dry run
  repo::SnapshotId parent;
  repo::ChunkId tree;
  repo::SnapshotSummary counts;
  std::vector<Problem> problems;  // at most kMaxProblems
  std::uint64_t problem_count = 0;
  bool partial() const { return problem_count != 0; }
};
inline constexpr std::size_t kMaxProblems = 1000;

// Takes a shared lock, loads the index, saves, writes the snapshot. A file is unchanged, and not
// read, when type, size, mtime, ctime and inode equal the parent's and all its chunks are there. A
// file that changes while it is read is read up to 3 times more, then listed in `problems`.
// Fails without a snapshot when no target can be read (kNotFound), when stopped (kCancelled), or
// when the repository cannot be written; packs that were indexed by then stay and are reused.
Result<BackupSummary> backup(repo::Repository& repository, const BackupOptions& options);

// A number for BackupOptions::device_id from any stable text (a volume's name or UUID).
std::uint64_t stable_device_id(std::string_view name);

}  // namespace holdfast::backup
