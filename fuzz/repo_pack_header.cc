// Any bytes as the header of a pack: refused, or read and written again byte for byte.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "engine/repo/pack.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  using namespace holdfast::repo;
  const ByteSpan bytes(data, size);
  if (const auto entries = decode_pack_header(bytes)) {
    const Buffer written = encode_pack_header(*entries);
    if (as_text(written) != as_text(bytes)) {
      std::abort();
    }
  }
  if (const auto length = header_box_length(bytes, size); length && *length + 4 > size) {
    std::abort();
  }
  return 0;
}
