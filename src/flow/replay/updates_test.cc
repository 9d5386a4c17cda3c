// Updates in histories: what a reset on a Temporal server carries over.
#include "flow/replay/script_fixture.h"

namespace holdfast::flow {
namespace {

using enum EventType;

Task<Result<Json>> doubled(Json value) { co_return Json(value.get_int64() * 2); }

Task<Result<Json>> listening(WorkflowContext& ctx) {
  ctx.set_update("double", doubled);
  co_return co_await ctx.wait_signal("end");
}

Json request(const std::string& id, int value) {
  return {{"meta", {{"updateId", id}}}, {"input", {{"name", "double"}, {"args", value}}}};
}

class CarriedUpdates : public testing::Test {
 protected:
  CarriedUpdates() {
    registry.add("listening", listening);
    script.begin("listening")
        .task()
        .add(kWorkflowExecutionUpdateAdmitted, {{"request", request("u1", 21)}})
        .add(kWorkflowTaskScheduled)
        .add(kWorkflowTaskStarted);
  }

  WorkflowRegistry registry;
  Script script;
};

TEST_F(CarriedUpdates, AreOfferedLikeRequests) {
  Execution execution(registry);
  ASSERT_TRUE(execution.apply(script.events));
  ASSERT_EQ(execution.commands().size(), 2U);
  EXPECT_EQ(execution.commands().front()->event, kWorkflowExecutionUpdateAccepted);
  EXPECT_EQ(execution.commands().back()->attributes.at("outcome"),
            Json(JsonObject{{"success", 42}}));
}

TEST_F(CarriedUpdates, AreReplayedFromTheAcceptanceThatNamesThem) {
  script.add(kWorkflowTaskCompleted)
      .add(kWorkflowExecutionUpdateAccepted, {{"protocolInstanceId", "u1"}})
      .add(kWorkflowExecutionUpdateCompleted,
           {{"meta", {{"updateId", "u1"}}}, {"outcome", {{"success", 42}}}})
      .signal("end", Json("ended"))
      .add(kWorkflowTaskScheduled)
      .add(kWorkflowTaskStarted);
  EXPECT_EQ(outcome_of(script, registry), "ended");
}

TEST_F(CarriedUpdates, ThatWereRefusedAreNotOfferedAgain) {
  script.add(kWorkflowTaskCompleted)
      .signal("end", Json("ended"))
      .add(kWorkflowTaskScheduled)
      .add(kWorkflowTaskStarted);
  EXPECT_EQ(outcome_of(script, registry), "ended");
}

}  // namespace
}  // namespace holdfast::flow
