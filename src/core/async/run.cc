#include "core/async/run.h"

#include <condition_variable>
#include <memory>
#include <mutex>

namespace holdfast::async {

bool wait_blocking(env::Clock& clock, Nanoseconds duration, std::stop_token stop) {
  struct Waiting {
    std::mutex mutex;
    std::condition_variable_any changed;
    bool due = false;
  };
  const auto waiting = std::make_shared<Waiting>();
  const env::TimerId timer = clock.call_at(clock.mono() + duration, [waiting] {
    const std::lock_guard lock(waiting->mutex);
    waiting->due = true;
    waiting->changed.notify_all();
  });
  std::unique_lock lock(waiting->mutex);
  const bool due = waiting->changed.wait(lock, stop, [&] { return waiting->due; });
  lock.unlock();
  clock.cancel(timer);
  return due;
}

}  // namespace holdfast::async
