// Authenticated encryption as restic repositories use it.
//
//   box = IV(16) || AES-256-CTR(plaintext) || Poly1305 tag(16)
//
// The tag covers the ciphertext only, under the one-time key r || AES-128(k, IV). A box binds
// neither a name nor a type: whoever opens one checks the SHA-256 of what is inside.
#pragma once

#include <array>
#include <cstdint>

#include "core/base/bytes.h"
#include "core/env/random.h"

namespace holdfast::crypto {

inline constexpr std::size_t kBoxOverhead = 32;
inline constexpr std::size_t kBoxFront = 16;  // of these before the ciphertext

// Never printed; `r` is kept as it is stored (not clamped).
struct BoxKey {
  std::array<std::uint8_t, 32> encrypt{};
  std::array<std::uint8_t, 16> mac_k{};
  std::array<std::uint8_t, 16> mac_r{};

  // The 64 bytes encrypt || mac_k || mac_r, e.g. from a key derivation.
  static BoxKey from_bytes(const std::array<std::uint8_t, 64>& bytes);
  static BoxKey random(env::Random& random);
};

// Appends the box of `plaintext` to `out`; `iv_source` gives a fresh IV.
void seal(const BoxKey& key, env::Random& iv_source, ByteSpan plaintext, Buffer& out);

// Makes the box where its plaintext already lies: `box` holds kBoxFront bytes of room, then the
// plaintext, and grows by the tag.
void seal_in_place(const BoxKey& key, env::Random& iv_source, Buffer& box);

// The plaintext; kDataLoss when the box is too short or its tag is wrong (damage or another key).
Result<Buffer> open(const BoxKey& key, ByteSpan box);

}  // namespace holdfast::crypto
