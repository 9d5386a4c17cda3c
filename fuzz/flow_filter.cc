// Filters of lists: refused with the place, or the same filter again from their canonical text.
#include <cstdint>
#include <string_view>

#include "core/base/check.h"
#include "flow/filter.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto filter = holdfast::flow::parse_filter(text);
  if (!filter) {
    return 0;
  }
  const std::string canonical = holdfast::flow::filter_text(*filter);
  if (canonical.size() <= holdfast::flow::kMaxFilterBytes) {
    const auto again = holdfast::flow::parse_filter(canonical);
    HF_CHECK(again.has_value(), "the canonical text is a filter");
    HF_CHECK(holdfast::flow::filter_text(*again) == canonical, "and the same one");
  }
  return 0;
}
