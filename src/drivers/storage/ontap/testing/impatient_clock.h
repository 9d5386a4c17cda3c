// For tests: a clock on which short waits are over at once and long ones never end.
#pragma once

#include <mutex>
#include <vector>

#include "core/env/clock.h"

namespace holdfast::storage::ontap::testing {

// Delays between attempts and polls are short, deadlines of requests half a minute or more: a test
// then runs as fast as the peer answers, and time has passed as if it had waited.
class ImpatientClock final : public env::Clock {
 public:
  UtcTime now() override {
    const std::lock_guard lock(mutex_);
    return UtcTime(std::chrono::seconds(1'800'000'000)) + passed_;
  }
  MonoTime mono() override {
    const std::lock_guard lock(mutex_);
    return MonoTime(passed_);
  }
  env::TimerId call_at(MonoTime when, std::move_only_function<void()> callback) override {
    {
      const std::lock_guard lock(mutex_);
      const Nanoseconds wait = when - MonoTime(passed_);
      if (wait >= std::chrono::seconds(30)) {
        return 1;
      }
      waits_.push_back(wait);
      passed_ += std::max(wait, Nanoseconds(0));
    }
    callback();
    return 1;
  }
  bool cancel(env::TimerId) override { return true; }

  std::vector<Nanoseconds> waits() {
    const std::lock_guard lock(mutex_);
    return waits_;
  }
  void pass(Nanoseconds time) {
    const std::lock_guard lock(mutex_);
    passed_ += time;
  }

 private:
  std::mutex mutex_;
  Nanoseconds passed_{0};
  std::vector<Nanoseconds> waits_;
};

}  // namespace holdfast::storage::ontap::testing
