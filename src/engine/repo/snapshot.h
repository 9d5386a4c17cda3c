// A snapshot: one backup of some paths at one time, and its JSON form.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "engine/repo/ids.h"

namespace holdfast::repo {

struct SnapshotSummary {
  UtcTime backup_start;
  UtcTime backup_end;
  std::uint64_t files_new = 0;
  std::uint64_t files_changed = 0;
  std::uint64_t files_unmodified = 0;
  std::uint64_t dirs_new = 0;
  std::uint64_t dirs_changed = 0;
  std::uint64_t dirs_unmodified = 0;
  std::uint64_t data_blobs = 0;  // chunks stored, of each kind
  std::uint64_t tree_blobs = 0;
  std::uint64_t data_added = 0;         // plain bytes stored
  std::uint64_t data_added_packed = 0;  // the same, compressed and sealed
  std::uint64_t total_files_processed = 0;
  std::uint64_t total_bytes_processed = 0;
};

struct Snapshot {
  SnapshotId id;  // of the stored file; not part of it
  UtcTime time;
  SnapshotId parent;  // zero: none
  ChunkId tree;
  std::vector<std::string> paths;  // absolute
  std::string hostname;
  std::string username;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::vector<std::string> excludes;
  std::vector<std::string> tags;
  SnapshotId original;  // zero: this is the first of its line
  std::string program_version;
  std::optional<SnapshotSummary> summary;
};

// The stored form, byte for byte as restic writes it.
std::string to_json(const Snapshot& snapshot);
// kDataLoss when it is no snapshot; unknown fields are ignored.
Result<Snapshot> snapshot_from_json(std::string_view text);

}  // namespace holdfast::repo
