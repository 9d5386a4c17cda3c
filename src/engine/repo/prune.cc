// Which packs go, which are written anew, and in which order, so that at every instant each chunk a
// snapshot needs is in a pack that exists and that an index lists.
//
// Plan: chunks that no snapshot reaches are unused, and so are second copies. A pack without a used
// chunk is removed. Packs that mix kinds are repacked; of the others those with the greatest share
// of rubbish, until what stays unused is below the limit. Boxes are copied as they are after being
// opened and checked.
//
// First, under a shared lock, while backups go on: plan, copy into new packs, index them. Then,
// under an exclusive lock that lasts as long as listing takes: look again, and leave alone each
// pack that somebody has come to need meanwhile; write new index files without the packs that go;
// remove the old index files; remove the packs.
#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>

#include "engine/repo/chunk_writer.h"
#include "engine/repo/maintain.h"
#include "engine/repo/pack.h"
#include "engine/repo/reachable.h"

namespace holdfast::repo {
namespace {

constexpr std::size_t kIndexChunks = 50'000;

struct PackState {
  std::vector<PackEntry> entries;
  std::vector<PackEntry> used;  // the entries that have to stay
  std::uint64_t used_bytes = 0;
  std::uint64_t unused_bytes = 0;
  bool mixed = false;
};

class Pruner {
 public:
  Pruner(Repository& repository, const PruneOptions& options)
      : repository_(repository), options_(options) {}

  Result<PruneReport> run() {
    {
      HF_TRY(const auto lock, repository_.lock(LockKind::kShared));
      HF_TRY_VOID(look());
      choose_copies();
      HF_TRY_VOID(check_used());
      plan();
      if (options_.dry_run) {
        return report_;
      }
      HF_TRY_VOID(repack());
    }
    const auto lock = repository_.lock(LockKind::kExclusive);
    if (!lock) {
      return Error(lock.error()).with("prune", "what it copied is kept for the next try");
    }
    HF_TRY_VOID(look());
    spare_needed();
    choose_copies();
    HF_TRY_VOID(check_used());
    if ((*lock)->lost()) {
      return Error(Code::kConflict,
                   "the repository's lock could not be kept; nothing was removed, try again",
                   Retry::kTransient);
    }
    HF_TRY_VOID(sweep());
    return report_;
  }

 private:
  using Key = std::pair<ChunkKind, ChunkId>;

  // The snapshots first, then the index: whoever writes does it the other way round.
  Status look() {
    HF_TRY_VOID(find_used());
    return read_packs();
  }

  // What was found before is not walked again, unless a snapshot has gone: its chunks may have too.
  Status find_used() {
    HF_TRY(const auto snapshots, repository_.snapshots());
    std::set<ChunkId> roots;
    for (const Snapshot& snapshot : snapshots) {
      roots.insert(snapshot.tree);
    }
    if (!std::includes(roots.begin(), roots.end(), roots_.begin(), roots_.end())) {
      used_ = Reachable();
    }
    roots_ = roots;
    HF_TRY_VOID(repository_.load_index());
    WalkOptions walk;
    walk.stop = options_.stop;
    return walk_trees(repository_, {roots.begin(), roots.end()}, walk, used_);
  }

  Status read_packs() {
    packs_.clear();
    sizes_.clear();
    HF_TRY(indexes_, repository_.read_index_files());
    for (const LoadedIndex& index : indexes_) {
      for (const IndexedPack& pack : index.packs) {
        std::vector<PackEntry>& entries = packs_[pack.id].entries;
        entries.insert(entries.end(), pack.entries.begin(), pack.entries.end());
      }
    }
    for (auto& [id, pack] : packs_) {
      std::sort(pack.entries.begin(), pack.entries.end());
      pack.entries.erase(std::unique(pack.entries.begin(), pack.entries.end()), pack.entries.end());
    }
    HF_TRY(const auto files, repository_.list(blob::ObjectType::kPack));
    for (const blob::ObjectInfo& file : files) {
      HF_TRY(const PackId id, PackId::parse(file.key.name));
      sizes_[id] = file.size;
    }
    return {};
  }

  bool is_used(const PackEntry& entry) const {
    return entry.kind == ChunkKind::kTree ? used_.trees.contains(entry.id)
                                          : used_.data.contains(entry.id);
  }

  // Whether copies of chunks in this pack count: not in a missing file, not in one that goes.
  bool counts(const PackId& id) const { return sizes_.contains(id) && !gone_.contains(id); }

