#include "domain/schedule/retention.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace holdfast::schedule {
namespace {

struct UnitName {
  std::string_view singular;
  Retention::Unit unit;
};
constexpr std::array<UnitName, 5> kUnits{{{"hour", Retention::Unit::kHours},
                                          {"day", Retention::Unit::kDays},
                                          {"week", Retention::Unit::kWeeks},
                                          {"month", Retention::Unit::kMonths},
                                          {"year", Retention::Unit::kYears}}};
constexpr int kMaxCount = 100'000;

LocalTime add_months(LocalTime date, int months) {
  const int index = date.year * 12 + (date.month - 1) + months;
  date.year = index / 12;
  date.month = index % 12 + 1;
  date.day = std::min(date.day, days_in_month(date.year, date.month));
  return date;
}

// When the longest of the texts ends; nullopt: never. Texts that do not parse keep for ever.
std::optional<UtcTime> longest(const std::vector<std::string>& retentions, const Zone& zone,
                               UtcTime time) {
  std::optional<UtcTime> latest = UtcTime::min();
  for (const std::string& text : retentions) {
    const auto retention = parse_retention(text);
    const auto end = retention ? expires_at(*retention, zone, time) : std::nullopt;
    if (!end) {
      return std::nullopt;
    }
    latest = std::max(*latest, *end);
  }
  return latest;
}

}  // namespace

Result<Retention> parse_retention(std::string_view text) {
  if (text.empty() || text == "0" || text == "none" || text == "forever") {
    return Retention();
  }
  Retention retention;
  const auto [end, failure] =
      std::from_chars(text.data(), text.data() + text.size(), retention.count);
  std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  while (!unit.empty() && (unit.front() == '_' || unit.front() == ' ')) {
    unit.remove_prefix(1);
  }
  for (const UnitName& name : kUnits) {
    const bool plural = unit.ends_with('s') && unit.substr(0, unit.size() - 1) == name.singular;
    if (failure == std::errc() && (unit == name.singular || plural) && retention.count >= 0 &&
        retention.count <= kMaxCount) {
      retention.unit = name.unit;
      return retention;
    }
  }
  return Error(
      Code::kInvalidArgument,
      fmt::format("'{}' is no retention such as 30_days, 12_weeks, 12_months or 7_years", text));
}

std::optional<UtcTime> expires_at(const Retention& retention, const Zone& zone, UtcTime time) {
  if (retention.count == 0) {
    return std::nullopt;
  }
  if (retention.unit == Retention::Unit::kHours) {
    return time + std::chrono::hours(retention.count);
  }
  LocalTime date = zone.to_local(time);
  switch (retention.unit) {
    case Retention::Unit::kWeeks:
      date = add_days(date, 7 * retention.count);
      break;
    case Retention::Unit::kMonths:
      date = add_months(date, retention.count);
      break;
    case Retention::Unit::kYears:
      date = add_months(date, 12 * retention.count);
      break;
    default:
      date = add_days(date, retention.count);
      break;
  }
  if (date.year > 2200) {
    return std::nullopt;
  }
  return zone.to_utc(date);
}

std::vector<Decision> plan_retention(const std::vector<KeptPoint>& points, UtcTime now) {
  const auto newest =
      std::max_element(points.begin(), points.end(),
                       [](const KeptPoint& a, const KeptPoint& b) { return a.time < b.time; });
  std::vector<Decision> plan;
  for (const KeptPoint& point : points) {
    Decision decision;
    decision.id = point.id;
    std::vector<std::string> retentions = point.retentions;
    if (point.manual) {
      retentions.emplace_back(kManualRetention);
    }
    decision.expires =
        retentions.empty() ? std::nullopt : longest(retentions, point.zone, point.time);
    if (&point == &*newest) {
      decision.reason = "the newest point";
    } else if (point.last_proven) {
      decision.reason = "the last proven point";
    } else if (!decision.expires) {
      decision.reason = retentions.empty() ? "no retention was given" : "kept for ever";
    } else if (now < *decision.expires) {
      decision.reason = "within its retention";
    } else {
      decision.keep = false;
      decision.reason = "its retention has passed";
    }
    plan.push_back(std::move(decision));
  }
  return plan;
}

}  // namespace holdfast::schedule
