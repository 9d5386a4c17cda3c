// Parsing of cron texts and calendar entries into rules.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "domain/schedule/calendar.h"

namespace holdfast::schedule {
namespace {

constexpr std::array<std::string_view, 12> kMonths{"jan", "feb", "mar", "apr", "may", "jun",
                                                   "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> kWeekdays{"sunday",   "monday", "tuesday", "wednesday",
                                                    "thursday", "friday", "saturday"};
constexpr std::array<std::string_view, 6> kOrdinals{"first",  "second", "third",
                                                    "fourth", "fifth",  "last"};
constexpr int kLast = 6;

struct Field {
  std::string_view name;
  int low;
  int high;
};
constexpr std::array<Field, 5> kFields{{{"minute", 0, 59},
                                        {"hour", 0, 23},
                                        {"day of month", 1, 31},
                                        {"month", 1, 12},
                                        {"day of week", 0, 7}}};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return out;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) {
      return parts;
    }
    text.remove_prefix(end + 1);
  }
}

Error bad_field(const Field& field, std::string_view text) {
  return Error(
      Code::kInvalidArgument,
      fmt::format(
          "cron field '{}' does not understand '{}' (allowed: {} to {}, lists, ranges, steps)",
          field.name, text, field.low, field.high));
}

// A number or a name of a month or weekday; nullopt for anything else or out of range.
std::optional<int> read_value(const Field& field, std::string_view text) {
  if (text.size() >= 3 && std::isalpha(static_cast<unsigned char>(text.front())) != 0) {
    for (size_t i = 0; i < kMonths.size() && field.name == "month"; ++i) {
      if (text == kMonths[i]) {
        return static_cast<int>(i) + 1;
      }
    }
    for (size_t i = 0; i < kWeekdays.size() && field.name == "day of week"; ++i) {
      if (text == kWeekdays[i] || text == kWeekdays[i].substr(0, 3)) {
        return static_cast<int>(i);
      }
    }
    return std::nullopt;
  }
  int value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size() || value < field.low ||
      value > field.high) {
    return std::nullopt;
  }
  return value;
}

// Adds one item of a list (*, 5, 1-5, */15, 1-30/5) to `values`; false when it is not understood.
bool add_item(const Field& field, std::string_view item, std::bitset<64>& values) {
  const auto by_step = split(item, '/');
  int step = 1;
  if (by_step.size() == 2) {
    const auto [end, failure] =
        std::from_chars(by_step[1].data(), by_step[1].data() + by_step[1].size(), step);
    if (failure != std::errc() || end != by_step[1].data() + by_step[1].size() || step < 1 ||
        step > field.high + 1) {
      return false;
    }
  }
  int low = field.low;
  int high = field.high;
  if (by_step[0] != "*") {
    const auto range = split(by_step[0], '-');
    const auto first = read_value(field, range[0]);
    const auto last = range.size() == 2 ? read_value(field, range[1]) : first;
    if (by_step.size() > 2 || range.size() > 2 || !first || !last || *first > *last) {
      return false;
    }
    low = *first;
    high = range.size() == 1 && by_step.size() == 2 ? field.high : *last;
  }
  for (int value = low; value <= high; value += step) {
    values.set(static_cast<size_t>(value));
  }
  return by_step.size() <= 2;
}

Result<std::bitset<64>> read_list(const Field& field, std::string_view text) {
  std::bitset<64> values;
  for (const std::string_view item : split(text, ',')) {
    if (!add_item(field, item, values)) {
      return bad_field(field, item);
    }
  }
  return values;
}

Status read_days(Rule& rule, std::string_view text) {
  rule.any_day = text == "*" || text == "?";
  if (rule.any_day) {
    return {};
  }
  if (text == "l" || text.starts_with("l-")) {
    const auto back = text == "l" ? 0 : read_value({"days before the last", 1, 30}, text.substr(2));
    if (!back) {
      return bad_field(kFields[2], text);
    }
    rule.last_day = true;
    rule.days_before_last = *back;
    return {};
  }
  if (text == "lw") {
    rule.nearest_weekday = kFields[2].high;
    return {};
  }
  if (text.ends_with('w')) {
    const auto day = read_value(kFields[2], text.substr(0, text.size() - 1));
    if (!day) {
      return bad_field(kFields[2], text);
    }
    rule.nearest_weekday = *day;
    return {};
  }
  HF_TRY(const auto values, read_list(kFields[2], text));
  rule.days = std::bitset<32>(values.to_ullong());
  return {};
}

