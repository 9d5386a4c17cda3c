// Any bytes as a tree: refused, or read and written again as something that reads the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "engine/repo/tree.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  using namespace holdfast::repo;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto tree = decode_tree(text)) {
    const std::string written = encode_tree(*tree);
    const auto again = decode_tree(written);
    if (!again || encode_tree(*again) != written) {
      std::abort();
    }
  }
  return 0;
}
