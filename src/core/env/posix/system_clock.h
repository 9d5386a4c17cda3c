// The machine's clocks, with one thread that serves call_at.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "core/env/clock.h"

namespace holdfast::env {

class SystemClock final : public Clock {
 public:
  SystemClock();
  // Drops pending timers and joins the thread.
  ~SystemClock() override;

  UtcTime now() override;
  MonoTime mono() override;
  TimerId call_at(MonoTime when, std::move_only_function<void()> callback) override;
  bool cancel(TimerId id) override;

 private:
  struct Timer {
    TimerId id = 0;
    std::move_only_function<void()> callback;
  };
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<MonoTime, Timer> timers_;
  std::map<TimerId, MonoTime> due_;
  TimerId next_id_ = 1;
  MonoTime wakes_ = MonoTime::min();  // when the thread looks again by itself
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace holdfast::env