Status read_weekdays(Rule& rule, std::string_view text) {
  rule.any_weekday = text == "*" || text == "?";
  if (rule.any_weekday) {
    return {};
  }
  const Field& field = kFields[4];
  const size_t hash = text.find('#');
  if (hash != std::string_view::npos || (text.size() > 1 && text.ends_with('l'))) {
    const bool last = hash == std::string_view::npos;
    const auto day =
        read_value(field, last ? text.substr(0, text.size() - 1) : text.substr(0, hash));
    const auto nth =
        last ? std::optional(kLast) : read_value({"week", 1, 5}, text.substr(hash + 1));
    if (!day || !nth) {
      return bad_field(field, text);
    }
    rule.weekdays.set(static_cast<size_t>(*day % 7));
    rule.nth_weekday = *nth;
    return {};
  }
  HF_TRY(const auto values, read_list(field, text));
  for (size_t day = 0; day <= 7; ++day) {
    if (values.test(day)) {
      rule.weekdays.set(day % 7);
    }
  }
  return {};
}

std::string_view macro(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kMacros{{
      {"@hourly", "0 * * * *"},
      {"@daily", "0 0 * * *"},
      {"@midnight", "0 0 * * *"},
      {"@weekly", "0 0 * * 0"},
      {"@monthly", "0 0 1 * *"},
      {"@yearly", "0 0 1 1 *"},
      {"@annually", "0 0 1 1 *"},
  }};
  for (const auto& [name, cron] : kMacros) {
    if (name == text) {
      return cron;
    }
  }
  return text;
}

Rule every_day_at(int hour, int minute) {
  Rule rule;
  rule.months.set();
  rule.hours.set(static_cast<size_t>(hour));
  rule.minutes.set(static_cast<size_t>(minute));
  return rule;
}

// "sunday", "first_sunday", "last_friday", "15", "last"; false when it is none of them.
bool set_day(Rule& rule, const std::string& text) {
  if (text == "last" || text == "last_day") {
    rule.any_day = false;
    rule.last_day = true;
    return true;
  }
  if (const auto day = read_value(kFields[2], text)) {
    rule.any_day = false;
    rule.days.set(static_cast<size_t>(*day));
    return true;
  }
  const size_t underscore = text.find('_');
  const std::string name = underscore == std::string::npos ? text : text.substr(underscore + 1);
  if (underscore != std::string::npos) {
    for (size_t i = 0; i < kOrdinals.size(); ++i) {
      if (text.substr(0, underscore) == kOrdinals[i]) {
        rule.nth_weekday = static_cast<int>(i) + 1;
      }
    }
    if (rule.nth_weekday == 0) {
      return false;
    }
  }
  const auto day = name.size() >= 3 ? read_value(kFields[4], name) : std::nullopt;
  if (!day) {
    return false;
  }
  rule.any_weekday = false;
  rule.weekdays.set(static_cast<size_t>(*day));
  return true;
}

// "02:00" as hour and minute.
std::optional<std::pair<int, int>> read_time(std::string_view text) {
  const auto parts = split(text, ':');
  const auto hour = parts.size() == 2 ? read_value(kFields[1], parts[0]) : std::nullopt;
  const auto minute = parts.size() == 2 ? read_value(kFields[0], parts[1]) : std::nullopt;
  return hour && minute ? std::optional(std::pair(*hour, *minute)) : std::nullopt;
}

Result<Rule> from_word(const std::string& word) {
  if (word == "hourly") {
    Rule rule = every_day_at(0, 0);
    rule.hours.set();
    rule.description = "hourly at minute 0";
    return rule;
  }
  if (word == "daily" || word == "weekly" || word == "monthly") {
    JsonObject entry{{"frequency", word}, {"time", "02:00"}};
    return parse_rule(Json(std::move(entry)));
  }
  return parse_cron(word);
}

