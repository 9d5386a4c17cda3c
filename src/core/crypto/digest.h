// SHA-256 (FIPS 180-4) of bytes in memory, for identities and chains of records.
#pragma once

#include <array>
#include <cstdint>

#include "core/base/bytes.h"

namespace holdfast::crypto {

using Digest = std::array<std::uint8_t, 32>;

Digest digest_of(ByteSpan bytes);

}  // namespace holdfast::crypto
