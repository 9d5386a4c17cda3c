#include "domain/schedule/zone.h"

#include <cctz/civil_time.h>
#include <cctz/time_zone.h>
#include <fmt/core.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace holdfast::schedule {
namespace {

using CctzSeconds = cctz::time_point<cctz::seconds>;

CctzSeconds to_cctz(UtcTime time) { return std::chrono::floor<cctz::seconds>(time); }

cctz::civil_day civil(const LocalTime& date) {
  return cctz::civil_day(date.year, date.month, date.day);
}

cctz::civil_second civil_time(const LocalTime& local) {
  return cctz::civil_second(local.year, local.month, local.day, local.hour, local.minute,
                            local.second);
}

}  // namespace

struct Zone::Data {
  cctz::time_zone zone;
};

LocalTime Zone::to_local(UtcTime time) const {
  const cctz::civil_second at = cctz::convert(to_cctz(time), data_->zone);
  return {static_cast<int>(at.year()), at.month(), at.day(), at.hour(), at.minute(), at.second()};
}

UtcTime Zone::to_utc(const LocalTime& local) const {
  const auto found = data_->zone.lookup(civil_time(local));
  // SKIPPED: `trans` is the first instant after the gap. REPEATED: `pre` is the first of the two.
  return found.kind == cctz::time_zone::civil_lookup::SKIPPED ? UtcTime(found.trans)
                                                              : UtcTime(found.pre);
}

std::optional<UtcTime> Zone::repetition(const LocalTime& local) const {
  const auto found = data_->zone.lookup(civil_time(local));
  return found.kind == cctz::time_zone::civil_lookup::REPEATED ? std::optional<UtcTime>(found.post)
                                                               : std::nullopt;
}

std::string Zone::text(UtcTime time) const {
  return cctz::format("%Y-%m-%d %H:%M:%S %Z", to_cctz(time), data_->zone);
}

Result<Zone> find_zone(std::string_view name) {
  Zone zone;
  zone.name_ = name.empty() ? "UTC" : std::string(name);
  auto data = std::make_shared<Zone::Data>();
  const bool plain = zone.name_.find("..") == std::string::npos && zone.name_.front() != '/';
  if (!plain || !cctz::load_time_zone(zone.name_, &data->zone)) {
    return Error(Code::kInvalidArgument,
                 fmt::format("'{}' is no time zone: use an IANA name such as Europe/Berlin", name));
  }
  zone.data_ = std::move(data);
  return zone;
}

std::string system_zone_name() {
  constexpr std::string_view kZoneDir = "zoneinfo/";
  std::string name;
  if (const char* variable = std::getenv("TZ"); variable != nullptr && *variable != '\0') {
    name = *variable == ':' ? variable + 1 : variable;
  } else if (std::ifstream file("/etc/timezone"); !std::getline(file, name) || name.empty()) {
    std::error_code failure;
    const std::string link = std::filesystem::read_symlink("/etc/localtime", failure).string();
    const size_t at = link.find(kZoneDir);
    name = at == std::string::npos ? "UTC" : link.substr(at + kZoneDir.size());
  }
  return find_zone(name) ? name : "UTC";
}

int weekday(const LocalTime& date) {
  return (static_cast<int>(cctz::get_weekday(civil(date))) + 1) % 7;
}

int days_in_month(int year, int month) {
  const cctz::civil_month start(year, month);
  return static_cast<int>(cctz::civil_day(start + 1) - cctz::civil_day(start));
}

LocalTime add_days(const LocalTime& date, int days) {
  const cctz::civil_day moved = civil(date) + days;
  LocalTime result = date;
  result.year = static_cast<int>(moved.year());
  result.month = moved.month();
  result.day = moved.day();
  return result;
}

}  // namespace holdfast::schedule
