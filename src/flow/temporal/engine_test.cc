// The engine against a real server: start, look, end.
#include "flow/temporal/testing/stage.h"

namespace holdfast::flow::temporal {
namespace {

class SlowTemporal : public testing::Test, protected TemporalStage {
 protected:
  void SetUp() override { HF_NEEDS_TEMPORAL(); }
};

TEST_F(SlowTemporal, RunsAWorkflowWithAnActivityToItsEnd) {
  workflows.add("greet", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    co_return co_await ctx.activity("say", ctx.input());
  });
  activities.add("say", [](ActivityContext& ctx, const Json& input) -> Result<Json> {
    return Json("hello " + std::string(input.get_string()) + " " + ctx.info().queue);
  });
  open();
  StartOptions how;
  how.memo = {{"why", "test"}};
  const auto started = start("greet", "g", Json("world"), how);
  ASSERT_TRUE(started) << started.error().to_string();
  EXPECT_TRUE(started->created);
  const auto outcome = result("g");
  ASSERT_TRUE(outcome) << outcome.error().to_string();
  EXPECT_EQ(*outcome, Json("hello world control"));
  const auto described = describe("g");
  ASSERT_TRUE(described) << described.error().to_string();
  EXPECT_EQ(described->run.status, RunStatus::kCompleted);
  EXPECT_EQ(described->input, Json("world"));
  EXPECT_EQ(described->result, Json("hello world control"));
  EXPECT_EQ(described->run.memo, (JsonObject{{"why", "test"}}));
  check_replay("g");
}

}  // namespace
}  // namespace holdfast::flow::temporal
