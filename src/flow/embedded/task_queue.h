// One queue of activity attempts: which of those that wait begins next, and when.
//
// An attempt begins when a place is free and the rate allows it: the most urgent first, then in the
// order in which they came. Urgent work that never ends keeps the rest waiting; that is what it is
// for.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "core/async/pool.h"
#include "core/env/clock.h"
#include "flow/embedded/engine.h"

namespace holdfast::flow::embedded {

// Made by make(); thread-safe.
class TaskQueue : public std::enable_shared_from_this<TaskQueue> {
 public:
  static std::shared_ptr<TaskQueue> make(const std::string& name, QueueOptions options,
                                         env::Clock& clock);

  // Runs `work` on a thread of the queue when its turn comes. Priority 1 is the most urgent.
  void post(int priority, std::function<void()> work);
  // Gives the place back: once for every work that has begun, when all that it began has ended.
  void leave();
  // Why what waits here does not run, one phrase; empty when nothing has to wait.
  std::string reason() const;
  // Begins nothing more, and waits for what runs on the threads.
  void stop();
  async::Executor executor() const { return pool_->executor(); }

 private:
  TaskQueue(const std::string& name, QueueOptions options, env::Clock& clock);
  void begin_locked();
  bool rate_allows_locked();

  const std::string name_;
  const QueueOptions options_;
  env::Clock& clock_;
  mutable std::mutex mutex_;
  std::map<std::pair<int, std::uint64_t>, std::function<void()>> waiting_;
  std::uint64_t last_ = 0;
  int taken_ = 0;
  MonoTime next_start_{};
  bool timer_armed_ = false;
  bool stopped_ = false;
  std::unique_ptr<async::Pool> pool_;
};

}  // namespace holdfast::flow::embedded
