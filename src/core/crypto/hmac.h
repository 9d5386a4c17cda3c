// Keyed message authentication: HMAC (RFC 2104) with SHA-256.
#pragma once

#include <array>
#include <cstdint>

#include "core/base/bytes.h"

namespace holdfast::crypto {

std::array<std::uint8_t, 32> hmac_sha256(ByteSpan key, ByteSpan message);

}  // namespace holdfast::crypto
