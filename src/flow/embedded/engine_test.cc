#include "flow/embedded/engine.h"

#include "flow/embedded/engine_fixture.h"

namespace holdfast::flow::embedded {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

// Runs with every run in memory, and with none: the second replays before every workflow task.
class EngineTest : public testing::TestWithParam<std::size_t>, protected Bench {
 protected:
  EngineTest() { options.cache_size = GetParam(); }

  void TearDown() override {
    if (engine) {
      engine->wait_idle();
      auto page = wait(engine->client().list({}));
      ASSERT_TRUE(page);
      for (const RunSummary& run : page->runs) {
        auto history = wait(engine->client().history_json(ref(run.run_id)));
        ASSERT_TRUE(history);
        if (replayable_) {
          const Status replayed = replay_history(*history, workflows);
          EXPECT_TRUE(replayed) << run.workflow_id.text() << ": " << replayed.error().to_string();
        }
      }
    }
  }

  bool replayable_ = true;
};

INSTANTIATE_TEST_SUITE_P(Cache, EngineTest, testing::Values(0, 1000),
                         [](const auto& info) { return info.param == 0 ? "off" : "on"; });

Task<Result<Json>> echo_twice(WorkflowContext& ctx) {
  HF_CO_TRY(const Json first, co_await ctx.activity("echo", ctx.input()));
  HF_CO_TRY(const Json second, co_await ctx.activity("echo", first));
  co_return second;
}

TEST_P(EngineTest, RunsActivitiesInSequence) {
  workflows.add("twice", echo_twice);
  activities.add("echo", [](ActivityContext&, const Json& input) -> Result<Json> {
    return Json(get_int(input, "n") + 1 == 0 ? Json() : Json{{"n", get_int(input, "n") + 1}});
  });
  open();
  const auto started = start("twice", "w1", {{"n", 1}});
  ASSERT_TRUE(started) << started.error().to_string();
  EXPECT_TRUE(started->created);
  const auto done = result("w1");
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(get_int(*done, "n"), 3);
  EXPECT_EQ(events("w1"),
            (std::vector<std::string>{
                "WorkflowExecutionStarted", "WorkflowTaskScheduled", "WorkflowTaskStarted",
                "WorkflowTaskCompleted", "ActivityTaskScheduled", "ActivityTaskStarted",
                "ActivityTaskCompleted", "WorkflowTaskScheduled", "WorkflowTaskStarted",
                "WorkflowTaskCompleted", "ActivityTaskScheduled", "ActivityTaskStarted",
                "ActivityTaskCompleted", "WorkflowTaskScheduled", "WorkflowTaskStarted",
                "WorkflowTaskCompleted", "WorkflowExecutionCompleted"}));
}

}  // namespace
}  // namespace holdfast::flow::embedded
