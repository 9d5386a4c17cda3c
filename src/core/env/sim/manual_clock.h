// A clock that moves only when told: tests and simulations.
#pragma once

#include <map>
#include <mutex>

#include "core/env/clock.h"

namespace holdfast::env {

class ManualClock final : public Clock {
 public:
  explicit ManualClock(UtcTime start) : start_(start), now_(start) {}

  UtcTime now() override;
  MonoTime mono() override;
  TimerId call_at(MonoTime when, std::move_only_function<void()> callback) override;
  bool cancel(TimerId id) override;

  // Moves time forward and runs, on this thread and in order of time, every timer that comes due,
  // each at its own instant; timers set by callbacks are included.
  void advance(Nanoseconds step);
  // Moves to the next pending timer and runs it; false when none is pending.
  bool advance_to_next();
  // Runs what is due at this instant: a timer that was set for now, or for what has passed already.
  // False when nothing is.
  bool run_overdue();
  size_t pending() const;

 private:
  void run_due(MonoTime until);

  mutable std::mutex mutex_;
  UtcTime start_;
  UtcTime now_;
  std::map<std::pair<MonoTime, TimerId>, std::move_only_function<void()>> timers_;
  TimerId next_id_ = 1;
};

}  // namespace holdfast::env
