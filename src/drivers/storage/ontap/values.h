// Times, durations and nested fields as ONTAP writes them.
#pragma once

#include <string>
#include <string_view>

#include "core/base/json.h"
#include "core/base/time.h"

namespace holdfast::storage::ontap {

// RFC 3339, also with an offset like +0000.
Result<UtcTime> parse_time(std::string_view text);
// ISO 8601: PT4M12S, P1DT2H, P2W, PT0.5S. Months and years are 30 and 365 days.
Result<Nanoseconds> parse_iso_duration(std::string_view text);
// A field of an object, null where there is none: for chains of get_string(at(at(v, "a"), "b"),
// "c").
const Json& at(const Json& value, std::string_view key);

}  // namespace holdfast::storage::ontap
