// Cron texts: what parses has its next occurrence after now, and the one before it is not later.
#include <cstdint>
#include <string_view>

#include "core/base/check.h"
#include "domain/schedule/calendar.h"
#include "domain/schedule/retention.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace schedule = holdfast::schedule;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(schedule::parse_retention(text));
  const auto rule = schedule::parse_cron(text);
  if (!rule) {
    return 0;
  }
  static const schedule::Zone zone = *schedule::find_zone("Europe/Berlin");
  const holdfast::UtcTime now{std::chrono::seconds(1'774'749'600)};
  if (const auto next = schedule::next_after(*rule, zone, now)) {
    HF_CHECK(*next > now, "the next occurrence is later");
    HF_CHECK(*schedule::previous_before(*rule, zone, *next + holdfast::Nanoseconds(1)) == *next,
             "and found from behind");
  }
  return 0;
}
