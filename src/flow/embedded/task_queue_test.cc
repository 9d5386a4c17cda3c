// Queues of activities: urgency, places, rates, and the reason that people see for waiting.
#include <latch>

#include "flow/embedded/engine_fixture.h"

namespace holdfast::flow::embedded {
namespace {

Task<Result<Json>> one_step(WorkflowContext& ctx) {
  ActivityOptions how;
  how.queue = get_string(ctx.input(), "queue");
  how.priority = static_cast<int>(get_int(ctx.input(), "priority", kUsualPriority));
  co_return co_await ctx.activity("step", ctx.input(), how);
}

class TaskQueueTest : public CacheTest {
 protected:
  TaskQueueTest() {
    options.queues = {{"narrow", {1, 0}}, {"slow", {8, 0.5}}};
    workflows.add("one", one_step);
    activities.add("step", [this](ActivityContext&, const Json& input) -> Result<Json> {
      const std::string name = get_string(input, "name");
      ledger.note(name);
      if (name == "blocks") {
        gate.wait();
      }
      return Json(name);
    });
  }
  ~TaskQueueTest() override { open_gate(); }
  void open_gate() {
    if (!gate.try_wait()) {
      gate.count_down();
    }
  }
  void begin(const std::string& name, const std::string& queue, int priority) {
    ASSERT_TRUE(start("one", name, {{"name", name}, {"queue", queue}, {"priority", priority}}));
  }

  std::latch gate{1};
};
HF_WITH_AND_WITHOUT_CACHE(TaskQueueTest);

TEST_P(TaskQueueTest, TheMostUrgentBeginsFirstThenTheOldest) {
  open();
  begin("blocks", "narrow", 5);
  ledger.wait_for("blocks");
  begin("backup 1", "narrow", 3);
  begin("backup 2", "narrow", 3);
  begin("report", "narrow", 5);
  begin("recovery", "narrow", 1);
  const auto waiting = describe("backup 1")->activities;
  ASSERT_EQ(waiting.size(), 1u);
  EXPECT_EQ(waiting[0].state, "scheduled");
  EXPECT_EQ(waiting[0].waiting_for, "all 1 places of queue narrow are taken");
  open_gate();
  for (const char* name : {"recovery", "backup 1", "backup 2", "report"}) {
    ASSERT_TRUE(result(name));
  }
  EXPECT_EQ(ledger.entries(),
            (std::vector<std::string>{"blocks", "recovery", "backup 1", "backup 2", "report"}));
}

TEST_P(TaskQueueTest, BeginsNoFasterThanTheRate) {
  open();
  for (const char* name : {"a", "b", "c"}) {
    begin(name, "slow", 3);
  }
  engine->wait_idle(/*activities=*/false);
  ledger.wait_for("a");
  EXPECT_EQ(ledger.entries().size(), 1u);
  EXPECT_EQ(describe("c")->activities.at(0).waiting_for, "queue slow begins at most 0.5 a second");
  clock.advance(seconds(2));
  ledger.wait_for("b");
  EXPECT_EQ(ledger.entries().size(), 2u);
  clock.advance(seconds(2));
  ledger.wait_for("c");
  ASSERT_TRUE(result("c"));
}

TEST_P(TaskQueueTest, ACancelledAttemptGivesUpItsTurn) {
  open();
  begin("blocks", "narrow", 3);
  ledger.wait_for("blocks");
  begin("waits", "narrow", 3);
  begin("next", "narrow", 3);
  ASSERT_TRUE(cancel("waits"));
  EXPECT_FALSE(result("waits"));
  open_gate();
  ASSERT_TRUE(result("next"));
  EXPECT_EQ(ledger.count("waits"), 0);
}

}  // namespace
}  // namespace holdfast::flow::embedded
