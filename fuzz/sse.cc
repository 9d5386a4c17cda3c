// Any bytes, cut anywhere: the parser neither crashes nor reads past its input, and the cuts do
// not change what it finds.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/net/sse.h"
#include "core/net/url.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast::net;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  SseParser whole(1 << 12);
  SseParser cut(1 << 12);
  const auto expected = whole.feed(text);
  std::vector<SseEvent> found;
  bool failed = false;
  for (std::size_t i = 0; i < size && !failed; ++i) {
    const auto some = cut.feed(text.substr(i, 1));
    failed = !some;
    if (some) {
      found.insert(found.end(), some->begin(), some->end());
    }
  }
  if (failed == expected.has_value() || (expected && found != *expected)) {
    std::abort();
  }
  if (const auto url = parse_url(text); url && !parse_url(url->to_string())) {
    std::abort();
  }
  return 0;
}
