#include "core/env/sim/manual_clock.h"

namespace holdfast::env {

UtcTime ManualClock::now() {
  const std::lock_guard lock(mutex_);
  return now_;
}

MonoTime ManualClock::mono() {
  const std::lock_guard lock(mutex_);
  return MonoTime(now_ - start_);
}

TimerId ManualClock::call_at(MonoTime when, std::move_only_function<void()> callback) {
  const std::lock_guard lock(mutex_);
  const TimerId id = next_id_++;
  timers_.emplace(std::pair(when, id), std::move(callback));
  return id;
}

bool ManualClock::cancel(TimerId id) {
  const std::lock_guard lock(mutex_);
  return std::erase_if(timers_, [id](const auto& timer) { return timer.first.second == id; }) > 0;
}

void ManualClock::run_due(MonoTime until) {
  std::unique_lock lock(mutex_);
  while (!timers_.empty() && timers_.begin()->first.first <= until) {
    const MonoTime due = timers_.begin()->first.first;
    auto callback = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    now_ = std::max(now_, start_ + due.time_since_epoch());
    lock.unlock();
    callback();
    lock.lock();
  }
  now_ = std::max(now_, start_ + until.time_since_epoch());
}

void ManualClock::advance(Nanoseconds step) { run_due(mono() + step); }

bool ManualClock::advance_to_next() {
  MonoTime due;
  {
    const std::lock_guard lock(mutex_);
    if (timers_.empty()) {
      return false;
    }
    due = timers_.begin()->first.first;
  }
  run_due(due);
  return true;
}

bool ManualClock::run_overdue() {
  MonoTime now;
  {
    const std::lock_guard lock(mutex_);
    now = MonoTime(now_ - start_);
    if (timers_.empty() || timers_.begin()->first.first > now) {
      return false;
    }
  }
  run_due(now);
  return true;
}

size_t ManualClock::pending() const {
  const std::lock_guard lock(mutex_);
  return timers_.size();
}

}  // namespace holdfast::env
