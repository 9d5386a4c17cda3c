#include "flow/embedded/watch.h"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <vector>

namespace holdfast::flow::embedded {
namespace {

namespace asio = boost::asio;

}  // namespace

// Completes its handler once: by a change, by time, or by cancellation.
class Watcher : public std::enable_shared_from_this<Watcher> {
 public:
  explicit Watcher(env::Clock& clock) : clock_(clock) {}

  // Takes the handler; completes at once when the change has come.
  void begin(std::move_only_function<void(bool)> handler, std::optional<MonoTime> until) {
    std::unique_lock lock(mutex_);
    if (changed_) {
      lock.unlock();
      handler(true);
      return;
    }
    handler_ = std::move(handler);
    if (until) {
      timer_ = clock_.call_at(*until, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) {
          self->complete(false);
        }
      });
    }
  }

  void complete(bool change) {
    std::move_only_function<void(bool)> handler;
    env::TimerId timer = 0;
    {
      const std::lock_guard lock(mutex_);
      changed_ = changed_ || change;
      handler = std::exchange(handler_, nullptr);
      timer = std::exchange(timer_, 0);
    }
    if (handler) {
      if (timer != 0) {
        clock_.cancel(timer);
      }
      handler(change);
    }
  }

 private:
  env::Clock& clock_;
  std::mutex mutex_;
  bool changed_ = false;
  std::move_only_function<void(bool)> handler_;
  env::TimerId timer_ = 0;
};

std::shared_ptr<Watcher> Watch::watcher(RunId run) {
  auto made = std::make_shared<Watcher>(clock_);
  const std::lock_guard lock(mutex_);
  const auto [first, last] = watchers_.equal_range(run);
  for (auto it = first; it != last;) {
    it = it->second.expired() ? watchers_.erase(it) : std::next(it);
  }
  watchers_.emplace(std::move(run), made);
  return made;
}

async::Co<bool> Watch::wait(std::shared_ptr<Watcher> watcher, std::optional<MonoTime> until) {
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(bool)>(
      [watcher, until](auto handler) {
        auto executor = asio::get_associated_executor(handler);
        auto slot = asio::get_associated_cancellation_slot(handler);
        if (slot.is_connected()) {
          slot.assign([weak = std::weak_ptr(watcher)](asio::cancellation_type) {
            if (const auto alive = weak.lock()) {
              alive->complete(false);
            }
          });
        }
        watcher->begin(
            [executor, taken = std::move(handler)](bool changed) mutable {
              asio::post(executor, [done = std::move(taken), changed]() mutable {
                std::move(done)(changed);
              });
            },
            until);
      },
      asio::use_awaitable);
}

void Watch::notify(const RunChange& change) {
  std::vector<std::shared_ptr<Watcher>> woken;
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
  std::vector<std::shared_ptr<Watcher>> woken;
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
