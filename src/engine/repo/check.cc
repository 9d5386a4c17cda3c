// Three questions, each deeper than the one before: do the index and the pack files agree; do all
// snapshots reach only chunks that are indexed; and, when asked, are the bytes of the packs what
// the index says. Damage is collected, so that one report tells all of it.
#include "engine/repo/check.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <thread>

#include "engine/repo/pack.h"
#include "engine/repo/reachable.h"

namespace holdfast::repo {
namespace {

constexpr int kReaders = 2;

class Checker {
 public:
  Checker(Repository& repository, const CheckOptions& options)
      : repository_(repository), options_(options) {}

  Result<CheckReport> run() {
    // Snapshots first: what is written meanwhile has its chunks in an index read later.
    HF_TRY(const auto files, repository_.list(blob::ObjectType::kSnapshot));
    const bool index_usable = check_index();
    HF_TRY_VOID(check_packs());
    if (index_usable) {
      HF_TRY_VOID(check_snapshots(files));
    }
    if (options_.read_data != CheckOptions::ReadData::kNone) {
      HF_TRY_VOID(read_packs());
    }
    return std::move(report_);
  }

 private:
  void error(std::string text) {
    const std::lock_guard lock(mutex_);
    report_.errors.push_back(std::move(text));
  }
  void broken(const PackId& id, const std::string& why) {
    error(fmt::format("pack {}: {}", id.hex(), why));
    const std::lock_guard lock(mutex_);
    report_.broken_packs.push_back(id);
  }

  bool check_index() {
    const Status loaded = repository_.load_index();
    const auto files = repository_.read_index_files();
    if (!loaded || !files) {
      error((loaded ? files.error() : loaded.error()).to_string());
      return false;
    }
    for (const LoadedIndex& file : *files) {
      for (const IndexedPack& pack : file.packs) {
        auto [place, fresh] = packs_.emplace(pack.id, pack.entries);
        if (!fresh) {
          report_.hints.push_back(fmt::format("pack {} is in several indexes", pack.id.hex()));
          place->second.insert(place->second.end(), pack.entries.begin(), pack.entries.end());
        }
      }
    }
    for (auto& [id, entries] : packs_) {
      std::sort(entries.begin(), entries.end(), [](const PackEntry& a, const PackEntry& b) {
        return a.offset < b.offset || (a.offset == b.offset && a < b);
      });
      entries.erase(std::unique(entries.begin(), entries.end()), entries.end());
      report_.chunks += entries.size();
    }
    report_.packs = packs_.size();
    return true;
  }

  Status check_packs() {
    HF_TRY(const auto files, repository_.list(blob::ObjectType::kPack));
    for (const blob::ObjectInfo& file : files) {
      HF_TRY(const PackId id, PackId::parse(file.key.name));
      sizes_[id] = file.size;
      if (!packs_.contains(id)) {
        report_.hints.push_back(fmt::format("pack {} is in no index", id.hex()));
      }
    }
    for (const auto& [id, entries] : packs_) {
      const auto size = sizes_.find(id);
      if (size == sizes_.end()) {
        broken(id, "the file is missing");
      } else if (size->second != pack_file_size(entries)) {
        broken(id, fmt::format("the file has {} bytes instead of {}", size->second,
                               pack_file_size(entries)));
      }
    }
    return {};
  }

  Status check_snapshots(const std::vector<blob::ObjectInfo>& files) {
    std::vector<ChunkId> roots;
    for (const blob::ObjectInfo& file : files) {
      HF_TRY(const SnapshotId id, SnapshotId::parse(file.key.name));
      const auto& chosen = options_.snapshots;
      if (!chosen.empty() && std::find(chosen.begin(), chosen.end(), id) == chosen.end()) {
        continue;
      }
      const auto snapshot = repository_.snapshot(id);
      if (!snapshot) {
        error(fmt::format("snapshot {}: {}", id.hex(), snapshot.error().to_string()));
        continue;
      }
      ++report_.snapshots;
      roots.push_back(snapshot->tree);
    }
    Reachable found;
    WalkOptions walk;
    walk.stop = options_.stop;
    walk.on_error = [this](const Error& why) { error(why.to_string()); };
    walk.on_tree = [this](const ChunkId& id, const Tree& tree) { check_tree(id, tree); };
    const Status walked = walk_trees(repository_, roots, walk, found);
    report_.trees = found.trees.size();
    return walked;
  }

