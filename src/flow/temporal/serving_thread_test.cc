#include "flow/temporal/serving_thread.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <latch>
#include <optional>

#include "core/env/posix/system_clock.h"

namespace holdfast::flow::temporal {
namespace {

// A queue of handlers; an empty one at its end.
class Queue {
 public:
  void push(ServingThread::Handler handler) {
    const std::lock_guard lock(mutex_);
    handlers_.push_back(std::move(handler));
    come_.notify_one();
  }
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    come_.notify_all();
  }
  ServingThread::Next next() {
    return [this]() -> ServingThread::Handler {
      std::unique_lock lock(mutex_);
      come_.wait(lock, [this] { return closed_ || !handlers_.empty(); });
      if (handlers_.empty()) {
        return nullptr;
      }
      ServingThread::Handler first = std::move(handlers_.front());
      handlers_.pop_front();
      return first;
    };
  }

 private:
  std::mutex mutex_;
  std::condition_variable come_;
  std::deque<ServingThread::Handler> handlers_;
  bool closed_ = false;
};

TEST(ServingThread, HandlesInOrderOnOneThread) {
  env::SystemClock clock;
  Queue queue;
  std::vector<int> order;
  std::vector<std::thread::id> threads;
  for (int i = 0; i < 100; ++i) {
    queue.push([&, i] {
      order.push_back(i);
      threads.push_back(std::this_thread::get_id());
    });
  }
  queue.close();
  {
    const ServingThread serving(clock, queue.next());
  }
  ASSERT_EQ(order.size(), 100u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  EXPECT_TRUE(std::all_of(threads.begin(), threads.end(),
                          [&](std::thread::id id) { return id == threads.front(); }));
}

TEST(ServingThread, HandlersThatBlockDoNotStopWhatComesAfterThem) {
  env::SystemClock clock;
  Queue queue;
  std::latch free(3);
  std::atomic<int> over = 0;
  std::optional<ServingThread> serving(std::in_place, clock, queue.next());
  // Two wait for the third, which comes after them.
  queue.push([&] {
    free.arrive_and_wait();
    ++over;
  });
  queue.push([&] {
    free.arrive_and_wait();
    ++over;
  });
  queue.push([&] { free.count_down(); });
  free.wait();
  for (int i = 0; i < 50; ++i) {
    queue.push([&] { ++over; });
  }
  queue.close();
  serving.reset();
  EXPECT_EQ(over, 52);
}

}  // namespace
}  // namespace holdfast::flow::temporal
