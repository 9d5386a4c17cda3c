#include "flow/embedded/deadlines.h"

#include <gtest/gtest.h>

#include "core/env/sim/manual_clock.h"

namespace holdfast::flow::embedded {
namespace {

using std::chrono::seconds;

class DeadlinesTest : public testing::Test {
 protected:
  UtcTime in(int count) { return clock_.now() + seconds(count); }

  env::ManualClock clock_{UtcTime(std::chrono::sys_days(std::chrono::year(2026) / 1 / 1))};
  std::vector<std::string> due_;
  std::shared_ptr<Deadlines> deadlines_ =
      std::make_shared<Deadlines>(clock_, [this](const RunId& run) { due_.push_back(run.text()); });
  const RunId run_{"run_1"};
};

TEST_F(DeadlinesTest, SaysOnceThatARunIsDue) {
  deadlines_->set(run_, in(10), deadlines_->mark());
  deadlines_->set(RunId("run_2"), in(20), deadlines_->mark());
  clock_.advance(seconds(15));
  EXPECT_EQ(due_, std::vector<std::string>{"run_1"});
  clock_.advance(seconds(15));
  EXPECT_EQ(due_, (std::vector<std::string>{"run_1", "run_2"}));
}

TEST_F(DeadlinesTest, TheLastLookCounts) {
  deadlines_->set_earlier(run_, in(1));
  deadlines_->set(run_, in(10), deadlines_->mark());
  clock_.advance(seconds(5));
  EXPECT_TRUE(due_.empty());
  deadlines_->set(run_, std::nullopt, deadlines_->mark());
  clock_.advance(seconds(50));
  EXPECT_TRUE(due_.empty());
}

// An attempt that begins while somebody looks at its run is not in what is seen; its timeouts would
// never be.
TEST_F(DeadlinesTest, WhatIsAskedForDuringALookOutlivesIt) {
  const std::uint64_t mark = deadlines_->mark();
  deadlines_->set_earlier(run_, in(1));
  deadlines_->set(run_, std::nullopt, mark);
  clock_.advance(seconds(2));
  EXPECT_EQ(due_.size(), 1U);
}

TEST_F(DeadlinesTest, WhatIsAskedForDuringALookDelaysNothing) {
  deadlines_->set(run_, in(1), deadlines_->mark());
  const std::uint64_t mark = deadlines_->mark();
  deadlines_->set_earlier(run_, in(60));
  deadlines_->set(run_, in(2), mark);
  clock_.advance(seconds(2));
  EXPECT_EQ(due_.size(), 1U);
}

}  // namespace
}  // namespace holdfast::flow::embedded
