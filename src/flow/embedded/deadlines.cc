#include "flow/embedded/deadlines.h"

#include <algorithm>
#include <vector>

namespace holdfast::flow::embedded {
namespace {

// The wall clock may be set; looking again this often bounds how late a timer can be.
constexpr Nanoseconds kLongestWait = std::chrono::minutes(5);

}  // namespace

std::uint64_t Deadlines::mark() const {
  const std::lock_guard lock(mutex_);
  return asked_;
}

void Deadlines::put_locked(const RunId& run, std::optional<Time> time) {
  if (const auto found = times_.find(run); found != times_.end()) {
    order_.erase({found->second.when, run});
    times_.erase(found);
  }
  if (time && !stopped_) {
    times_.emplace(run, *time);
    order_.emplace(time->when, run);
  }
  arm_locked();
}

void Deadlines::set(const RunId& run, std::optional<UtcTime> when, std::uint64_t mark) {
  const std::lock_guard lock(mutex_);
  const auto found = times_.find(run);
  if (found != times_.end() && found->second.asked > mark) {
    const Time asked = found->second;
    put_locked(run, Time{std::min(when.value_or(asked.when), asked.when), asked.asked});
    return;
  }
  put_locked(run, when ? std::optional(Time{*when}) : std::nullopt);
}

void Deadlines::set_earlier(const RunId& run, UtcTime when) {
  const std::lock_guard lock(mutex_);
  const auto found = times_.find(run);
  const UtcTime first = found == times_.end() ? when : std::min(found->second.when, when);
  put_locked(run, Time{first, ++asked_});
}

void Deadlines::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  times_.clear();
  order_.clear();
  arm_locked();
}

void Deadlines::arm_locked() {
  if (order_.empty()) {
    if (timer_ != 0) {
      clock_.cancel(std::exchange(timer_, 0));
    }
    return;
  }
  const UtcTime first = order_.begin()->first;
  if (timer_ != 0 && armed_for_ == first) {
    return;
  }
  if (timer_ != 0) {
    clock_.cancel(timer_);
  }
  armed_for_ = first;
  const Nanoseconds wait = std::min(std::max(first - clock_.now(), Nanoseconds(0)), kLongestWait);
  timer_ = clock_.call_at(clock_.mono() + wait, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) {
      self->fire();
    }
  });
}

void Deadlines::fire() {
  std::vector<RunId> due;
  {
    const std::lock_guard lock(mutex_);
    timer_ = 0;
    const UtcTime now = clock_.now();
    while (!order_.empty() && order_.begin()->first <= now) {
      due.push_back(order_.begin()->second);
      times_.erase(order_.begin()->second);
      order_.erase(order_.begin());
    }
    arm_locked();
  }
  for (const RunId& run : due) {
    due_(run);
  }
}

}  // namespace holdfast::flow::embedded
