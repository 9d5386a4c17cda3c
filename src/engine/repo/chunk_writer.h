// Stores chunks: the second half of the backup pipeline, also used by copy and prune.
//
//   plaintext -> [bounded queue] -> workers: hash, skip known, compress, seal -> packer
//             -> [bounded queue] -> uploads: pack file, then its index
//
// Memory is bounded by the queue of chunks, one open pack per kind and one pack per upload; who
// opens another one waits. Buffers of packs are used again. An index file is written every 50,000
// chunks or 10 minutes, so that an interrupted run keeps what it stored. After the first failure
// every call answers with it.
//
// A failure leaves no pack that no index lists, as far as the store still answers: on a full disk
// (kResourceExhausted) the packs since the last index are removed, so that the room is there for
// others and for the next try; after any other failure they get an index, so that the next try
// finds their chunks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "core/base/bytes.h"
#include "engine/repo/ids.h"
#include "engine/repo/index.h"

namespace holdfast::repo {

class Repository;

struct WriterOptions {
  int workers = 2;
  int uploads = 2;
  std::uint32_t pack_size = 16u << 20;
  int compression_level = 3;
  bool dry_run = false;  // hash and count only, store nothing
};

struct SavedChunk {
  ChunkId id;
  bool added = false;  // false: the repository had it
  std::uint32_t plain_bytes = 0;
  std::uint32_t stored_bytes = 0;  // 0 unless added
};

struct WriterTotals {
  std::uint64_t data_chunks = 0;
  std::uint64_t tree_chunks = 0;
  std::uint64_t plain_bytes = 0;
  std::uint64_t stored_bytes = 0;
  std::uint64_t pack_buffers = 0;  // how many packs' memory it took
};

class ChunkWriter {
 public:
  // `repository` has its index loaded, is locked by the caller, and outlives the writer.
  ChunkWriter(Repository& repository, WriterOptions options);
  // Without finish() this counts as a failure: what was stored gets an index.
  ~ChunkWriter();

  // Stores on this thread; returns once the chunk is in an open pack.
  Result<SavedChunk> save(ChunkKind kind, ByteSpan plaintext);
  // The same for a sealed box taken from another pack: nothing is opened or compressed.
  Status save_box(const PackEntry& entry, ByteSpan box);
  using Done = std::move_only_function<void(Result<SavedChunk>)>;
  // Hands the chunk to a worker, waiting while the queue is full; `done` runs on the worker's
  // thread.
  void save_later(ChunkKind kind, Buffer plaintext, Done done);
  // Waits for all chunks, stores the open packs and the last index. Call once, last.
  Status finish();

  WriterTotals totals() const;
  // The packs that this writer stored (after finish).
  std::vector<PackId> stored_packs() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::repo
