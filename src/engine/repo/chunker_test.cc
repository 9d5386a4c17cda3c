#include "engine/repo/chunker.h"

#include <gtest/gtest.h>

#include <array>

#include "core/crypto/digest.h"
#include "engine/repo/testing/test_repository.h"

namespace holdfast::repo {
namespace {

constexpr std::uint64_t kPolynomial = 0x25b468838dcb75;

// SHA-256 in counter mode: the same bytes on every machine.
Buffer counter_bytes(std::size_t size) {
  Buffer data;
  for (std::uint64_t i = 0; data.size() < size; ++i) {
    const crypto::Digest block = crypto::digest_of(as_bytes(std::to_string(i)));
    data.insert(data.end(), block.begin(), block.end());
  }
  data.resize(size);
  return data;
}

Chunker::Source source_of(const Buffer& data, std::size_t& at) {
  return [&data, &at](MutableByteSpan out) -> Result<std::size_t> {
    const std::size_t count = std::min(out.size(), data.size() - at);
    std::copy_n(data.begin() + static_cast<std::ptrdiff_t>(at), count, out.begin());
    at += count;
    return count;
  };
}

std::vector<std::size_t> cut(const Buffer& data, std::uint64_t expected_size,
                             std::uint64_t polynomial = kPolynomial) {
  const RabinTables tables(polynomial);
  std::size_t at = 0;
  Buffer scratch;
  Chunker chunker(tables, source_of(data, at), expected_size, scratch);
  std::vector<std::size_t> lengths;
  for (;;) {
    const Buffer chunk = chunker.next().value();
    if (chunk.empty()) {
      return lengths;
    }
    lengths.push_back(chunk.size());
  }
}

// One step of long division: the remainder of value * x + bit.
std::uint64_t shift_in(std::uint64_t value, std::uint64_t bit) {
  value = value << 1 | bit;
  return value ^ ((value >> 53 & 1) != 0 ? kPolynomial : 0);
}

// The rule itself, bit by bit: the remainder of the last 64 bytes as one long polynomial. A byte
// that leaves is subtracted as byte * x^512.
std::vector<std::size_t> cut_slowly(const Buffer& data) {
  std::array<std::uint64_t, 256> leaving{};
  for (std::uint64_t byte = 0; byte < 256; ++byte) {
    for (int bit = 7; bit >= 0; --bit) {
      leaving[byte] = shift_in(leaving[byte], byte >> bit & 1);
    }
    for (int i = 0; i < 512; ++i) {
      leaving[byte] = shift_in(leaving[byte], 0);
    }
  }
  std::vector<std::uint64_t> fingerprints(data.size() + 1);  // of the 64 bytes before a position
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < data.size(); ++i) {
    for (int bit = 7; bit >= 0; --bit) {
      value = shift_in(value, data[i] >> bit & 1U);
    }
    value ^= i >= kChunkWindow ? leaving[data[i - kChunkWindow]] : 0;
    fingerprints[i + 1] = value;
  }
  std::vector<std::size_t> lengths;
  std::size_t start = 0;
  for (std::size_t end = kChunkMin; end < data.size(); ++end) {
    const std::size_t length = end - start;
    if (length >= kChunkMin && (length == kChunkMax || (fingerprints[end] & 0xfffff) == 0)) {
      lengths.push_back(length);
      start = end;
      end = start + kChunkMin - 1;
    }
  }
  lengths.push_back(data.size() - start);
  return lengths;
}

TEST(Chunker, TellsIrreduciblePolynomials) {
  EXPECT_TRUE(is_irreducible(kPolynomial));
  EXPECT_TRUE(is_irreducible(0x3DA3358B4DC173));
  EXPECT_FALSE(is_irreducible(kPolynomial ^ 2));
  EXPECT_FALSE(is_irreducible(0));
  EXPECT_TRUE(is_irreducible(0b1011));
  EXPECT_FALSE(is_irreducible(0b1001));  // x^3 + 1 = (x + 1)(x^2 + x + 1)
  env::SeededRandom random(test_seed());
  EXPECT_EQ(random_polynomial(random) >> 53, 1u);
}

TEST(Chunker, CutsWhereTheRuleSays) {
  const Buffer data = counter_bytes(3u << 20);
  EXPECT_EQ(cut(data, data.size()), cut_slowly(data));
}

// A repository made by restic 0.14.0 with this polynomial, and the chunks of its one file.
TEST(Chunker, CutsWhereResticDid) {
  EXPECT_EQ(cut(counter_bytes(12'000'000), 12'000'000, 0x35f5a50cacc19f),
            (std::vector<std::size_t>{1'591'284, 1'092'979, 3'776'882, 1'585'124, 1'872'213,
                                      1'641'210, 440'308}));
}

TEST(Chunker, CutsTheSameWhateverSizeIsExpected) {
  const Buffer data = counter_bytes(3'000'001);
  const auto lengths = cut(data, data.size());
  EXPECT_EQ(cut(data, 0), lengths);
  EXPECT_EQ(cut(data, 1'000'000), lengths);
  EXPECT_EQ(cut(data, UINT32_MAX), lengths);
}

TEST(Chunker, CutsZerosAtTheMinimumAndSmallFilesNever) {
  EXPECT_EQ(cut(Buffer(3 * kChunkMin + 5), 0),
            (std::vector<std::size_t>{kChunkMin, kChunkMin, kChunkMin, 5}));
  EXPECT_EQ(cut(counter_bytes(kChunkMin - 1), kChunkMin), std::vector{kChunkMin - 1});
  EXPECT_EQ(cut({}, 0), std::vector<std::size_t>());
}

TEST(Chunker, EndsAtTheMaximumAndKnowsTheEnd) {
  const RabinTables tables(kPolynomial);
  // Period 1 of ones has one fingerprint, which is no cut: only the maximum ends a chunk.
  EXPECT_EQ(tables.find_cut(Buffer(kChunkMax + 1, 0xff)), kChunkMax);
  EXPECT_EQ(tables.find_cut(Buffer(kChunkMax - 1, 0xff)), std::nullopt);
  const Buffer data = counter_bytes(1000);
  std::size_t at = 0;
  Buffer scratch;
  Chunker chunker(tables, source_of(data, at), 1000, scratch);
  EXPECT_EQ(chunker.next().value(), data);
  EXPECT_TRUE(chunker.at_end());
}

TEST(Chunker, GivesTheBytesWhateverTheScratchHeldBefore) {
  const RabinTables tables(kPolynomial);
  const Buffer data = counter_bytes(4'000'000);
  Buffer scratch(2'000'000, 0xee);
  for (int round = 0; round < 2; ++round) {
    std::size_t at = 0;
    Chunker chunker(tables, source_of(data, at), data.size(), scratch);
    Buffer joined;
    for (Buffer chunk = chunker.next().value(); !chunk.empty(); chunk = chunker.next().value()) {
      EXPECT_EQ(chunk.capacity(), chunk.size());
      joined.insert(joined.end(), chunk.begin(), chunk.end());
    }
    EXPECT_EQ(joined, data);
  }
  EXPECT_LE(scratch.size(), kChunkMax + (1u << 20));
}

}  // namespace
}  // namespace holdfast::repo
