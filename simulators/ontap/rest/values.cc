// The scalar types of the API: texts to values and back.
#include <fmt/core.h>

#include <charconv>

#include "simulators/ontap/rest/schema.h"

namespace holdfast::ontap_sim {
namespace {

constexpr std::int64_t kMinute = 60;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;

Error no(std::string_view what, std::string_view text) {
  return Error(Code::kInvalidArgument, fmt::format("'{}' is no {}", text, what));
}

std::int64_t unit_seconds(char unit, bool time) {
  switch (unit) {
    case 'Y':
      return 365 * kDay;
    case 'W':
      return 7 * kDay;
    case 'D':
      return kDay;
    case 'H':
      return kHour;
    case 'M':
      return time ? kMinute : 30 * kDay;
    case 'S':
      return 1;
    default:
      return 0;
  }
}

bool read_flag(const Json& value, bool& flag) {
  if (value.is_bool()) {
    flag = value.as_bool();
    return true;
  }
  if (!value.is_string()) {
    return false;
  }
  const std::string_view text = value.as_string();
  flag = text == "true" || text == "True";
  return flag || text == "false" || text == "False";
}

}  // namespace

Result<std::int64_t> parse_iso_duration(std::string_view text) {
  const std::string_view whole = text;
  if (text.size() < 3 || text.front() != 'P') {
    return no("ISO 8601 duration", whole);
  }
  text.remove_prefix(1);
  bool time = false;
  std::int64_t sum = 0;
  while (!text.empty()) {
    if (text.front() == 'T') {
      time = true;
      text.remove_prefix(1);
      continue;
    }
    std::int64_t number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    const auto digits = static_cast<size_t>(end - text.data());
    if (failure != std::errc() || number < 0 || digits >= text.size() ||
        unit_seconds(text[digits], time) == 0 || number > 1'000'000'000) {
      return no("ISO 8601 duration", whole);
    }
    sum += number * unit_seconds(text[digits], time);
    text.remove_prefix(digits + 1);
  }
  return sum;
}

std::string to_iso_duration(std::int64_t seconds) {
  if (seconds <= 0) {
    return "PT0S";
  }
  std::string out = "P";
  if (seconds >= kDay) {
    out += fmt::format("{}D", seconds / kDay);
  }
  if (seconds % kDay != 0) {
    out += "T";
    for (const auto& [size, unit] :
         {std::pair(kHour, 'H'), {kMinute, 'M'}, {std::int64_t{1}, 'S'}}) {
      const std::int64_t count = (seconds % kDay) / size % (size == kHour ? 24 : 60);
      out += count == 0 ? "" : fmt::format("{}{}", count, unit);
    }
  }
  return out;
}

Result<std::int64_t> parse_size(std::string_view text) {
  double number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string_view unit = text.substr(static_cast<size_t>(end - text.data()));
  if (failure != std::errc() || number < 0) {
    return no("size", text);
  }
  double factor = 1;
  if (!unit.empty()) {
    const size_t power =
        std::string_view("bkmgtp").find(static_cast<char>(unit.front() | 0x20));  // to lower case
    if (power == std::string_view::npos) {
      return no("size", text);
    }
    for (size_t i = 0; i < power; ++i) {
      factor *= 1024;
    }
    unit.remove_prefix(1);
    if (!unit.empty() && unit != "b" && unit != "B" && unit != "iB" && unit != "ib") {
      return no("size", text);
    }
  }
  return static_cast<std::int64_t>(number * factor);
}

Result<UtcTime> parse_time(std::string_view text) {
  std::string copy(text);
  const size_t n = copy.size();
  if (n > 5 && (copy[n - 5] == '+' || copy[n - 5] == '-') && copy.find(':') < n - 5) {
    copy.insert(n - 2, ":");
  }
  return parse_rfc3339(copy, true);
}

std::string to_time_text(UtcTime time) {
  std::string text = to_rfc3339(std::chrono::floor<std::chrono::seconds>(time));
  text.pop_back();
  return text + "+00:00";
}

bool is_one_of(std::string_view word, std::string_view bar_separated) {
  while (!bar_separated.empty()) {
    const std::string_view one = bar_separated.substr(0, bar_separated.find('|'));
    if (one == word) {
      return true;
    }
    bar_separated.remove_prefix(std::min(bar_separated.size(), one.size() + 1));
  }
  return false;
}

Outcome<Json> accept_scalar(const Field& field, const Json& value) {
  const auto wrong = [&](std::string_view what) {
    return bad(262197,
               fmt::format("The value {} is invalid for field \"{}\": it takes {}.", to_text(value),
                           field.path, what),
               std::string(field.path));
  };
  bool flag = false;
  const bool whole = value.is_int64() || (value.is_uint64() && value.as_uint64() < (1ULL << 63));
  switch (field.type) {
    case FieldType::kText:
      return value.is_string() ? Outcome<Json>(value) : wrong("text");
    case FieldType::kInteger:
      return whole ? Outcome<Json>(value.to_number<std::int64_t>()) : wrong("an integer");
    case FieldType::kSize: {
      if (whole && value.to_number<std::int64_t>() >= 0) {
        return Json(value.to_number<std::int64_t>());
      }
      const auto parsed =
          value.is_string() ? parse_size(value.as_string()) : Result<std::int64_t>(no("size", ""));
      return parsed ? Outcome<Json>(*parsed) : wrong("a number of bytes");
    }
    case FieldType::kNumber:
      return value.is_number() ? Outcome<Json>(value) : wrong("a number");
    case FieldType::kFlag:
      return read_flag(value, flag) ? Outcome<Json>(flag) : wrong("true or false");
    case FieldType::kTime: {
      const auto time =
          value.is_string() ? parse_time(value.as_string()) : Result<UtcTime>(no("time", ""));
      return time ? Outcome<Json>(to_time_text(*time)) : wrong("an RFC 3339 time");
    }
    case FieldType::kDuration: {
      const bool named =
          value.is_string() && is_one_of(value.as_string(), "infinite|unlimited|none");
      const bool good = named || (value.is_string() && parse_iso_duration(value.as_string()));
      return good ? Outcome<Json>(value) : wrong("an ISO 8601 duration such as P7D");
    }
    case FieldType::kEnum:
      return value.is_string() && is_one_of(value.as_string(), field.values)
                 ? Outcome<Json>(value)
                 : wrong(fmt::format("one of {}", field.values));
    default:
      return value;
  }
}

}  // namespace holdfast::ontap_sim
