// How far a run is, for people: percent, rate and the time that is left.
#pragma once

#include <cstdint>
#include <string>

#include "core/base/json.h"
#include "core/env/clock.h"

namespace holdfast::cli {

// Watches one run. Bytes count per activity, as heartbeats do; the rate is the mean since the
// activity was first seen. The total of a restore is its proposal's; of a backup, the size of the
// resource's newest point, which is a guess: it never shows more than 99 %.
class ProgressMeter {
 public:
  // 0: unknown.
  void expect_backup_bytes(std::uint64_t bytes) { backup_bytes_ = bytes; }
  // "scheduled_backup running: local_snapshot, 42%, 12 files, 1.2 GiB of 2.9 GiB, 85.0 MiB/s, 20.0s
  // left".
  std::string line(const Json& run, MonoTime now);

 private:
  std::string bytes_part(std::uint64_t done, std::uint64_t total, MonoTime now) const;

  std::uint64_t backup_bytes_ = 0;
  std::string activity_;
  std::uint64_t first_bytes_ = 0;
  MonoTime first_seen_{};
};

}  // namespace holdfast::cli
