#include "core/base/time.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace holdfast {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

// Reads fixed-width digits and separators from the front of a text; remembers the first failure.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  int digits(size_t count) {
    int value = 0;
    if (rest_.size() < count) {
      ok_ = false;
      return 0;
    }
    for (size_t i = 0; i < count; ++i) {
      if (std::isdigit(static_cast<unsigned char>(rest_[i])) == 0) {
        ok_ = false;
        return 0;
      }
      value = value * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(count);
    return value;
  }
  bool accept(char c) {
    if (rest_.empty() || rest_.front() != c) {
      return false;
    }
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) { ok_ = accept(c) && ok_; }
  // The digits after the dot as nanoseconds; further digits are cut.
  Nanoseconds fraction() {
    std::int64_t value = 0;
    size_t count = 0;
    while (!rest_.empty() && std::isdigit(static_cast<unsigned char>(rest_.front())) != 0) {
      if (count < 9) {
        value = value * 10 + (rest_.front() - '0');
      }
      ++count;
      rest_.remove_prefix(1);
    }
    ok_ = ok_ && count > 0;
    for (size_t i = count; i < 9; ++i) {
      value *= 10;
    }
    return Nanoseconds(value);
  }
  bool at_end() const { return rest_.empty(); }
  bool ok() const { return ok_; }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

Error bad_time(std::string_view text) {
  return Error(Code::kInvalidArgument,
               fmt::format("'{}' is no RFC 3339 time such as 2026-11-24T02:00:00Z", text));
}

struct Unit {
  std::string_view name;
  Nanoseconds length;
};
constexpr std::array<Unit, 8> kUnits{{{"ns", Nanoseconds(1)},
                                      {"us", std::chrono::microseconds(1)},
                                      {"ms", std::chrono::milliseconds(1)},
                                      {"s", seconds(1)},
                                      {"m", minutes(1)},
                                      {"h", hours(1)},
                                      {"d", days(1)},
                                      {"w", days(7)}}};
constexpr std::array<Unit, 5> kWords{{{"second", seconds(1)},
                                      {"minute", minutes(1)},
                                      {"hour", hours(1)},
                                      {"day", days(1)},
                                      {"week", days(7)}}};

// The unit named by `name`, in short or in full, singular or plural; zero if there is none.
Nanoseconds unit_length(std::string_view name) {
  for (const Unit& unit : kUnits) {
    if (unit.name == name) {
      return unit.length;
    }
  }
  for (const Unit& unit : kWords) {
    if (unit.name == name ||
        (name.ends_with('s') && unit.name == name.substr(0, name.size() - 1))) {
      return unit.length;
    }
  }
  return Nanoseconds(0);
}

}  // namespace

std::string to_rfc3339(UtcTime time) {
  const auto day = std::chrono::floor<days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss<Nanoseconds> clock(time - day);
  const int year = std::clamp(static_cast<int>(date.year()), 0, 9999);
  std::string text =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", year, static_cast<unsigned>(date.month()),
                  static_cast<unsigned>(date.day()), clock.hours().count(), clock.minutes().count(),
                  clock.seconds().count());
  if (clock.subseconds().count() != 0) {
    text += fmt::format(".{:09}", clock.subseconds().count());
    text.erase(text.find_last_not_of('0') + 1);
  }
  return text + "Z";
}

Result<UtcTime> parse_rfc3339(std::string_view text, bool assume_utc) {
  Scanner in(text);
  const int year = in.digits(4);
  in.expect('-');
  const auto month = static_cast<unsigned>(in.digits(2));
  in.expect('-');
  const auto day = static_cast<unsigned>(in.digits(2));
  const bool separated = in.accept('T') || in.accept('t') || (assume_utc && in.accept(' '));
  const int hour = in.digits(2);
  in.expect(':');
  const int minute = in.digits(2);
  in.expect(':');
  const int second = in.digits(2);
  const Nanoseconds fraction = in.accept('.') ? in.fraction() : Nanoseconds(0);
  minutes offset(0);
  if (!in.accept('Z') && !in.accept('z') && !(assume_utc && in.at_end())) {
    const int sign = in.accept('-') ? -1 : 1;
    if (sign > 0) {
      in.expect('+');
    }
    const int offset_hours = in.digits(2);
    in.expect(':');
    offset = sign * (hours(offset_hours) + minutes(in.digits(2)));
  }
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(day)};
  if (!in.ok() || !separated || !in.at_end() || !date.ok() || hour > 23 || minute > 59 ||
      second > 60) {
    return bad_time(text);
  }
  // Years outside what nanoseconds can hold are clamped, with room for later arithmetic on days.
  if (year < 1678 || year > 2261) {
    constexpr UtcTime kFirst = std::chrono::sys_days(std::chrono::year(1678) / 1 / 1);
    constexpr UtcTime kEnd = std::chrono::sys_days(std::chrono::year(2262) / 1 / 1);
    return year < 1678 ? kFirst : kEnd - Nanoseconds(1);
  }
  return UtcTime(std::chrono::sys_days(date)) + hours(hour) + minutes(minute) + seconds(second) +
         fraction - offset;
}

std::string format_duration(Nanoseconds duration) {
  if (duration < Nanoseconds(0)) {
    return "-" + format_duration(-duration);
  }
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  if (milliseconds < 1000) {
    return fmt::format("{}ms", milliseconds);
  }
  if (milliseconds < 60'000) {
    return fmt::format("{:.1f}s", static_cast<double>(milliseconds) / 1000);
  }
  const auto total = milliseconds / 1000;
  if (total < 3600) {
    return fmt::format("{}m{:02}s", total / 60, total % 60);
  }
  if (total < 2 * 86'400) {
    return fmt::format("{}h{:02}m", total / 3600, total % 3600 / 60);
  }
  return fmt::format("{}d{:02}h", total / 86'400, total % 86'400 / 3600);
}

Result<Nanoseconds> parse_duration(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), count);
  std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  while (!unit.empty() && (unit.front() == ' ' || unit.front() == '_')) {
    unit.remove_prefix(1);
  }
  const Nanoseconds length = unit_length(unit);
  if (failure != std::errc() || count < 0 || length.count() == 0 ||
      count > Nanoseconds::max().count() / length.count()) {
    return Error(Code::kInvalidArgument,
                 fmt::format("'{}' is no duration such as 15m, 24h or 30_days", text));
  }
  return length * count;
}

}  // namespace holdfast
