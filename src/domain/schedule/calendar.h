// When something is due: cron texts and the calendar entries of the requirements' documents.
//
// A rule is a set of local dates (month, day of month, day of week, n-th weekday) and a set of
// times of day (hours x minutes). Each (date, time of day) fires once: where the clock is set back,
// at the first of the two; where it is set forward, at the first instant after the gap, and times
// of day that fall into the same gap fire together once.
#pragma once

#include <bitset>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"
#include "domain/schedule/zone.h"

namespace holdfast::schedule {

// Five fields: minute, hour, day of month, month, day of week; names (jan, mon), lists, ranges,
// steps, L (last day; or 5L: last Friday), L-3 (three days before it), nW (weekday nearest to n),
// LW (last weekday of the month), d#n (n-th weekday).
struct Rule {
  std::bitset<60> minutes;
  std::bitset<24> hours;
  std::bitset<32> days;      // 1..31
  std::bitset<13> months;    // 1..12
  std::bitset<7> weekdays;   // 0 = Sunday
  bool any_day = true;       // the day-of-month field was *
  bool any_weekday = true;   // the day-of-week field was *
  bool either_day = false;   // both day fields are given and either may match; else both have to
  bool last_day = false;     // L in the day-of-month field
  int days_before_last = 0;  // L-n
  int nearest_weekday = 0;   // nW, 31 for LW; 0: none
  int nth_weekday = 0;       // d#n: 1..5, 6: the last one; 0: every one
  std::string description;   // "daily at 02:00", or the cron text
};

// A cron text or one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually.
// kInvalidArgument names the field and what is wrong with it.
Result<Rule> parse_cron(std::string_view text);

// One entry of a document: {"time": "02:00", "frequency": daily|hourly|weekly|monthly, "day":
// sunday | first_sunday .. fifth_sunday | last_friday | 1..31 | last} or {"cron": "..."}; also a
// plain text: hourly, daily, weekly, monthly or a cron text. Unknown fields are refused.
Result<Rule> parse_rule(const Json& entry);

// The first occurrence after `time` (exclusive), or the last one before it; none within ten years:
// nullopt (such as 30 February).
std::optional<UtcTime> next_after(const Rule& rule, const Zone& zone, UtcTime time);
std::optional<UtcTime> previous_before(const Rule& rule, const Zone& zone, UtcTime time);

// All occurrences in [from, to), at most `limit`.
std::vector<UtcTime> occurrences(const Rule& rule, const Zone& zone, UtcTime from, UtcTime to,
                                 std::size_t limit = 10'000);

// Whether the rule fires on this local date at all.
bool matches_date(const Rule& rule, const LocalTime& date);

}  // namespace holdfast::schedule
