// Keys: from a password (scrypt, RFC 7914) and from the machine's randomness.
#pragma once

#include <cstdint>

#include "core/base/bytes.h"
#include "core/base/secret.h"
#include "core/env/random.h"

namespace holdfast::crypto {

struct ScryptCost {
  std::uint64_t n = 1 << 15;  // power of two
  std::uint32_t r = 8;
  std::uint32_t p = 1;
};

// kInvalidArgument when the cost is no valid one or would need more than 1 GiB.
Result<Buffer> scrypt(const SecretString& password, ByteSpan salt, const ScryptCost& cost,
                      std::size_t length);

Buffer random_bytes(env::Random& random, std::size_t count);
// `bytes` random bytes as hexadecimal text: a password nobody has to type.
SecretString random_password(env::Random& random, std::size_t bytes = 32);

}  // namespace holdfast::crypto
