// One wait of a coroutine for something that happens once: a change, time, or its cancellation.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "core/async/co.h"
#include "core/env/clock.h"

namespace holdfast::flow::embedded {

// Made before the look at what it waits for, so that nothing is missed in between. Thread-safe.
class Waiter : public std::enable_shared_from_this<Waiter> {
 public:
  explicit Waiter(env::Clock& clock) : clock_(clock) {}

  // Ends the wait, now or when it begins. The first call counts.
  void complete(bool happened);

 private:
  friend async::Co<bool> wait(std::shared_ptr<Waiter> waiter, std::optional<MonoTime> until);
  void begin(std::move_only_function<void(bool)> handler, std::optional<MonoTime> until);

  env::Clock& clock_;
  std::mutex mutex_;
  bool happened_ = false;
  std::move_only_function<void(bool)> handler_;
  env::TimerId timer_ = 0;
};

// True: it happened, or had happened before; false: `until` has passed or the coroutine was
// cancelled. Once per waiter.
async::Co<bool> wait(std::shared_ptr<Waiter> waiter, std::optional<MonoTime> until);

}  // namespace holdfast::flow::embedded
