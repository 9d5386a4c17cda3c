// The pipeline that turns directory trees into a snapshot's tree; see docs/design/engine.md.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/async/bounded_queue.h"
#include "engine/backup/backup.h"
#include "engine/backup/exclude.h"
#include "engine/backup/local_tree.h"
#include "engine/repo/chunk_writer.h"
#include "engine/repo/chunker.h"

namespace holdfast::backup {

// One run. walk_*() on one thread, then finish().
class Archiver {
 public:
  Archiver(repo::Repository& repository, const BackupOptions& options);
  ~Archiver();

  // Saves all targets; `parent_tree` (zero: none) is the tree of the snapshot to compare with.
  // Returns the root tree's id.
  Result<repo::ChunkId> run(const repo::ChunkId& parent_tree);

  // After run.
  repo::SnapshotSummary counts() const;
  std::vector<Problem> problems() const { return problems_; }
  std::uint64_t problem_count() const { return problem_count_; }

 private:
  struct Directory;
  struct FileJob;
  struct Attempt;
  struct Place;
  using DirectoryPtr = std::shared_ptr<Directory>;

  // --- walker (one thread)
  Status walk_virtual(const DirectoryPtr& into, const Place& place, const repo::Tree* old);
  Status walk_place(const DirectoryPtr& into, std::size_t slot, const Place& place,
                    const repo::Node* old);
  Status walk_directory(const DirectoryPtr& directory, const std::string& read_path,
                        const repo::Tree* old);
  Status walk_entry(const DirectoryPtr& into, std::size_t slot, repo::Node node,
                    const std::string& read_path, const repo::Node* old);
  Result<std::optional<repo::Node>> read_entry(const std::string& read_path,
                                               const std::string& live_path,
                                               const std::string& name);
  std::optional<repo::Tree> old_tree(const repo::Node* old);
  bool is_unchanged(const repo::Node& node, const repo::Node& old) const;
  repo::Node virtual_node(const Place& place);

  // --- readers
  void read_files();
  void read_file(const std::shared_ptr<FileJob>& job, Buffer& scratch);
  Result<bool> read_once(const std::shared_ptr<FileJob>& job, Buffer& scratch, bool last_try);
  Status cut_file(const std::shared_ptr<Attempt>& attempt, repo::Chunker& chunker);
  void chunk_done(const std::shared_ptr<Attempt>& attempt, std::size_t place,
                  Result<repo::SavedChunk> saved);
  void release(const std::shared_ptr<Attempt>& attempt);

  // --- any thread
  void complete(DirectoryPtr directory, std::size_t slot, std::optional<repo::Node> node);
  bool save_directory(Directory& directory);
  void count_file(const repo::Node& node, bool known, bool unmodified);
  void problem(Problem::Kind kind, const std::string& path, const std::string& message);
  void fail(const Error& error);
  Status failure();
  void apply_device(repo::Node& node) const;

  repo::Repository& repository_;
  const BackupOptions& options_;
  const Excludes excludes_;
  const repo::RabinTables tables_;
  OwnerNames names_;
  async::BoundedQueue<std::shared_ptr<FileJob>> files_{64};
  std::vector<std::thread> readers_;
  std::uint64_t target_device_ = 0;

  std::mutex mutex_;
  std::optional<Error> error_;
  std::atomic<bool> failed_{false};
  std::vector<Problem> problems_;
  std::atomic<std::uint64_t> problem_count_{0};
  std::atomic<std::uint64_t> targets_found_{0};
  std::optional<repo::ChunkId> root_;

  struct Counters {
    std::atomic<std::uint64_t> files_new{0}, files_changed{0}, files_unmodified{0};
    std::atomic<std::uint64_t> dirs_new{0}, dirs_changed{0}, dirs_unmodified{0};
    std::atomic<std::uint64_t> files{0}, bytes{0};
  } counters_;
  repo::ChunkWriter writer_;  // last: its threads call back into the members above
};

}  // namespace holdfast::backup
