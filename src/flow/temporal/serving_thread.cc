#include "flow/temporal/serving_thread.h"

#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "core/base/log.h"

namespace holdfast::flow::temporal {
namespace {

constexpr Nanoseconds kPatience = std::chrono::milliseconds(100);

}  // namespace

class ServingThread::State : public std::enable_shared_from_this<State> {
 public:
  State(env::Clock& clock, Next next) : clock_(clock), next_(std::move(next)) {}

  void start() {
    const std::lock_guard lock(mutex_);
    start_thread();
  }

  // Threads may be replaced while this waits for them.
  void join() {
    std::unique_lock lock(mutex_);
    while (!threads_.empty()) {
      std::thread thread = std::move(threads_.back());
      threads_.pop_back();
      lock.unlock();
      thread.join();
      lock.lock();
    }
    over_ = true;
    clock_.cancel(timer_);
  }

 private:
  void start_thread() {
    threads_.emplace_back([this, number = ++serving_] { serve(number); });
  }

  void serve(std::uint64_t number) {
    while (Handler handler = next_()) {
      begin(number);
      handler();
      if (!end(number)) {
        return;
      }
    }
  }

  void begin(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    ++events_;
    handling_ = handling_ || number == serving_;
    if (!watched_) {
      watched_ = true;
      watch();
    }
  }

  // False: the thread was replaced.
  bool end(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    handling_ = handling_ && number != serving_;
    return number == serving_;
  }

  void watch() {
    timer_ = clock_.call_at(clock_.mono() + kPatience, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) {
        self->look();
      }
    });
  }

  void look() {
    const std::lock_guard lock(mutex_);
    const bool still = events_ == std::exchange(seen_, events_);
    if (over_ || (still && !handling_)) {
      watched_ = false;  // until the next event
      return;
    }
    if (still) {
      log_info("temporal.thread_replaced", {{"events", events_}});
      handling_ = false;
      start_thread();
    }
    watch();
  }

  env::Clock& clock_;
  const Next next_;
  std::mutex mutex_;
  std::uint64_t serving_ = 0;  // number of the thread that serves
  std::uint64_t events_ = 0;   // begun so far
  std::uint64_t seen_ = 0;     // of them at the last look
  bool handling_ = false;      // the thread that serves is in a handler
  bool watched_ = false;
  bool over_ = false;
  env::TimerId timer_ = 0;
  std::vector<std::thread> threads_;
};

ServingThread::ServingThread(env::Clock& clock, Next next)
    : state_(std::make_shared<State>(clock, std::move(next))) {
  state_->start();
}
ServingThread::~ServingThread() { state_->join(); }

}  // namespace holdfast::flow::temporal
