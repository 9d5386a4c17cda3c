#include "core/async/run.h"

#include <gtest/gtest.h>

#include "core/env/sim/manual_clock.h"

namespace holdfast::async {
namespace {

using std::chrono::seconds;

Co<Result<int>> twice(int value) { co_return value * 2; }

Co<Result<int>> on_other_pool(Pool& pool, int value) {
  HF_CO_TRY(const int doubled, co_await twice(value));
  const auto here = std::this_thread::get_id();
  const auto there = co_await run_on(pool, [] { return std::this_thread::get_id(); });
  co_return here == there ? -1 : doubled;
}

TEST(RunOn, MovesWorkToThePoolAndComesBack) {
  Pool io("io", 1);
  Pool cpu("cpu", 2);
  EXPECT_EQ(block_on(io.executor(), on_other_pool(cpu, 21)).value(), 42);
}

TEST(Sleep, EndsWhenTheClockSaysSo) {
  Pool io("io", 1);
  env::ManualClock clock{UtcTime(seconds(0))};
  auto result =
      boost::asio::co_spawn(io.executor(), sleep_for(clock, seconds(10)), boost::asio::use_future);
  while (clock.pending() == 0) {
    std::this_thread::yield();
  }
  clock.advance(seconds(9));
  EXPECT_EQ(clock.pending(), 1u);
  clock.advance(seconds(1));
  EXPECT_TRUE(result.get());
}

TEST(WaitBlocking, EndsByTheClockOrByTheStop) {
  env::ManualClock clock{UtcTime(seconds(0))};
  std::thread mover([&clock] {
    while (clock.pending() == 0) {
      std::this_thread::yield();
    }
    clock.advance(seconds(5));
  });
  EXPECT_TRUE(wait_blocking(clock, seconds(5), {}));
  mover.join();
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(wait_blocking(clock, seconds(5), stop.get_token()));
  EXPECT_EQ(clock.pending(), 0u);
}

}  // namespace
}  // namespace holdfast::async
