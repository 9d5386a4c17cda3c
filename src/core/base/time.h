// Time values. Stored and computed time is UTC with nanoseconds; zones exist only in `schedule`.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace holdfast {

using Nanoseconds = std::chrono::nanoseconds;
// An instant since the Unix epoch, as POSIX counts it (no leap seconds).
using UtcTime = std::chrono::sys_time<Nanoseconds>;
// A reading of a clock that never steps; only differences mean something.
using MonoTime = std::chrono::time_point<std::chrono::steady_clock, Nanoseconds>;

// RFC 3339 in UTC, without trailing zeros in the fraction: 2026-11-24T02:00:00.5Z. Years 0..9999.
std::string to_rfc3339(UtcTime time);
// RFC 3339 with any offset, up to nanoseconds. `assume_utc` also accepts a text without an offset
// (and with a space for the T), which then is UTC.
Result<UtcTime> parse_rfc3339(std::string_view text, bool assume_utc = false);

// "1h2m", "35s", "120ms": for people.
std::string format_duration(Nanoseconds duration);
// "90s", "15m", "24h", "30d", "2w", also "15_minutes", "24 hours", "30_days"; kInvalidArgument
// else.
Result<Nanoseconds> parse_duration(std::string_view text);

}  // namespace holdfast
