// Time zones: the only place of Holdfast that knows local time (CCTZ, the system's zone data).
//
// Daylight saving, stated once: a local time that does not exist (gap) means the first instant
// after the gap; one that exists twice (repetition) means the first of the two.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/base/time.h"

namespace holdfast::schedule {

// A civil date and time of day, without a zone. Fields in their usual ranges.
struct LocalTime {
  int year = 1970;
  int month = 1;
  int day = 1;
  int hour = 0;
  int minute = 0;
  int second = 0;

  auto operator<=>(const LocalTime&) const = default;
};

class Zone {
 public:
  const std::string& name() const { return name_; }
  // The local time of an instant; the fraction of a second is dropped.
  LocalTime to_local(UtcTime time) const;
  // The instant of a local time, by the rule above.
  UtcTime to_utc(const LocalTime& local) const;
  // The second of the two instants of a local time that exists twice; nullopt for all others.
  std::optional<UtcTime> repetition(const LocalTime& local) const;
  // "2026-11-24 02:00:00 CET"
  std::string text(UtcTime time) const;

 private:
  friend Result<Zone> find_zone(std::string_view name);
  struct Data;
  std::string name_;
  std::shared_ptr<const Data> data_;
};

// A zone of the IANA data by name; kInvalidArgument for an unknown one. "" means UTC.
Result<Zone> find_zone(std::string_view name);

// The name of this machine's zone (TZ, /etc/timezone or /etc/localtime); UTC when there is none.
std::string system_zone_name();

// 0 = Sunday .. 6 = Saturday.
int weekday(const LocalTime& date);
int days_in_month(int year, int month);
// The date `days` later (or earlier), same time of day.
LocalTime add_days(const LocalTime& date, int days);

}  // namespace holdfast::schedule
