// Content-defined chunking with a Rabin fingerprint: the cut points of restic, byte for byte.
//
// A chunk ends after the first byte at or beyond 512 KiB where the fingerprint of the last 64 bytes
// has 20 low bits of zero, or at 8 MiB. The fingerprint is a remainder modulo an irreducible
// polynomial over GF(2) of degree 53 that each repository draws by chance.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "core/base/bytes.h"
#include "core/env/random.h"

namespace holdfast::repo {

inline constexpr std::size_t kChunkMin = 512u << 10;
inline constexpr std::size_t kChunkMax = 8u << 20;
inline constexpr std::size_t kChunkWindow = 64;

bool is_irreducible(std::uint64_t polynomial);
// A random irreducible polynomial of degree 53.
std::uint64_t random_polynomial(env::Random& random);

// The look-up tables of one polynomial; immutable, shared by any number of threads.
class RabinTables {
 public:
  explicit RabinTables(std::uint64_t polynomial);
  // The length of the first chunk of `data`, looking for cuts at or beyond `from` (a length up to
  // which an earlier call found none); nothing when `data` ends before a cut.
  std::optional<std::size_t> find_cut(ByteSpan data, std::size_t from = 0) const;

 private:
  std::array<std::uint64_t, 256> out_{};
  std::array<std::uint64_t, 256> mod_{};
};

// Cuts what a source gives into chunks.
class Chunker {
 public:
  // Fills the span; fewer bytes than it holds mean the end.
  using Source = std::function<Result<std::size_t>(MutableByteSpan)>;

  // `expected_size` of the whole input saves memory for small files; any value is right. `scratch`
  // is where the input is read to: whatever it holds is overwritten, and the next chunker may have
  // it, so that a reader of many files makes it once (up to kChunkMax and one read, 8.5 MiB).
  Chunker(const RabinTables& tables, Source source, std::uint64_t expected_size, Buffer& scratch)
      : tables_(tables), source_(std::move(source)), expected_(expected_size), buffer_(scratch) {}
  // The next chunk, in exactly the memory it needs; empty at the end.
  Result<Buffer> next();
  // Whether the chunk given last was the last one.
  bool at_end() const { return ended_ && filled_ == 0; }

 private:
  const RabinTables& tables_;
  Source source_;
  std::uint64_t expected_;
  Buffer& buffer_;
  std::size_t filled_ = 0;  // bytes of buffer_ that are read and not given out
  bool ended_ = false;
};

}  // namespace holdfast::repo
