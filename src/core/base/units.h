// Sizes and ratios as people write and read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace holdfast {

// 1536 -> "1.5 KiB".
std::string format_bytes(std::uint64_t bytes);
// "1GB" (10^9), "1GiB" (2^30), "512 k", plain bytes; kInvalidArgument else.
Result<std::uint64_t> parse_bytes(std::string_view text);

}  // namespace holdfast
