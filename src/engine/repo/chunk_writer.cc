// Three stages joined by bounded queues; see the header for the picture.
//
// An open pack is one buffer: sealed boxes are appended under the packer's mutex, and the buffer
// leaves for an upload thread when it is full. There the header is sealed, everything is opened
// again and compared with what it should be (the last look before it is stored: memory and
// processors err, and what a wrong bit did to a chunk would come out at its recovery only), and the
// whole is hashed. A pack is entered in the index only after the store has it. The first error ends
// the work: later calls answer with it, queued chunks are dropped, nothing more is stored but an
// index (stored_packs.h).
#include "engine/repo/chunk_writer.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "core/async/bounded_queue.h"
#include "core/base/log.h"
#include "engine/repo/chunker.h"
#include "engine/repo/compress.h"
#include "engine/repo/pack.h"
#include "engine/repo/repository.h"
#include "engine/repo/stored_packs.h"

namespace holdfast::repo {
namespace {

constexpr std::size_t kMaxPackChunks = 10'000;
constexpr std::size_t kJobQueue = 2;

struct Job {
  ChunkKind kind = ChunkKind::kData;
  Buffer plaintext;
  ChunkWriter::Done done;
};

struct OpenPack {
  Buffer bytes;
  std::vector<PackEntry> entries;
};

}  // namespace

struct ChunkWriter::State {
  State(Repository& repo, WriterOptions how) : repository(repo), options(how), packs(repo) {}

  void start();
  void join();
  Result<SavedChunk> save(ChunkKind kind, ByteSpan plaintext);
  Status add_box(PackEntry entry, ByteSpan box);
  void open_pack(OpenPack& pack, std::unique_lock<std::mutex>& lock);
  void upload(OpenPack& pack);
  Status store_pack(OpenPack& pack);
  Status open_again(ByteSpan pack, const std::vector<PackEntry>& entries) const;
  void end(bool finished);
  Status failure() {
    const std::lock_guard lock(error_mutex);
    return error ? Status(*error) : Status();
  }
  void fail(const Error& why) {
    const std::lock_guard lock(error_mutex);
    if (!error) {
      error = why;
    }
    failed = true;
  }

  Repository& repository;
  const WriterOptions options;
  async::BoundedQueue<Job> jobs{kJobQueue};
  async::BoundedQueue<OpenPack> uploads{SIZE_MAX};  // bounded by open_pack
  std::vector<std::thread> workers;
  std::vector<std::thread> uploaders;

  std::mutex pack_mutex;
  OpenPack open[2];
  std::size_t full_packs = 0;  // waiting for an upload or in one
  std::condition_variable pack_done;
  std::size_t pack_buffers = 0;  // made so far
  std::vector<Buffer> spare;     // the buffers of stored packs, empty

  StoredPacks packs;
  bool ended = false;

  std::mutex error_mutex;
  std::optional<Error> error;
  std::atomic<bool> failed{false};

