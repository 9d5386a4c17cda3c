// Taking away and carrying over: forget, prune, copy, stats.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/repo/repository.h"

namespace holdfast::repo {

// --- forget: removes snapshots, not data. Locks exclusively itself.
// kPartial when some could not be removed; the message names the first.
Status forget(Repository& repository, const std::vector<SnapshotId>& ids);

// Which snapshots of a group a keep rule holds, as `restic forget --keep-*` (calendar in UTC).
struct KeepPolicy {
  int last = 0;
  int hourly = 0;
  int daily = 0;
  int weekly = 0;
  int monthly = 0;
  int yearly = 0;
  std::optional<Nanoseconds> within;
  std::vector<std::string> tags;  // keep what carries any of them
  bool empty() const;
};
struct KeepDecision {
  std::vector<Snapshot> keep;
  std::vector<Snapshot> remove;
};
// `snapshots` of one host and path set, any order. An empty policy keeps everything.
KeepDecision apply_keep_policy(std::vector<Snapshot> snapshots, const KeepPolicy& policy);

// --- prune: gives space back. Locks itself: shared while it plans and copies, so that backups go
// on, then exclusively while it looks again and removes. kConflict when somebody else holds a lock
// then; what it copied is kept, and the next prune has only to remove.
struct PruneOptions {
  double max_unused_ratio = 0.10;  // unused bytes that may stay, as a share of the repository
  bool dry_run = false;
  std::stop_token stop;
};
struct PruneReport {
  std::uint64_t used_bytes = 0;
  std::uint64_t unused_bytes = 0;  // before, duplicates included
  std::uint64_t removed_bytes = 0;
  std::uint64_t repacked_bytes = 0;
  std::uint64_t packs_kept = 0;
  std::uint64_t packs_removed = 0;
  std::uint64_t packs_repacked = 0;
  std::uint64_t unused_bytes_after = 0;
};
// Refuses (kDataLoss, nothing changed) when a snapshot needs a chunk that the index does not have.
Result<PruneReport> prune(Repository& repository, const PruneOptions& options);

// --- copy: snapshots into a second repository, best made with the first one's polynomial.
struct CopyReport {
  std::vector<SnapshotId> copied;   // ids in the destination, in the order of the request
  std::vector<SnapshotId> skipped;  // ids in the source that the destination already has
  std::uint64_t chunks = 0;
  std::uint64_t bytes = 0;         // of the chunks
  std::uint64_t stored_bytes = 0;  // what they take in the destination, compressed and sealed
};
// Locks the source shared and the destination shared itself; loads both indexes. Copies carry
// `original` and the tags, and are skipped when the destination has a copy of the same content.
Result<CopyReport> copy(Repository& from, Repository& to, const std::vector<SnapshotId>& ids,
                        std::stop_token stop = {});

// --- stats
struct Stats {
  std::uint64_t snapshots = 0;
  std::uint64_t restore_files = 0;
  std::uint64_t restore_bytes = 0;     // sum over the snapshots
  std::uint64_t raw_chunks = 0;        // distinct chunks that the snapshots use
  std::uint64_t raw_stored_bytes = 0;  // their boxes
  std::uint64_t raw_plain_bytes = 0;   // the same, opened
  std::uint64_t repository_bytes = 0;  // all pack files
};
// Of the given snapshots (empty: all). Loads the index.
Result<Stats> stats(Repository& repository, const std::vector<SnapshotId>& ids);

}  // namespace holdfast::repo
