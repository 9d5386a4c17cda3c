// Stories about what goes wrong: each a clear error, with the run left intact.
#include "flow/testing/story.h"

namespace holdfast::flow::stories {
namespace {

Json too_large() { return Json(std::string(kMaxPayloadBytes + 1, 'x')); }

void failing(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext&) -> Task<Result<Json>> {
    co_return Error(Code::kDataLoss, "the catalogue is damaged").with("pack", "p1");
  });
}

void tell_failing(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  const auto outcome = stage.result("a");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Code::kDataLoss);
  EXPECT_EQ(outcome.error().message(), "the catalogue is damaged");
  EXPECT_NE(outcome.error().to_string().find("p1"), std::string::npos);
  EXPECT_EQ(stage.describe("a")->run.status, RunStatus::kFailed);
}

// Payloads that are too large are refused where they are given, with a word about references.
void oversized(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    const auto refused = co_await ctx.activity("echo", too_large());
    const auto large = co_await ctx.activity("large", {}, quick_retries(1));
    co_return Json(JsonArray{std::string(describe(refused.error().code()).name),
                             std::string(describe(large.error().code()).name)});
  });
  stage.activities.add("echo", echo);
  stage.activities.add("large",
                       [](ActivityContext&, const Json&) -> Result<Json> { return too_large(); });
}

void tell_oversized(Stage& stage) {
  const auto started = stage.start("w", "a", too_large());
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code(), Code::kInvalidArgument);
  ASSERT_TRUE(stage.start("w", "a"));
  EXPECT_EQ(stage.result("a").value(), Json(JsonArray{"invalid_argument", "invalid_argument"}));
}

void oversized_result(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    HF_CO_TRY_VOID(co_await ctx.wait_signal("go"));
    co_return too_large();
  });
}

void tell_oversized_result(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  stage.wait_for("a", "WorkflowTaskCompleted");
  const Status refused = stage.signal("a", "go", too_large());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kInvalidArgument);
  ASSERT_TRUE(stage.signal("a", "go"));
  const auto outcome = stage.result("a");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Code::kInvalidArgument);
}

void tell_unknown(Stage& stage) {
  const auto unknown = stage.start("unknown", "a");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code(), Code::kNotFound);
  EXPECT_EQ(stage.signal("nobody", "x").error().code(), Code::kNotFound);
  EXPECT_EQ(stage.cancel("nobody").error().code(), Code::kNotFound);
  EXPECT_EQ(stage.terminate("nobody").error().code(), Code::kNotFound);
  EXPECT_EQ(stage.describe("nobody").error().code(), Code::kNotFound);
  EXPECT_EQ(stage.result("nobody").error().code(), Code::kNotFound);
}

// A child of a type that the program does not have waits with a failing task until it is ended.
void unknown_child(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    ChildOptions how;
    how.workflow_id = std::string(ctx.input().get_string()) + "kid";
    const Child child = ctx.child("unknown", {}, how);
    const auto ended = co_await child.result;
    co_return Json(ended ? "value" : std::string(describe(ended.error().code()).name));
  });
}

void tell_unknown_child(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a", Json(stage.prefix)));
  stage.wait_for("a", "ChildWorkflowExecutionStarted");
  stage.wait_for("a", "WorkflowTaskCompleted", 2);
  stage.wait_for("kid", "WorkflowTaskFailed");
  stage.wait_until(
      "kid", [](const RunDescription& told) { return told.workflow_task_failure.has_value(); });
  const auto described = stage.describe("kid");
  EXPECT_EQ(described->run.status, RunStatus::kRunning);
  EXPECT_NE(described->workflow_task_failure->to_string().find("unknown"), std::string::npos);
  ASSERT_TRUE(stage.terminate("kid"));
  EXPECT_EQ(stage.result("a").value(), Json("cancelled"));
}

// Code that the history does not match, or that throws, fails the task; the run goes on when the
// code is right again.
template <bool kThrows>
Task<Result<Json>> misled_run(WorkflowContext& ctx, Stage& stage) {
  if (stage.ledger.count("wrong") > stage.ledger.count("right")) {
    if (kThrows) {
      throw std::runtime_error("thrown by the code");
    }
    HF_CO_TRY_VOID(co_await ctx.activity("unplanned", {}));
  }
  HF_CO_TRY_VOID(co_await ctx.timer(milliseconds(1)));
  co_return co_await ctx.wait_signal("go");
}

template <bool kThrows>
void misled(Stage& stage) {
  stage.workflows.add("w",
                      [&stage](WorkflowContext& ctx) { return misled_run<kThrows>(ctx, stage); });
}

void tell_misled(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  stage.wait_for("a", "WorkflowTaskCompleted", 2);
  stage.ledger.note("wrong");
  stage.restart();
  ASSERT_TRUE(stage.signal("a", "go", Json("went")));
  stage.wait_for("a", "WorkflowTaskFailed");
  const auto described = stage.describe("a");
  EXPECT_EQ(described->run.status, RunStatus::kRunning);
  ASSERT_TRUE(described->workflow_task_failure);
  stage.ledger.note("right");
  stage.restart();
  EXPECT_EQ(stage.result("a").value(), Json("went"));
}

}  // namespace

std::vector<Story> error_stories() {
  return {
      {"FailingRun", failing, tell_failing},
      {"OversizedPayloads", oversized, tell_oversized},
      {"OversizedResult", oversized_result, tell_oversized_result},
      {"UnknownNames", failing, tell_unknown, {}},
      {"UnknownChildType", unknown_child, tell_unknown_child},
      {"CodeThatDiffers", misled<false>, tell_misled},
      {"CodeThatThrows", misled<true>, tell_misled},
  };
}

}  // namespace holdfast::flow::stories
