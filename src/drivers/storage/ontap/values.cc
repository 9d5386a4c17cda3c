#include "drivers/storage/ontap/values.h"

#include <charconv>

namespace holdfast::storage::ontap {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Nanoseconds of one unit; zero for a letter that is none.
Nanoseconds unit_of(char letter, bool in_time) {
  using std::chrono::hours;
  constexpr int kDay = 24;
  switch (letter) {
    case 'Y':
      return in_time ? Nanoseconds(0) : hours(365 * kDay);
    case 'M':
      return in_time ? Nanoseconds(std::chrono::minutes(1)) : Nanoseconds(hours(30 * kDay));
    case 'W':
      return in_time ? Nanoseconds(0) : hours(7 * kDay);
    case 'D':
      return in_time ? Nanoseconds(0) : hours(kDay);
    case 'H':
      return in_time ? Nanoseconds(hours(1)) : Nanoseconds(0);
    case 'S':
      return in_time ? Nanoseconds(std::chrono::seconds(1)) : Nanoseconds(0);
    default:
      return Nanoseconds(0);
  }
}

}  // namespace

const Json& at(const Json& value, std::string_view key) {
  static const Json kNothing;
  const Json* found = find(value, key);
  return found == nullptr ? kNothing : *found;
}

Result<UtcTime> parse_time(std::string_view text) {
  std::string fixed(text);
  const size_t size = fixed.size();
  constexpr size_t kOffset = 5;
  if (size > kOffset && (fixed[size - kOffset] == '+' || fixed[size - kOffset] == '-') &&
      is_digit(fixed[size - 1]) && fixed.find('T') != std::string::npos) {
    fixed.insert(size - 2, ":");
  }
  return parse_rfc3339(fixed);
}

Result<Nanoseconds> parse_iso_duration(std::string_view text) {
  const Error wrong =
      Error(Code::kInvalidArgument, "not an ISO 8601 duration").with("text", std::string(text));
  if (text.size() < 2 || text.front() != 'P') {
    return wrong;
  }
  Nanoseconds total{0};
  bool in_time = false;
  size_t at = 1;
  while (at < text.size()) {
    if (text[at] == 'T' && !in_time) {
      in_time = true;
      ++at;
      continue;
    }
    double number = 0;
    const auto [end, failure] =
        std::from_chars(text.data() + at, text.data() + text.size(), number);
    at = static_cast<size_t>(end - text.data());
    const Nanoseconds unit = at < text.size() ? unit_of(text[at], in_time) : Nanoseconds(0);
    if (failure != std::errc() || unit.count() == 0 || number < 0 || number > 1e9) {
      return wrong;
    }
    total += Nanoseconds(static_cast<std::int64_t>(number * static_cast<double>(unit.count())));
    ++at;
  }
  return total;
}

}  // namespace holdfast::storage::ontap
