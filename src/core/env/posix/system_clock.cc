#include "core/env/posix/system_clock.h"

#include <chrono>

namespace holdfast::env {

SystemClock::SystemClock() : thread_([this] { run(); }) {}

SystemClock::~SystemClock() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

UtcTime SystemClock::now() { return std::chrono::system_clock::now(); }
MonoTime SystemClock::mono() { return std::chrono::steady_clock::now(); }

TimerId SystemClock::call_at(MonoTime when, std::move_only_function<void()> callback) {
  const std::lock_guard lock(mutex_);
  const TimerId id = next_id_++;
  timers_.emplace(when, Timer{id, std::move(callback)});
  due_[id] = when;
  if (when < wakes_) {
    wakes_ = when;
    changed_.notify_one();
  }
  return id;
}

bool SystemClock::cancel(TimerId id) {
  const std::lock_guard lock(mutex_);
  const auto due = due_.find(id);
  if (due == due_.end()) {
    return false;
  }
  auto [first, last] = timers_.equal_range(due->second);
  while (first != last && first->second.id != id) {
    ++first;
  }
  timers_.erase(first);
  due_.erase(due);
  return true;
}

void SystemClock::run() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    if (timers_.empty()) {
      wakes_ = MonoTime::max();
      changed_.wait(lock);
      continue;
    }
    const auto first = timers_.begin();
    if (first->first > mono()) {
      const MonoTime until = first->first;
      wakes_ = until;
      changed_.wait_until(lock, until);
      continue;
    }
    wakes_ = MonoTime::min();
    Timer timer = std::move(first->second);
    timers_.erase(first);
    due_.erase(timer.id);
    lock.unlock();
    timer.callback();
    lock.lock();
  }
}

}  // namespace holdfast::env
