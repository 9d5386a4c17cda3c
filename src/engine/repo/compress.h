// zstd frames, with one context per thread.
#pragma once

#include <cstdint>

#include "core/base/bytes.h"

namespace holdfast::repo {

// One frame appended to `out`.
void compress(ByteSpan plaintext, int level, Buffer& out);
// Exactly `length` bytes; kDataLoss when the frame is damaged or holds another number.
Result<Buffer> decompress(ByteSpan frame, std::size_t length);
// A frame of unknown length (it may lack its content size), at most `limit` bytes.
Result<Buffer> decompress_unknown(ByteSpan frame, std::size_t limit);

}  // namespace holdfast::repo
