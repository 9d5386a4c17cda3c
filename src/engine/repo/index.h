// The index: in which pack, and where in it, each chunk lies.
//
// In memory one entry takes 48 bytes: id 32, pack number 4, offset 4, length 4, plain length 4, in
// arrays sorted by id, one per kind of chunk; what was added since the last sort waits in a small
// hash map. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/repo/ids.h"

namespace holdfast::repo {

// One chunk in a pack file, as the pack's header and the index file tell it.
struct PackEntry {
  ChunkId id;
  ChunkKind kind = ChunkKind::kData;
  std::uint32_t offset = 0;
  std::uint32_t length = 0;        // of the box
  std::uint32_t plain_length = 0;  // uncompressed length; 0: not compressed
  auto operator<=>(const PackEntry&) const = default;
};

struct ChunkLocation {
  PackId pack;
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
  std::uint32_t plain_length = 0;
  // How many bytes the chunk has once opened.
  std::uint32_t size() const { return plain_length != 0 ? plain_length : length - 32; }
};

struct IndexedPack {
  PackId id;
  std::vector<PackEntry> entries;
};

// The content of one index file.
struct IndexFile {
  std::vector<IndexedPack> packs;
  std::vector<IndexId> supersedes;  // historic: read, never written
};

std::string to_json(const std::vector<IndexedPack>& packs);
Result<IndexFile> index_from_json(std::string_view text);

class Index {
 public:
  Index() = default;
  Index(const Index&) = delete;
  Index& operator=(const Index&) = delete;

  // Takes over what the other one knows.
  void take(Index& other);
  // Records a pack that is stored.
  void add(const IndexedPack& pack);
  // Sorts what was added; call once after loading.
  void settle();

  std::optional<ChunkLocation> find(ChunkKind kind, const ChunkId& id) const;
  bool contains(ChunkKind kind, const ChunkId& id) const;
  // Claims a chunk for the caller to store: true once per unknown chunk, until it is added.
  bool claim(ChunkKind kind, const ChunkId& id);

  std::uint64_t chunk_count(ChunkKind kind) const;

 private:
  struct Slot {
    ChunkId id;
    std::uint32_t pack = 0;
    std::uint32_t offset = 0;
    std::uint32_t length = 0;
    std::uint32_t plain_length = 0;
  };
  struct Table {
    std::vector<Slot> sorted;
    std::unordered_map<ChunkId, Slot> recent;
    std::unordered_set<ChunkId> claimed;
  };

  std::optional<Slot> find_slot(ChunkKind kind, const ChunkId& id) const;
  std::uint32_t pack_number(const PackId& id);
  Table& table(ChunkKind kind) { return tables_[kind == ChunkKind::kTree ? 1 : 0]; }
  const Table& table(ChunkKind kind) const { return tables_[kind == ChunkKind::kTree ? 1 : 0]; }

  mutable std::shared_mutex mutex_;
  std::vector<PackId> packs_;
  std::unordered_map<PackId, std::uint32_t> pack_numbers_;
  Table tables_[2];
};

}  // namespace holdfast::repo