  // A backup since the plan may rely on a chunk that was rubbish then, or on a copy in a pack that
  // goes, where the other copy has gone too: such a pack stays.
  void spare_needed() {
    std::set<Key> safe;
    const auto add = [&](const PackState& pack) {
      for (const PackEntry& entry : pack.entries) {
        if (is_used(entry)) {
          safe.insert({entry.kind, entry.id});
        }
      }
    };
    for (const auto& [id, pack] : packs_) {
      if (counts(id)) {
        add(pack);
      }
    }
    for (const auto& [id, pack] : packs_) {
      const auto going = gone_.find(id);
      const bool needed =
          going != gone_.end() && sizes_.contains(id) &&
          std::any_of(pack.entries.begin(), pack.entries.end(), [&](const PackEntry& entry) {
            return is_used(entry) && !safe.contains({entry.kind, entry.id});
          });
      if (needed) {
        add(pack);
        report_.removed_bytes -= going->second;
        report_.unused_bytes_after += going->second;
        --(repack_.contains(id) ? report_.packs_repacked : report_.packs_removed);
        ++report_.packs_kept;
        gone_.erase(going);
      }
    }
  }

  // Of several copies of a used chunk the one in the pack with the most used chunks stays, and of
  // equals the one with the least rubbish.
  void choose_copies() {
    trees_found_ = 0;
    data_found_ = 0;
    std::map<PackId, std::pair<std::size_t, std::ptrdiff_t>> worth;
    for (const auto& [id, pack] : packs_) {
      const auto used = std::count_if(pack.entries.begin(), pack.entries.end(),
                                      [this](const PackEntry& entry) { return is_used(entry); });
      const auto rubbish = static_cast<std::ptrdiff_t>(pack.entries.size()) - used;
      worth[id] = {static_cast<std::size_t>(used), -rubbish};
    }
    std::map<Key, PackId> home;
    for (const auto& [id, pack] : packs_) {
      if (!counts(id)) {
        continue;
      }
      for (const PackEntry& entry : pack.entries) {
        if (is_used(entry)) {
          const auto [place, fresh] = home.emplace(Key{entry.kind, entry.id}, id);
          if (!fresh && worth[id] > worth[place->second]) {
            place->second = id;
          }
        }
      }
    }
    for (auto& [id, pack] : packs_) {
      for (const PackEntry& entry : pack.entries) {
        const auto place = home.find({entry.kind, entry.id});
        const bool stays = place != home.end() && place->second == id;
        (stays ? pack.used_bytes : pack.unused_bytes) += entry.length;
        pack.mixed = pack.mixed || entry.kind != pack.entries.front().kind;
        if (stays) {
          pack.used.push_back(entry);
        }
      }
    }
    for (const auto& [key, id] : home) {
      (key.first == ChunkKind::kTree ? trees_found_ : data_found_) += 1;
    }
  }

  // Everything a snapshot needs is in a file of the right size, or nothing is touched.
  Status check_used() const {
    if (trees_found_ != used_.trees.size() || data_found_ != used_.data.size()) {
      return Error(Code::kDataLoss,
                   "snapshots need chunks that are in no pack; nothing was pruned, run check");
    }
    for (const auto& [id, pack] : packs_) {
      const auto size = sizes_.find(id);
      if (!pack.used.empty() && size->second != pack_file_size(pack.entries)) {
        return Error(Code::kDataLoss,
                     "a pack has another size than the index says; nothing was pruned, run check")
            .with("pack", id.hex());
      }
    }
    return {};
  }

  void plan() {
    std::vector<PackId> candidates;
    for (const auto& [id, pack] : packs_) {
      report_.used_bytes += pack.used_bytes;
      report_.unused_bytes += pack.unused_bytes;
      if (pack.used.empty()) {
        gone_[id] = pack.unused_bytes;
        ++report_.packs_removed;
        report_.removed_bytes += pack.unused_bytes;
      } else if (pack.unused_bytes > 0 || pack.mixed) {
        candidates.push_back(id);
      }
    }
    std::uint64_t left = report_.unused_bytes - report_.removed_bytes;
    const auto limit = static_cast<std::uint64_t>(options_.max_unused_ratio *
                                                  static_cast<double>(report_.used_bytes));
    const auto rubbish = [this](const PackId& id) {
      const PackState& pack = packs_.at(id);
      return pack.mixed ? 2.0
                        : static_cast<double>(pack.unused_bytes) /
                              static_cast<double>(pack.unused_bytes + pack.used_bytes);
    };
    std::sort(candidates.begin(), candidates.end(),
              [&](const PackId& a, const PackId& b) { return rubbish(a) > rubbish(b); });
    for (const PackId& id : candidates) {
      const PackState& pack = packs_.at(id);
      if (pack.mixed || left > limit) {
        gone_[id] = pack.unused_bytes;
        repack_.insert(id);
        left -= pack.unused_bytes;
        report_.repacked_bytes += pack.used_bytes;
        report_.removed_bytes += pack.unused_bytes;
      }
    }
    report_.unused_bytes_after = left;
    report_.packs_repacked = repack_.size();
    report_.packs_kept = packs_.size() - gone_.size();
  }