  void check_tree(const ChunkId& id, const Tree& tree) {
    for (const Node& node : tree.nodes) {
      if (node.content) {
        for (const ChunkId& chunk : *node.content) {
          if (!repository_.has_chunk(ChunkKind::kData, chunk)) {
            error(fmt::format("tree {}, file '{}': chunk {} is in no pack", id.hex(), node.name,
                              chunk.hex()));
          }
        }
      }
    }
  }

  Status read_packs() {
    std::vector<PackId> todo;
    for (const auto& [id, entries] : packs_) {
      const bool wanted =
          options_.read_data == CheckOptions::ReadData::kAll || options_.packs.contains(id);
      if (wanted && sizes_.contains(id)) {
        todo.push_back(id);
      }
    }
    for (const PackId& id : options_.packs) {
      if (!packs_.contains(id)) {
        broken(id, "it was asked for but is in no index");
      }
    }
    std::atomic<std::size_t> next{0};
    std::vector<std::thread> readers;
    for (int i = 0; i < kReaders; ++i) {
      readers.emplace_back([&] {
        for (std::size_t k = next++; k < todo.size() && !options_.stop.stop_requested();
             k = next++) {
          read_pack(todo[k]);
        }
      });
    }
    for (std::thread& reader : readers) {
      reader.join();
    }
    return options_.stop.stop_requested() ? Status(stopped()) : Status();
  }

  void read_pack(const PackId& id) {
    const auto bytes = repository_.get({blob::ObjectType::kPack, id.hex()});
    if (!bytes) {
      broken(id, bytes.error().to_string());
      return;
    }
    {
      const std::lock_guard lock(mutex_);
      ++report_.packs_read;
      report_.bytes_read += bytes->size();
    }
    if (options_.bytes_read != nullptr) {
      *options_.bytes_read += bytes->size();
    }
    if (const Status sound = examine(id, *bytes); !sound) {
      broken(id, sound.error().to_string());
    }
  }

  Status examine(const PackId& id, ByteSpan bytes) const {
    if (crypto::digest_of(bytes) != id.digest) {
      return Error(Code::kDataLoss, "its bytes do not match its name");
    }
    HF_TRY(const std::uint32_t length, header_box_length(bytes, bytes.size()));
    const ByteSpan box = bytes.last(length + 4).first(length);
    HF_TRY(const Buffer header, crypto::open(repository_.key(), box));
    HF_TRY(const std::vector<PackEntry> entries, decode_pack_header(header));
    if (entries != packs_.at(id)) {
      return Error(Code::kDataLoss, "its header does not agree with the index");
    }
    for (const PackEntry& entry : entries) {
      if (entry.offset + std::uint64_t{entry.length} > bytes.size()) {
        return Error(Code::kDataLoss, "a chunk lies beyond its end");
      }
      HF_TRY_VOID(status_of(repository_.open_chunk(bytes.subspan(entry.offset, entry.length),
                                                   entry.id, entry.plain_length)));
    }
    return {};
  }

  Repository& repository_;
  const CheckOptions& options_;
  std::mutex mutex_;
  CheckReport report_;
  std::map<PackId, std::vector<PackEntry>> packs_;
  std::map<PackId, std::uint64_t> sizes_;
};

}  // namespace

Result<CheckReport> check(Repository& repository, const CheckOptions& options) {
  return Checker(repository, options).run();
}

Result<std::set<PackId>> packs_of(Repository& repository, const SnapshotId& snapshot,
                                  const std::vector<SnapshotId>& but_not) {
  Reachable old;
  for (const SnapshotId& id : but_not) {
    HF_TRY(const Snapshot other, repository.snapshot(id));
    HF_TRY_VOID(walk_trees(repository, {other.tree}, {}, old));
  }
  HF_TRY(const Snapshot wanted, repository.snapshot(snapshot));
  Reachable found = old;
  HF_TRY_VOID(walk_trees(repository, {wanted.tree}, {}, found));
  std::set<PackId> packs;
  const auto add = [&](ChunkKind kind, const auto& all, const auto& known) -> Status {
    for (const ChunkId& id : all) {
      if (known.contains(id)) {
        continue;
      }
      const auto location = repository.find_chunk(kind, id);
      if (!location) {
        return Error(Code::kDataLoss, "a chunk is in no pack of the repository")
            .with("chunk", id.hex());
      }
      packs.insert(location->pack);
    }
    return {};
  };
  HF_TRY_VOID(add(ChunkKind::kTree, found.trees, old.trees));
  HF_TRY_VOID(add(ChunkKind::kData, found.data, old.data));
  return packs;
}

}  // namespace holdfast::repo
