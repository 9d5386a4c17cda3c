// Occurrences of a rule: walk local dates, and on each matching date the times of day.
//
// Times of day are walked in real time, so that a day with 23 or 25 hours is right: a single time
// of day is looked up once per date (gap: first instant after; repetition: the first), several
// hours are looked up each, and one that falls into the same instant as another (a gap) counts
// once.
#include "domain/schedule/calendar.h"

#include <algorithm>

namespace holdfast::schedule {
namespace {

constexpr int kHorizonDays = 366 * 10;

bool matches_day_of_month(const Rule& rule, const LocalTime& date) {
  const int last = days_in_month(date.year, date.month);
  if (rule.last_day) {
    return date.day == last - rule.days_before_last;
  }
  if (rule.nearest_weekday != 0) {
    LocalTime target = date;
    target.day = std::min(rule.nearest_weekday, last);
    const int day = weekday(target);
    if (day == 6) {
      target.day += target.day > 1 ? -1 : 2;
    } else if (day == 0) {
      target.day += target.day < last ? 1 : -2;
    }
    return date.day == target.day;
  }
  return rule.days.test(static_cast<size_t>(date.day));
}

bool matches_weekday(const Rule& rule, const LocalTime& date) {
  if (!rule.weekdays.test(static_cast<size_t>(weekday(date)))) {
    return false;
  }
  constexpr int kLast = 6;
  if (rule.nth_weekday == kLast) {
    return date.day + 7 > days_in_month(date.year, date.month);
  }
  return rule.nth_weekday == 0 || (date.day - 1) / 7 + 1 == rule.nth_weekday;
}

// The instants of one local date, ascending and each once.
std::vector<UtcTime> instants_of(const Rule& rule, const Zone& zone, LocalTime date) {
  std::vector<UtcTime> instants;
  if (!matches_date(rule, date)) {
    return instants;
  }
  for (int hour = 0; hour < 24; ++hour) {
    for (int minute = 0; rule.hours.test(static_cast<size_t>(hour)) && minute < 60; ++minute) {
      if (rule.minutes.test(static_cast<size_t>(minute))) {
        date.hour = hour;
        date.minute = minute;
        date.second = 0;
        instants.push_back(zone.to_utc(date));
        if (const auto again = zone.repetition(date); again && rule.hours.all()) {
          instants.push_back(*again);
        }
      }
    }
  }
  std::sort(instants.begin(), instants.end());
  instants.erase(std::unique(instants.begin(), instants.end()), instants.end());
  return instants;
}

LocalTime date_of(const Zone& zone, UtcTime time) {
  LocalTime date = zone.to_local(time);
  date.hour = date.minute = date.second = 0;
  return date;
}

}  // namespace

bool matches_date(const Rule& rule, const LocalTime& date) {
  if (!rule.months.test(static_cast<size_t>(date.month))) {
    return false;
  }
  if (rule.either_day && !rule.any_day && !rule.any_weekday) {
    return matches_day_of_month(rule, date) || matches_weekday(rule, date);
  }
  return (rule.any_day || matches_day_of_month(rule, date)) &&
         (rule.any_weekday || matches_weekday(rule, date));
}

std::optional<UtcTime> next_after(const Rule& rule, const Zone& zone, UtcTime time) {
  // A gap can move a time of one date into the next one: start a day early.
  LocalTime date = add_days(date_of(zone, time), -1);
  for (int i = 0; i < kHorizonDays; ++i, date = add_days(date, 1)) {
    const auto instants = instants_of(rule, zone, date);
    const auto found = std::upper_bound(instants.begin(), instants.end(), time);
    if (found != instants.end()) {
      return *found;
    }
  }
  return std::nullopt;
}

std::optional<UtcTime> previous_before(const Rule& rule, const Zone& zone, UtcTime time) {
  LocalTime date = add_days(date_of(zone, time), 1);
  for (int i = 0; i < kHorizonDays; ++i, date = add_days(date, -1)) {
    const auto instants = instants_of(rule, zone, date);
    const auto found = std::lower_bound(instants.begin(), instants.end(), time);
    if (found != instants.begin()) {
      return *std::prev(found);
    }
  }
  return std::nullopt;
}

std::vector<UtcTime> occurrences(const Rule& rule, const Zone& zone, UtcTime from, UtcTime to,
                                 std::size_t limit) {
  std::vector<UtcTime> found;
  std::optional<UtcTime> next = next_after(rule, zone, from - Nanoseconds(1));
  while (next && *next < to && found.size() < limit) {
    found.push_back(*next);
    next = next_after(rule, zone, *next);
  }
  return found;
}

}  // namespace holdfast::schedule
