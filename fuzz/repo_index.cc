// Any bytes as an index file: refused, or read and written again the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "engine/repo/index.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  using namespace holdfast::repo;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto file = index_from_json(text)) {
    const std::string written = to_json(file->packs);
    const auto again = index_from_json(written);
    if (!again || to_json(again->packs) != written) {
      std::abort();
    }
  }
  return 0;
}
