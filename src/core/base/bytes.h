// Byte sequences and their text forms (hex, base64 as in RFC 4648).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace holdfast {

using Buffer = std::vector<std::uint8_t>;
using ByteSpan = std::span<const std::uint8_t>;
using MutableByteSpan = std::span<std::uint8_t>;

inline ByteSpan as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string to_hex(ByteSpan bytes);              // lower case
Result<Buffer> from_hex(std::string_view text);  // kInvalidArgument on odd length or other digits
std::string to_base64(ByteSpan bytes);           // standard alphabet, padded
Result<Buffer> from_base64(std::string_view text);  // standard alphabet, padding required
std::string to_base64url(ByteSpan bytes);           // URL alphabet, no padding

}  // namespace holdfast
