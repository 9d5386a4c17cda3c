// SHA-256 (FIPS 180-4): identities of stored things and chains of records.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/bytes.h"

namespace holdfast::crypto {

using Digest = std::array<std::uint8_t, 32>;

Digest digest_of(ByteSpan bytes);
std::string sha256_hex(ByteSpan bytes);
// 64 hexadecimal digits, lower case only; kInvalidArgument else.
Result<Digest> parse_digest(std::string_view text);

// SHA-256 of data that comes in pieces. One thread at a time.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void update(ByteSpan data);
  // Ends the computation; the object starts anew.
  Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Compares without telling by its duration where the difference is.
bool equal_constant_time(ByteSpan a, ByteSpan b);

}  // namespace holdfast::crypto
