// Strong identifiers: text with a prefix and a UUIDv7 (RFC 9562), e.g. run_0190b6c2-....
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/time.h"

namespace holdfast {

// A text identifier of one kind; two kinds do not mix. Make a kind with an empty tag struct:
// `using RunId = StrongId<struct RunTag>;`
template <class Tag>
class StrongId {
 public:
  StrongId() = default;
  explicit StrongId(std::string text) : text_(std::move(text)) {}

  const std::string& text() const { return text_; }
  bool empty() const { return text_.empty(); }
  auto operator<=>(const StrongId&) const = default;

 private:
  std::string text_;
};

// UUID version 7 from a time (millisecond part) and 16 random bytes; lower case with dashes.
std::string uuid_v7(UtcTime time, const std::array<std::uint8_t, 16>& random);
// UUID version 4 from 16 random bytes.
std::string uuid_v4(const std::array<std::uint8_t, 16>& random);

}  // namespace holdfast

template <class Tag>
struct std::hash<holdfast::StrongId<Tag>> {
  size_t operator()(const holdfast::StrongId<Tag>& id) const {
    return std::hash<std::string>()(id.text());
  }
};
