#include "flow/embedded/watch.h"

#include <gtest/gtest.h>

#include "core/env/sim/manual_clock.h"

namespace holdfast::flow::embedded {
namespace {

TEST(Watch, AWaitThatWasNotNeededLeavesNothing) {
  env::ManualClock clock{UtcTime()};
  const auto watch = std::make_shared<Watch>(clock);
  const RunId run("run_1");
  auto kept = watch->watcher(run);
  {
    const auto dropped = watch->watcher(run);
  }
  EXPECT_EQ(watch->watchers(), 1U);
  RunChange change;
  change.run_id = run;
  watch->notify(change);
  EXPECT_EQ(watch->watchers(), 0U);
  kept.reset();
  const auto last = watch->watcher(run);
  watch->stop();
  EXPECT_EQ(watch->watchers(), 0U);
}

}  // namespace
}  // namespace holdfast::flow::embedded
