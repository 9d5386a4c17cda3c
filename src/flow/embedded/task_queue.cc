#include "flow/embedded/task_queue.h"

#include <fmt/core.h>

namespace holdfast::flow::embedded {

TaskQueue::TaskQueue(const std::string& name, QueueOptions options, env::Clock& clock)
    : name_(name),
      options_(options),
      clock_(clock),
      pool_(std::make_unique<async::Pool>("q-" + name, options.places)) {}

std::shared_ptr<TaskQueue> TaskQueue::make(const std::string& name, QueueOptions options,
                                           env::Clock& clock) {
  return std::shared_ptr<TaskQueue>(new TaskQueue(name, options, clock));
}

void TaskQueue::post(int priority, std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  waiting_.emplace(std::pair(priority, ++last_), std::move(work));
  begin_locked();
}

void TaskQueue::leave() {
  const std::lock_guard lock(mutex_);
  --taken_;
  begin_locked();
}

void TaskQueue::begin_locked() {
  while (!stopped_ && !waiting_.empty() && taken_ < options_.places && rate_allows_locked()) {
    ++taken_;
    pool_->post(std::move(waiting_.begin()->second));
    waiting_.erase(waiting_.begin());
  }
}

bool TaskQueue::rate_allows_locked() {
  if (options_.starts_per_second <= 0) {
    return true;
  }
  const MonoTime now = clock_.mono();
  if (now >= next_start_) {
    next_start_ = now + Nanoseconds(static_cast<std::int64_t>(1e9 / options_.starts_per_second));
    return true;
  }
  if (!std::exchange(timer_armed_, true)) {
    clock_.call_at(next_start_, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) {
        const std::lock_guard lock(self->mutex_);
        self->timer_armed_ = false;
        self->begin_locked();
      }
    });
  }
  return false;
}

std::string TaskQueue::reason() const {
  const std::lock_guard lock(mutex_);
  if (taken_ >= options_.places) {
    return fmt::format("all {} places of queue {} are taken", options_.places, name_);
  }
  return timer_armed_ ? fmt::format("queue {} begins at most {:g} a second", name_,
                                    options_.starts_per_second)
                      : std::string();
}

void TaskQueue::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    waiting_.clear();
  }
  pool_.reset();
}

}  // namespace holdfast::flow::embedded