  Status sweep() {
    HF_TRY_VOID(remove_unindexed());
    HF_TRY_VOID(rewrite_indexes());
    for (const auto& [id, bytes] : gone_) {
      if (sizes_.contains(id)) {
        HF_TRY_VOID(repository_.remove({blob::ObjectType::kPack, id.hex()}));
      }
    }
    return repository_.load_index();
  }

  Status remove_unindexed() {
    for (const auto& [id, size] : sizes_) {
      if (!packs_.contains(id)) {
        HF_TRY_VOID(repository_.remove({blob::ObjectType::kPack, id.hex()}));
        report_.removed_bytes += size;
      }
    }
    return {};
  }

  Status repack() {
    if (repack_.empty()) {
      return {};
    }
    ChunkWriter writer(repository_, {});
    for (const PackId& id : repack_) {
      if (options_.stop.stop_requested()) {
        return stopped();
      }
      HF_TRY(const Buffer bytes, repository_.get({blob::ObjectType::kPack, id.hex()}));
      for (const PackEntry& entry : packs_.at(id).used) {
        if (entry.offset + std::uint64_t{entry.length} > bytes.size()) {
          return Error(Code::kDataLoss, "a pack is shorter than the index says")
              .with("pack", id.hex());
        }
        const ByteSpan box = ByteSpan(bytes).subspan(entry.offset, entry.length);
        HF_TRY_VOID(status_of(repository_.open_chunk(box, entry.id, entry.plain_length)));
        HF_TRY_VOID(writer.save_box(entry, box));
      }
    }
    return writer.finish();
  }

  // Replaces every index file that lists a pack that goes.
  Status rewrite_indexes() {
    std::vector<IndexId> old;
    std::map<PackId, std::vector<PackEntry>> kept;
    for (const LoadedIndex& index : indexes_) {
      const bool affected =
          std::any_of(index.packs.begin(), index.packs.end(),
                      [&](const IndexedPack& pack) { return gone_.contains(pack.id); });
      if (!affected) {
        continue;
      }
      old.push_back(index.id);
      for (const IndexedPack& pack : index.packs) {
        if (!gone_.contains(pack.id)) {
          kept[pack.id] = packs_.at(pack.id).entries;
        }
      }
    }
    std::vector<IndexedPack> batch;
    std::size_t chunks = 0;
    for (auto& [id, entries] : kept) {
      std::sort(entries.begin(), entries.end(),
                [](const auto& a, const auto& b) { return a.offset < b.offset; });
      chunks += entries.size();
      batch.push_back({id, std::move(entries)});
      if (chunks >= kIndexChunks) {
        HF_TRY_VOID(save_index(batch, old));
        chunks = 0;
      }
    }
    HF_TRY_VOID(save_index(batch, old));
    for (const IndexId& id : old) {
      HF_TRY_VOID(repository_.remove({blob::ObjectType::kIndex, id.hex()}));
    }
    return {};
  }

  Status save_index(std::vector<IndexedPack>& batch, std::vector<IndexId>& old) {
    if (!batch.empty()) {
      HF_TRY(const crypto::Digest written,
             repository_.save_unpacked(blob::ObjectType::kIndex, to_json(batch)));
      std::erase(old, IndexId{written});
      batch.clear();
    }
    return {};
  }

  Repository& repository_;
  const PruneOptions& options_;
  PruneReport report_;
  Reachable used_;
  std::vector<LoadedIndex> indexes_;
  std::map<PackId, PackState> packs_;
  std::map<PackId, std::uint64_t> sizes_;
  std::set<ChunkId> roots_;
  std::map<PackId, std::uint64_t> gone_;  // with what each gives back
  std::set<PackId> repack_;               // those of them that hold used chunks
  std::uint64_t trees_found_ = 0;
  std::uint64_t data_found_ = 0;
};

}  // namespace

Result<PruneReport> prune(Repository& repository, const PruneOptions& options) {
  return Pruner(repository, options).run();
}

}  // namespace holdfast::repo
