// Bringing a snapshot back to a directory.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/backup/backup.h"
#include "engine/repo/repository.h"

namespace holdfast::backup {

enum class Overwrite {
  kAlways,       // whatever is in the way is replaced
  kIfChanged,    // files whose size and mtime equal the snapshot's stay as they are
  kIfDifferent,  // files whose metadata and bytes equal the snapshot's stay as they are: each is
                 // read
  kNever,        // existing files stay
};

struct RestoreOptions {
  repo::SnapshotId snapshot;
  // The folder of the snapshot whose content goes into `target`, e.g. the live path that was backed
  // up; empty or "/": the snapshot's root, so that target receives target/live/path.
  std::string root;
  // Paths relative to `root`; each with all that is below. Empty: everything.
  std::vector<std::string> include;
  std::string target;  // made when absent; in place: the live path itself
  Overwrite overwrite = Overwrite::kIfChanged;
  bool delete_extra = false;  // remove what the snapshot does not have, below the included paths
  bool verify = false;        // read every restored file again and compare with the chunk ids
  bool sparse = true;         // long runs of zeros become holes
  bool owners = true;         // ignored without the right to change owners
  int workers = 2;
  Progress* progress = nullptr;
  std::stop_token stop;
};

// What a restore would do. Lists hold at most kMaxPlanPaths paths relative to the target.
struct RestorePlan {
  std::uint64_t creates = 0;
  std::uint64_t overwrites = 0;
  std::uint64_t deletes = 0;
  std::uint64_t unchanged = 0;
  std::uint64_t bytes = 0;  // to write
  std::vector<std::string> create_paths;
  std::vector<std::string> overwrite_paths;
  std::vector<std::string> delete_paths;
};
inline constexpr std::size_t kMaxPlanPaths = 1000;

struct RestoreSummary {
  std::uint64_t files_restored = 0;
  std::uint64_t files_skipped = 0;  // already there
  std::uint64_t files_deleted = 0;
  std::uint64_t total_files = 0;  // everything but directories
  std::uint64_t directories = 0;
  std::uint64_t bytes_restored = 0;
  std::uint64_t total_bytes = 0;
  std::uint64_t files_verified = 0;
  std::vector<Problem> problems;  // at most kMaxProblems; the rest was restored
  std::uint64_t problem_count = 0;
  bool partial() const { return problem_count != 0; }
};

// Touches nothing. kNotFound when root or an included path is not in the snapshot.
Result<RestorePlan> plan_restore(repo::Repository& repository, const RestoreOptions& options);

// Restores files, directories, symbolic and hard links, fifos and devices, with bytes, holes, mode,
// owner, times and extended attributes (ACLs among them). An existing file is replaced by renaming
// a finished one over it. Symbolic links in the target are never followed. Needs a loaded index.
Result<RestoreSummary> restore(repo::Repository& repository, const RestoreOptions& options);

}  // namespace holdfast::backup
