#include "core/base/units.h"

#include <fmt/core.h>

#include <array>
#include <cctype>
#include <charconv>

namespace holdfast {
namespace {

constexpr std::array<std::string_view, 6> kBinary{"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
constexpr std::string_view kPrefixes = "kmgtp";

// The multiplier of "GB", "GiB", "g", "B" or nothing; 0 for anything else.
std::uint64_t multiplier(std::string unit) {
  for (char& c : unit) {
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  if (unit.empty() || unit == "b") {
    return 1;
  }
  const size_t power = kPrefixes.find(unit.front());
  const std::string_view rest = std::string_view(unit).substr(1);
  if (power == std::string_view::npos ||
      (rest != "" && rest != "b" && rest != "ib" && rest != "i")) {
    return 0;
  }
  const std::uint64_t base = rest.starts_with('i') ? 1024 : 1000;
  std::uint64_t value = 1;
  for (size_t i = 0; i <= power; ++i) {
    value *= base;
  }
  return value;
}

}  // namespace

std::string format_bytes(std::uint64_t bytes) {
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < kBinary.size()) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kBinary[unit]);
}

Result<std::uint64_t> parse_bytes(std::string_view text) {
  std::uint64_t count = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), count);
  std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  while (!unit.empty() && unit.front() == ' ') {
    unit.remove_prefix(1);
  }
  const std::uint64_t scale = multiplier(std::string(unit));
  if (failure != std::errc() || scale == 0 || count > UINT64_MAX / scale) {
    return Error(Code::kInvalidArgument,
                 fmt::format("'{}' is no size such as 512MiB or 1GB", text));
  }
  return count * scale;
}

}  // namespace holdfast
