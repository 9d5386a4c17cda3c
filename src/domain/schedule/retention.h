// How long points are kept: by calendar age, as the policies' schedules promise.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/schedule/zone.h"

namespace holdfast::schedule {

// "30_days", "12 weeks", "12_months", "7_years". Months and years are calendar months: a point of
// 31 January kept for one month stays until the end of 28 (29) February.
struct Retention {
  enum class Unit { kHours, kDays, kWeeks, kMonths, kYears };
  int count = 0;  // 0: keep for ever
  Unit unit = Unit::kDays;
};

// Empty, "0", "none" and "forever" keep for ever; kInvalidArgument for what is not understood.
Result<Retention> parse_retention(std::string_view text);

// The first instant at which a point of `time` may go: the same local time of day, that much later.
// nullopt: never.
std::optional<UtcTime> expires_at(const Retention& retention, const Zone& zone, UtcTime time);

// A point as retention sees it.
struct KeptPoint {
  std::string id;
  UtcTime time;
  std::vector<std::string> retentions;  // of every schedule whose run made it, as written
  bool manual = false;                  // kept 30 days
  bool last_proven = false;             // the newest point with a proof
  Zone zone;
};

struct Decision {
  std::string id;
  bool keep = true;
  std::string reason;  // one short phrase
  std::optional<UtcTime> expires;
};

inline constexpr std::string_view kManualRetention = "30_days";

// Decides over all points of one resource. The newest point and the last proven one are always
// kept; of several labels the longest wins; a point without any label that is not manual is kept,
// since nobody said how long. Pure: the same input gives the same plan, in the order of the input.
std::vector<Decision> plan_retention(const std::vector<KeptPoint>& points, UtcTime now);

}  // namespace holdfast::schedule
