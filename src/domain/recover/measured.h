// What recoveries really took: the basis of estimates.
#pragma once

#include <cstdint>
#include <string>

#include "core/db/database.h"

namespace holdfast::recover {

struct Measured {
  std::string run_id;
  std::uint64_t bytes = 0;
  std::int64_t seconds = 0;
  UtcTime at;
};

struct Estimate {
  std::int64_t p50_seconds = 0;
  std::int64_t p90_seconds = 0;
  std::int64_t samples = 0;  // 0: nothing was measured yet, and the estimate says nothing
};

db::Migrations measured_migrations();
Status record_measured(db::Connection& sql, const Measured& measured);
// Seconds for `bytes` from the newest hundred recoveries: quantiles of seconds and of seconds a
// byte, whichever is longer.
Result<Estimate> estimate_recovery(db::Connection& sql, std::uint64_t bytes);

}  // namespace holdfast::recover