  std::atomic<std::uint64_t> data_chunks{0};
  std::atomic<std::uint64_t> tree_chunks{0};
  std::atomic<std::uint64_t> plain_bytes{0};
  std::atomic<std::uint64_t> stored_bytes{0};
};

void ChunkWriter::State::start() {
  for (int i = 0; i < options.workers; ++i) {
    workers.emplace_back([this] {
      while (auto job = jobs.pop()) {
        job->done(save(job->kind, job->plaintext));
      }
    });
  }
  for (int i = 0; i < options.uploads; ++i) {
    uploaders.emplace_back([this] {
      while (auto pack = uploads.pop()) {
        upload(*pack);
      }
    });
  }
}

void ChunkWriter::State::join() {
  jobs.close();
  for (std::thread& worker : workers) {
    worker.join();
  }
  workers.clear();
  uploads.close();
  for (std::thread& uploader : uploaders) {
    uploader.join();
  }
  uploaders.clear();
}

Result<SavedChunk> ChunkWriter::State::save(ChunkKind kind, ByteSpan plaintext) {
  if (failed) {
    HF_TRY_VOID(failure());
  }
  SavedChunk saved{.id = ChunkId{crypto::digest_of(plaintext)},
                   .plain_bytes = static_cast<std::uint32_t>(plaintext.size())};
  if (!repository.index().claim(kind, saved.id)) {
    return saved;
  }
  if (options.dry_run) {
    (kind == ChunkKind::kTree ? tree_chunks : data_chunks) += 1;
    plain_bytes += plaintext.size();
    saved.added = true;
    return saved;
  }
  // Trees are compressed even if that gains nothing: prune rewrites plain ones again and again.
  static thread_local Buffer box;
  box.resize(crypto::kBoxFront);
  if (plaintext.size() > kChunkMin) {  // once, instead of growing with each longer chunk
    box.reserve(kChunkMax + (1u << 20));
  }
  bool compressed = false;
  if (repository.config().version >= 2 && !plaintext.empty()) {
    compress(plaintext, options.compression_level, box);
    compressed = box.size() - crypto::kBoxFront < plaintext.size() || kind == ChunkKind::kTree;
  }
  if (!compressed) {
    box.resize(crypto::kBoxFront);
    box.insert(box.end(), plaintext.begin(), plaintext.end());
  }
  crypto::seal_in_place(repository.key(), *repository.environment().random, box);
  PackEntry entry;
  entry.id = saved.id;
  entry.kind = kind;
  entry.length = static_cast<std::uint32_t>(box.size());
  entry.plain_length = compressed ? saved.plain_bytes : 0;
  HF_TRY_VOID(add_box(entry, box));
  saved.added = true;
  saved.stored_bytes = entry.length;
  return saved;
}

Status ChunkWriter::State::add_box(PackEntry entry, ByteSpan box) {
  OpenPack full;
  {
    std::unique_lock lock(pack_mutex);
    OpenPack& pack = open[entry.kind == ChunkKind::kTree ? 1 : 0];
    open_pack(pack, lock);
    entry.offset = static_cast<std::uint32_t>(pack.bytes.size());
    pack.bytes.insert(pack.bytes.end(), box.begin(), box.end());
    pack.entries.push_back(entry);
    if (pack.bytes.size() >= options.pack_size || pack.entries.size() >= kMaxPackChunks) {
      full = std::exchange(pack, OpenPack());
      ++full_packs;
    }
  }
  (entry.kind == ChunkKind::kTree ? tree_chunks : data_chunks) += 1;
  plain_bytes += entry.plain_length != 0 ? entry.plain_length : entry.length - crypto::kBoxOverhead;
  stored_bytes += entry.length;
  if (!full.entries.empty()) {
    uploads.push(std::move(full));
  }
  return failed ? failure() : Status();
}

// Gives the pack a buffer unless it has one. Waits while every upload is busy, so that at most one
// open pack a kind and one an upload take memory.
void ChunkWriter::State::open_pack(OpenPack& pack, std::unique_lock<std::mutex>& lock) {
  const auto limit = static_cast<std::size_t>(options.uploads);
  pack_done.wait(lock, [&] { return pack.bytes.capacity() != 0 || full_packs < limit; });
  if (pack.bytes.capacity() != 0) {
    return;
  }
  if (!spare.empty()) {
    pack.bytes = std::move(spare.back());
    spare.pop_back();
    return;
  }
  ++pack_buffers;
  pack.bytes.reserve(options.pack_size + kChunkMax + (1u << 20));  // one more chunk, the header
}

void ChunkWriter::State::upload(OpenPack& pack) {
  if (!failed) {
    if (const Status done = store_pack(pack); !done) {
      fail(done.error());
    }
  }
  pack.bytes.clear();
  const std::lock_guard lock(pack_mutex);
  spare.push_back(std::move(pack.bytes));
  --full_packs;
  pack_done.notify_all();
}

Status ChunkWriter::State::store_pack(OpenPack& pack) {
  const std::size_t start = pack.bytes.size();
  crypto::seal(repository.key(), *repository.environment().random, encode_pack_header(pack.entries),
               pack.bytes);
  const std::size_t header = pack.bytes.size() - start;
  for (int shift = 0; shift < 32; shift += 8) {
    pack.bytes.push_back(static_cast<std::uint8_t>(header >> shift));
  }
  HF_TRY_VOID(open_again(pack.bytes, pack.entries));
  IndexedPack indexed{PackId{crypto::digest_of(pack.bytes)}, std::move(pack.entries)};
  return packs.store(std::move(indexed), pack.bytes);
}

// Every chunk of a finished pack, and its header, as a reader will find them.
Status ChunkWriter::State::open_again(ByteSpan pack, const std::vector<PackEntry>& entries) const {
  const auto opened = [&]() -> Status {
    for (const PackEntry& entry : entries) {
      if (std::uint64_t{entry.offset} + entry.length > pack.size()) {
        return Error(Code::kDataLoss, "a chunk lies beyond the end of its pack");
      }
      const ByteSpan box = pack.subspan(entry.offset, entry.length);
      HF_TRY_VOID(status_of(repository.open_chunk(box, entry.id, entry.plain_length)));
    }
    HF_TRY(const std::uint32_t length, header_box_length(pack, pack.size()));
    HF_TRY(const Buffer header,
           crypto::open(repository.key(), pack.last(length + 4).first(length)));
    HF_TRY(const std::vector<PackEntry> found, decode_pack_header(header));
    return found == entries ? Status()
                            : Error(Code::kDataLoss, "the header of the pack lists other chunks");
  }();
  if (!opened) {
    return Error(Code::kDataLoss,
                 "a pack was damaged in memory and was not stored: test the memory of this machine "
                 "before you try again")
        .with("repository", repository.location())
        .caused_by(opened.error());
  }
  return {};
}

// Once, when no thread works any more: the last index, or what a failure leaves to do.
void ChunkWriter::State::end(bool finished) {
  if (std::exchange(ended, true)) {
    return;
  }
  if (!finished) {
    fail(Error(Code::kCancelled, "the work was given up"));
  }
  Status done = failure();
  if (done) {
    done = packs.write_index();
  }
  if (done) {
    return;
  }
  fail(done.error());
  if (const Status left = packs.settle_after(done.error()); !left) {
    log_warn("repo.packs_left_unindexed",
             {{"repository", repository.location()}, {"error", left.error().to_string()}});
  }
}

ChunkWriter::ChunkWriter(Repository& repository, WriterOptions options)
    : state_(std::make_unique<State>(repository, options)) {
  state_->start();
}

ChunkWriter::~ChunkWriter() {
  state_->fail(Error(Code::kCancelled, "the work was given up"));
  state_->join();
  state_->end(/*finished=*/false);
}

Result<SavedChunk> ChunkWriter::save(ChunkKind kind, ByteSpan plaintext) {
  return state_->save(kind, plaintext);
}

Status ChunkWriter::save_box(const PackEntry& entry, ByteSpan box) {
  return state_->add_box(entry, box);
}

void ChunkWriter::save_later(ChunkKind kind, Buffer plaintext, Done done) {
  state_->jobs.push({kind, std::move(plaintext), std::move(done)});
}

Status ChunkWriter::finish() {
  State& state = *state_;
  state.jobs.close();
  for (std::thread& worker : state.workers) {
    worker.join();
  }
  state.workers.clear();
  for (OpenPack& pack : state.open) {
    if (!pack.entries.empty()) {
      const std::lock_guard lock(state.pack_mutex);
      ++state.full_packs;
      state.uploads.push(std::exchange(pack, OpenPack()));
    }
  }
  state.join();
  state.end(/*finished=*/true);
  return state.failure();
}

WriterTotals ChunkWriter::totals() const {
  const std::lock_guard lock(state_->pack_mutex);
  return {.data_chunks = state_->data_chunks,
          .tree_chunks = state_->tree_chunks,
          .plain_bytes = state_->plain_bytes,
          .stored_bytes = state_->stored_bytes,
          .pack_buffers = state_->pack_buffers};
}

std::vector<PackId> ChunkWriter::stored_packs() const { return state_->packs.ids(); }

}  // namespace holdfast::repo
