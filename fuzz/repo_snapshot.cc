// Any bytes as a snapshot: refused, or read and written again the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "engine/repo/snapshot.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  using namespace holdfast::repo;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto snapshot = snapshot_from_json(text)) {
    const std::string written = to_json(*snapshot);
    const auto again = snapshot_from_json(written);
    if (!again || to_json(*again) != written) {
      std::abort();
    }
  }
  return 0;
}
