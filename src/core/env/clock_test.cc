#include "core/env/clock.h"

#include <gtest/gtest.h>

#include <future>

#include "core/env/posix/system_clock.h"
#include "core/env/posix/system_random.h"
#include "core/env/sim/manual_clock.h"
#include "core/env/sim/seeded_random.h"

namespace holdfast::env {
namespace {

using std::chrono::seconds;

TEST(ManualClock, FiresTimersInOrderAtTheirOwnInstant) {
  ManualClock clock{UtcTime(seconds(1000))};
  std::vector<std::pair<int, UtcTime>> fired;
  clock.call_at(MonoTime(seconds(20)), [&] { fired.emplace_back(2, clock.now()); });
  clock.call_at(MonoTime(seconds(10)), [&] {
    fired.emplace_back(1, clock.now());
    clock.call_at(MonoTime(seconds(15)), [&] { fired.emplace_back(3, clock.now()); });
  });
  clock.advance(seconds(30));
  ASSERT_EQ(fired.size(), 3u);
  EXPECT_EQ(fired[0], std::pair(1, UtcTime(seconds(1010))));
  EXPECT_EQ(fired[1], std::pair(3, UtcTime(seconds(1015))));
  EXPECT_EQ(fired[2], std::pair(2, UtcTime(seconds(1020))));
  EXPECT_EQ(clock.now(), UtcTime(seconds(1030)));
}

TEST(ManualClock, CancelledTimersStaySilent) {
  ManualClock clock{UtcTime(seconds(0))};
  bool fired = false;
  const TimerId id = clock.call_at(MonoTime(seconds(1)), [&] { fired = true; });
  EXPECT_TRUE(clock.cancel(id));
  EXPECT_FALSE(clock.cancel(id));
  clock.advance(seconds(2));
  EXPECT_FALSE(fired);
}

TEST(ManualClock, RunsWhatIsOverdueWithoutMoving) {
  ManualClock clock{UtcTime(seconds(1000))};
  int fired = 0;
  clock.call_at(MonoTime(seconds(1)), [&] { ++fired; });
  EXPECT_FALSE(clock.run_overdue());
  clock.call_at(clock.mono(), [&] { ++fired; });
  EXPECT_TRUE(clock.run_overdue());
  EXPECT_FALSE(clock.run_overdue());
  EXPECT_EQ(fired, 1);
  EXPECT_EQ(clock.now(), UtcTime(seconds(1000)));
}

TEST(SystemClock, RunsTimersAndForgetsCancelledOnes) {
  SystemClock clock;
  std::promise<void> fired;
  bool wrong = false;
  const TimerId later = clock.call_at(clock.mono() + std::chrono::hours(1), [&] { wrong = true; });
  clock.call_at(clock.mono() + std::chrono::milliseconds(1), [&] { fired.set_value(); });
  fired.get_future().wait();
  EXPECT_TRUE(clock.cancel(later));
  EXPECT_FALSE(wrong);
}

TEST(Random, SystemBytesDifferAndSeededBytesRepeat) {
  SystemRandom system;
  EXPECT_NE(system.bytes16(), system.bytes16());
  SeededRandom one(7);
  SeededRandom two(7);
  EXPECT_EQ(one.bytes16(), two.bytes16());
  EXPECT_LT(one.below(10), 10u);
}

}  // namespace
}  // namespace holdfast::env
