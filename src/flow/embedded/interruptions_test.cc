#include "flow/embedded/interruptions.h"

#include "flow/embedded/engine_fixture.h"

namespace holdfast::flow::embedded {
namespace {

class InterruptionsTest : public testing::Test, protected Bench {
 protected:
  InterruptionsTest() {
    workflows.add("one", [](WorkflowContext& ctx) -> Task<Result<Json>> {
      ActivityOptions how;
      how.retry.max_attempts = 2;
      co_return co_await ctx.activity("deadly", {}, how);
    });
    // From here on nothing reaches the disk, as if the process had ended.
    activities.add("deadly", [this](ActivityContext& ctx, const Json&) -> Result<Json> {
      ledger.note(std::to_string(ctx.info().attempt));
      if (deadly) {
        vfs.arm(1, db::Fault::kKill);
      }
      return Json("survived");
    });
  }

  void crash() {
    idle();
    restart();
    idle();
  }

  bool closed() {
    const auto shown = describe("w");
    return shown && shown->run.status != RunStatus::kRunning;
  }

  std::atomic<bool> deadly = true;
};

TEST_F(InterruptionsTest, AnActivityThatEndsTheProcessUsesUpItsAttempts) {
  HF_SKIP_ON_POSTGRES();
  HF_SKIP_ON_POSTGRES();
  open();
  ASSERT_TRUE(start("one", "w"));
  idle();
  EXPECT_EQ(ledger.count("1"), 1);
  for (int times = 1; times <= kMostInterruptions; ++times) {
    crash();
    EXPECT_EQ(ledger.count("1"), 1 + times);
  }
  crash();
  EXPECT_EQ(ledger.count("1"), 1 + kMostInterruptions);
  EXPECT_EQ(describe("w")->activities.at(0).attempt, 2);
  for (int i = 0; i < 20 && !closed(); ++i) {
    advance(seconds(2));
    crash();
  }
  EXPECT_EQ(ledger.count("2"), 1 + kMostInterruptions);
  const auto end = result("w");
  ASSERT_FALSE(end);
  EXPECT_NE(end.error().message().find("the process of the server ended"), std::string::npos);
}

TEST_F(InterruptionsTest, AProperStopCountsNothing) {
  deadly = false;
  std::atomic<bool> go = false;
  activities.add("slow", [&](ActivityContext& ctx, const Json&) -> Result<Json> {
    ledger.note("slow");
    while (!go && !ctx.stop_requested()) {
      std::this_thread::yield();
    }
    return go ? Result<Json>(Json("done")) : Error(Code::kCancelled, "stopped");
  });
  workflows.add("slow", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    ActivityOptions how;
    how.retry.max_attempts = 1;
    co_return co_await ctx.activity("slow", {}, how);
  });
  open();
  ASSERT_TRUE(start("slow", "w"));
  for (int times = 1; times <= 2 * kMostInterruptions; ++times) {
    ledger.wait_for("slow", times);
    restart();
  }
  go = true;
  EXPECT_EQ(*result("w"), Json("done"));
}

}  // namespace
}  // namespace holdfast::flow::embedded
