// Arithmetic of polynomials over GF(2) in 64 bits, and the rolling remainder.
//
// out_[b] is the contribution of byte b when it leaves the window (b followed by 63 zero bytes);
// mod_[b] reduces the 8 bits that a shift pushes beyond degree 52, and clears them. Since the
// window is a pure function of the last 64 bytes, the search starts 64 bytes before the minimum: a
// third of all bytes is never hashed, and files below 512 KiB not at all.
#include "engine/repo/chunker.h"

#include <bit>

namespace holdfast::repo {
namespace {

constexpr int kDegree = 53;
constexpr int kShift = kDegree - 8;
constexpr std::uint64_t kCutMask = (std::uint64_t{1} << 20) - 1;
constexpr std::size_t kReadSize = 512u << 10;

int degree(std::uint64_t p) { return 63 - std::countl_zero(p); }

std::uint64_t reduce(std::uint64_t value, std::uint64_t polynomial) {
  const int top = degree(polynomial);
  while (value != 0 && degree(value) >= top) {
    value ^= polynomial << (degree(value) - top);
  }
  return value;
}

std::uint64_t gcd(std::uint64_t a, std::uint64_t b) {
  while (b != 0) {
    a = std::exchange(b, reduce(a, b));
  }
  return a;
}

// a * b modulo the polynomial; both of lower degree.
std::uint64_t multiply(std::uint64_t a, std::uint64_t b, std::uint64_t polynomial) {
  const std::uint64_t top = std::uint64_t{1} << degree(polynomial);
  std::uint64_t product = 0;
  while (b != 0) {
    product ^= (b & 1) != 0 ? a : 0;
    b >>= 1;
    a <<= 1;
    a ^= (a & top) != 0 ? polynomial : 0;
  }
  return product;
}

}  // namespace

// Ben-Or: reducible exactly when it shares a factor with x^(2^i) - x for some i up to half its
// degree.
bool is_irreducible(std::uint64_t polynomial) {
  if (polynomial < 4 || degree(polynomial) > 62) {
    return false;
  }
  std::uint64_t power = 2;  // x
  for (int i = 1; i <= degree(polynomial) / 2; ++i) {
    power = multiply(power, power, polynomial);
    if (gcd(polynomial, power ^ 2) != 1) {
      return false;
    }
  }
  return true;
}

std::uint64_t random_polynomial(env::Random& random) {
  constexpr std::uint64_t kTop = std::uint64_t{1} << kDegree;
  for (;;) {
    std::uint64_t candidate = 0;
    random.fill({reinterpret_cast<std::uint8_t*>(&candidate), sizeof(candidate)});
    candidate = (candidate & (kTop - 1)) | kTop | 1;
    if (is_irreducible(candidate)) {
      return candidate;
    }
  }
}

RabinTables::RabinTables(std::uint64_t polynomial) {
  for (std::uint64_t b = 0; b < 256; ++b) {
    std::uint64_t hash = reduce(b, polynomial);
    for (std::size_t i = 1; i < kChunkWindow; ++i) {
      hash = reduce(hash << 8, polynomial);
    }
    out_[b] = hash;
    mod_[b] = reduce(b << kDegree, polynomial) | b << kDegree;
  }
}

std::optional<std::size_t> RabinTables::find_cut(ByteSpan data, std::size_t from) const {
  std::size_t length = std::max(from, kChunkMin);
  const std::size_t end = std::min(data.size(), kChunkMax);
  if (length > end) {
    return std::nullopt;
  }
  std::uint64_t digest = 0;
  const auto append = [&](std::uint8_t byte) {
    digest = (digest << 8 | byte) ^ mod_[digest >> kShift];
  };
  for (std::size_t i = length - kChunkWindow; i < length; ++i) {
    append(data[i]);
  }
  const std::uint8_t* const bytes = data.data();
  while ((digest & kCutMask) != 0 && length < end) {
    digest ^= out_[bytes[length - kChunkWindow]];
    append(bytes[length]);
    ++length;
  }
  const bool cut = (digest & kCutMask) == 0 || length == kChunkMax;
  return cut ? std::optional(length) : std::nullopt;
}

Result<Buffer> Chunker::next() {
  std::size_t searched = 0;
  for (;;) {
    const ByteSpan read = ByteSpan(buffer_).first(filled_);
    const auto cut = tables_.find_cut(read, searched);
    if (cut || ended_) {
      const auto end = buffer_.begin() + static_cast<std::ptrdiff_t>(cut.value_or(filled_));
      Buffer chunk(buffer_.begin(), end);
      std::copy(end, buffer_.begin() + static_cast<std::ptrdiff_t>(filled_), buffer_.begin());
      filled_ -= chunk.size();
      return chunk;
    }
    searched = filled_;
    const std::size_t wanted = std::min<std::uint64_t>(expected_ + 1, kReadSize);
    expected_ = kReadSize;
    if (buffer_.size() < filled_ + wanted) {
      if (filled_ > 0) {  // it is no small file: once, instead of growing step by step
        buffer_.reserve(kChunkMax + kReadSize);
      }
      buffer_.resize(filled_ + wanted);
    }
    HF_TRY(const std::size_t count, source_(MutableByteSpan(buffer_).subspan(filled_, wanted)));
    filled_ += count;
    ended_ = count < wanted;
  }
}

}  // namespace holdfast::repo
