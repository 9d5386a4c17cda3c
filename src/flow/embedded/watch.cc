#include "flow/embedded/watch.h"

#include <vector>

namespace holdfast::flow::embedded {
std::shared_ptr<Waiter> Watch::watcher(RunId run) {
  // Its entry goes with it: most waits end because the run was looked at and had closed already.
  const auto forget = [weak = weak_from_this(), run](Waiter* waiter) {
    if (const auto self = weak.lock()) {
      self->forget_expired(run);
    }
    delete waiter;
  };
  const std::shared_ptr<Waiter> made(new Waiter(clock_), forget);
  const std::lock_guard lock(mutex_);
  watchers_.emplace(std::move(run), made);
  return made;
}

void Watch::forget_expired(const RunId& run) {
  const std::lock_guard lock(mutex_);
  const auto [first, last] = watchers_.equal_range(run);
  for (auto it = first; it != last;) {
    it = it->second.expired() ? watchers_.erase(it) : std::next(it);
  }
}

std::size_t Watch::watchers() {
  const std::lock_guard lock(mutex_);
  return watchers_.size();
}

void Watch::notify(const RunChange& change) {
  std::vector<std::shared_ptr<Waiter>> woken;
  std::vector<std::shared_ptr<Subscriber>> told;
  {
    const std::lock_guard lock(mutex_);
    if (!change.heartbeat) {
      const auto [first, last] = watchers_.equal_range(change.run_id);
      for (auto it = first; it != last; it = watchers_.erase(it)) {
        if (auto watcher = it->second.lock()) {
          woken.push_back(std::move(watcher));
        }
      }
    }
    for (const auto& [id, subscriber] : subscribers_) {
      told.push_back(subscriber);
    }
  }
  for (const auto& watcher : woken) {
    watcher->complete(true);
  }
  for (const auto& subscriber : told) {
    const std::lock_guard lock(subscriber->mutex);
    if (subscriber->callback) {
      subscriber->callback(change);
    }
  }
}

void Watch::stop() {
  std::vector<std::shared_ptr<Waiter>> woken;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [run, weak] : watchers_) {
      if (auto watcher = weak.lock()) {
        woken.push_back(std::move(watcher));
      }
    }
    watchers_.clear();
  }
  for (const auto& watcher : woken) {
    watcher->complete(true);
  }
}

std::unique_ptr<Subscription> Watch::subscribe(std::function<void(const RunChange&)> callback) {
  class Held final : public Subscription {
   public:
    Held(std::weak_ptr<Watch> watch, std::uint64_t id, std::shared_ptr<Subscriber> subscriber)
        : watch_(std::move(watch)), id_(id), subscriber_(std::move(subscriber)) {}
    ~Held() override {
      {
        const std::lock_guard lock(subscriber_->mutex);
        subscriber_->callback = nullptr;
      }
      if (const auto watch = watch_.lock()) {
        const std::lock_guard lock(watch->mutex_);
        watch->subscribers_.erase(id_);
      }
    }

   private:
    std::weak_ptr<Watch> watch_;
    std::uint64_t id_;
    std::shared_ptr<Subscriber> subscriber_;
  };
  auto subscriber = std::make_shared<Subscriber>();
  subscriber->callback = std::move(callback);
  const std::lock_guard lock(mutex_);
  const std::uint64_t id = next_subscriber_++;
  subscribers_.emplace(id, subscriber);
  return std::make_unique<Held>(weak_from_this(), id, std::move(subscriber));
}

}  // namespace holdfast::flow::embedded