Result<Rule> from_entry(ObjectReader& reader, std::vector<Problem>& problems) {
  const std::string time = reader.string_or("time", "02:00");
  const std::string frequency = lower(reader.string_or("frequency", ""));
  const Json* day_value = reader.value("day");
  const std::string day = day_value == nullptr ? ""
                          : day_value->is_string()
                              ? lower(std::string_view(day_value->get_string()))
                              : to_text(*day_value);
  const auto clock = read_time(time);
  if (!clock) {
    reader.problem("time", fmt::format("'{}' is no time of day such as 02:00", time));
    return to_error(problems);
  }
  Rule rule = every_day_at(clock->first, clock->second);
  rule.description =
      fmt::format("{} at {}", day.empty() ? (frequency.empty() ? "daily" : frequency) : day, time);
  if (!day.empty() && !set_day(rule, day)) {
    reader.problem(
        "day",
        fmt::format("'{}' is no day: use sunday, first_sunday, last_friday, 15 or last", day));
  }
  const bool weekly_day = rule.nth_weekday == 0 && !rule.any_weekday;
  if (!day.empty() && (frequency == "daily" || (frequency == "weekly" && !weekly_day) ||
                       (frequency == "monthly" && weekly_day))) {
    reader.problem(
        "day", fmt::format("'{}' contradicts frequency {}: leave one of them out", day, frequency));
  }
  if (frequency == "hourly") {
    rule.hours.set();
    rule.description = fmt::format("hourly at minute {}", clock->second);
  } else if (frequency == "weekly" && day.empty()) {
    rule.any_weekday = false;
    rule.weekdays.set(0);
    rule.description = fmt::format("sunday at {}", time);
  } else if (frequency == "monthly" && day.empty()) {
    rule.any_day = false;
    rule.days.set(1);
    rule.description = fmt::format("day 1 of the month at {}", time);
  } else if (!frequency.empty() && frequency != "daily" && frequency != "weekly" &&
             frequency != "monthly") {
    reader.problem("frequency",
                   fmt::format("'{}' is none of hourly, daily, weekly, monthly", frequency));
  }
  return rule;
}

}  // namespace

Result<Rule> parse_cron(std::string_view text) {
  const std::string plain = lower(text);
  std::vector<std::string_view> fields;
  for (std::string_view rest = macro(plain);;) {
    const size_t start = rest.find_first_not_of(" \t");
    if (start == std::string_view::npos) {
      break;
    }
    rest.remove_prefix(start);
    const size_t length = std::min(rest.find_first_of(" \t"), rest.size());
    fields.push_back(rest.substr(0, length));
    rest.remove_prefix(length);
  }
  if (fields.size() != 5) {
    return Error(
        Code::kInvalidArgument,
        fmt::format("'{}' is no cron text: five fields are needed (minute, hour, day of month, "
                    "month, day of week), {} found",
                    text, fields.size()));
  }
  Rule rule;
  rule.description = "cron " + std::string(text);
  HF_TRY(const auto minutes, read_list(kFields[0], fields[0]));
  HF_TRY(const auto hours, read_list(kFields[1], fields[1]));
  HF_TRY(const auto months, read_list(kFields[3], fields[3]));
  rule.minutes = std::bitset<60>(minutes.to_ullong());
  rule.hours = std::bitset<24>(hours.to_ullong());
  rule.months = std::bitset<13>(months.to_ullong());
  HF_TRY_VOID(read_days(rule, fields[2]));
  HF_TRY_VOID(read_weekdays(rule, fields[4]));
  rule.either_day = !fields[2].starts_with('*') && !fields[4].starts_with('*');
  return rule;
}

Result<Rule> parse_rule(const Json& entry) {
  if (entry.is_string()) {
    return from_word(lower(std::string_view(entry.get_string())));
  }
  std::vector<Problem> problems;
  ObjectReader reader(entry, "", problems);
  Result<Rule> rule = Rule();
  if (const auto cron = reader.optional_string("cron")) {
    rule = parse_cron(*cron);
    if (!rule) {
      return rule;
    }
  } else {
    rule = from_entry(reader, problems);
  }
  reader.reject_unknown();
  if (!problems.empty()) {
    return to_error(problems);
  }
  return rule;
}

}  // namespace holdfast::schedule
