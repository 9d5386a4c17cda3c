// Copies go tree by tree for what is small and pack by pack for what is large: the missing chunks
// of all snapshots are read in the order in which they lie in the source, then the trees are stored
// with the very same bytes, then the snapshots. Nothing in the destination refers to what is not
// there.
#include <algorithm>
#include <atomic>
#include <future>
#include <map>
#include <mutex>
#include <set>

#include "engine/repo/chunk_writer.h"
#include "engine/repo/maintain.h"
#include "engine/repo/reachable.h"

namespace holdfast::repo {
namespace {

struct Missing {
  ChunkLocation location;
  ChunkKind kind = ChunkKind::kData;
  ChunkId id;
};

SnapshotId origin_of(const Snapshot& snapshot) {
  return snapshot.original.is_zero() ? snapshot.id : snapshot.original;
}

bool is_copy(const Snapshot& there, const Snapshot& here) {
  return origin_of(there) == origin_of(here) && there.tree == here.tree &&
         there.time == here.time && there.tags == here.tags && there.paths == here.paths;
}

Status add_missing(Repository& from, Repository& to, ChunkKind kind,
                   const std::unordered_set<ChunkId>& ids, std::vector<Missing>& missing) {
  for (const ChunkId& id : ids) {
    if (to.has_chunk(kind, id)) {
      continue;
    }
    const auto location = from.find_chunk(kind, id);
    if (!location) {
      return Error(Code::kDataLoss, "a chunk is in no pack of the repository")
          .with("chunk", id.hex());
    }
    missing.push_back({*location, kind, id});
  }
  return {};
}

Status copy_chunks(Repository& from, Repository& to, std::vector<Missing>& missing,
                   const std::stop_token& stop, CopyReport& report) {
  std::sort(missing.begin(), missing.end(), [](const Missing& a, const Missing& b) {
    return std::tie(a.location.pack, a.location.offset) <
           std::tie(b.location.pack, b.location.offset);
  });
  std::atomic<std::uint64_t> stored = 0;
  ChunkWriter writer(to, {});
  for (const Missing& chunk : missing) {
    if (stop.stop_requested()) {
      return stopped();
    }
    HF_TRY(Buffer plain, from.load_chunk(chunk.kind, chunk.id));
    report.bytes += plain.size();
    ++report.chunks;
    // A failure is remembered by the writer and comes out of finish().
    writer.save_later(chunk.kind, std::move(plain), [&stored](const Result<SavedChunk>& saved) {
      stored += saved ? saved->stored_bytes : 0;
    });
  }
  HF_TRY_VOID(writer.finish());
  report.stored_bytes = stored;
  return {};
}

}  // namespace

Result<CopyReport> copy(Repository& from, Repository& to, const std::vector<SnapshotId>& ids,
                        std::stop_token stop) {
  HF_TRY(const auto source_lock, from.lock(LockKind::kShared));
  HF_TRY(const auto target_lock, to.lock(LockKind::kShared));
  HF_TRY(const std::vector<Snapshot> there, to.snapshots());
  CopyReport report;
  std::vector<Snapshot> wanted;
  std::vector<ChunkId> roots;
  for (const SnapshotId& id : ids) {
    HF_TRY(Snapshot snapshot, from.snapshot(id));
    const bool known = std::any_of(there.begin(), there.end(),
                                   [&](const Snapshot& other) { return is_copy(other, snapshot); });
    if (known) {
      report.skipped.push_back(id);
      continue;
    }
    roots.push_back(snapshot.tree);
    wanted.push_back(std::move(snapshot));
  }
  HF_TRY_VOID(from.load_index());
  HF_TRY_VOID(to.load_index());
  Reachable found;
  WalkOptions walk;
  walk.stop = stop;
  HF_TRY_VOID(walk_trees(from, roots, walk, found));
  std::vector<Missing> missing;
  HF_TRY_VOID(add_missing(from, to, ChunkKind::kData, found.data, missing));
  HF_TRY_VOID(add_missing(from, to, ChunkKind::kTree, found.trees, missing));
  HF_TRY_VOID(copy_chunks(from, to, missing, stop, report));
  for (Snapshot& snapshot : wanted) {
    snapshot.original = origin_of(snapshot);
    snapshot.parent = SnapshotId();
    HF_TRY(const SnapshotId id, to.save_snapshot(snapshot));
    report.copied.push_back(id);
  }
  return report;
}

Result<Stats> stats(Repository& repository, const std::vector<SnapshotId>& ids) {
  HF_TRY_VOID(repository.load_index());
  std::vector<Snapshot> snapshots;
  if (ids.empty()) {
    HF_TRY(snapshots, repository.snapshots());
  }
  for (const SnapshotId& id : ids) {
    HF_TRY(Snapshot snapshot, repository.snapshot(id));
    snapshots.push_back(std::move(snapshot));
  }
  Stats stats;
  stats.snapshots = snapshots.size();
  Reachable all;
  for (const Snapshot& snapshot : snapshots) {
    Reachable own;
    WalkOptions walk;
    std::set<std::pair<std::uint64_t, std::uint64_t>> links;
    walk.on_tree = [&](const ChunkId&, const Tree& tree) {
      for (const Node& node : tree.nodes) {
        const bool first_name = node.links <= 1 || links.emplace(node.device_id, node.inode).second;
        stats.restore_files += node.type == NodeType::kFile ? 1 : 0;
        stats.restore_bytes += node.type == NodeType::kFile && first_name ? node.size : 0;
      }
    };
    HF_TRY_VOID(walk_trees(repository, {snapshot.tree}, walk, own));
    all.trees.merge(own.trees);
    all.data.merge(own.data);
  }
  const auto add = [&](ChunkKind kind, const std::unordered_set<ChunkId>& chunks) {
    for (const ChunkId& id : chunks) {
      if (const auto location = repository.find_chunk(kind, id)) {
        ++stats.raw_chunks;
        stats.raw_stored_bytes += location->length;
        stats.raw_plain_bytes += location->size();
      }
    }
  };
  add(ChunkKind::kTree, all.trees);
  add(ChunkKind::kData, all.data);
  HF_TRY(const auto packs, repository.list(blob::ObjectType::kPack));
  for (const blob::ObjectInfo& pack : packs) {
    stats.repository_bytes += pack.size;
  }
  return stats;
}

}  // namespace holdfast::repo
