// Stories about runs that own other runs.
#include "flow/testing/story.h"

namespace holdfast::flow::stories {
namespace {

// `input` is the prefix of workflow ids.
std::string id_under(const WorkflowContext& ctx, std::string_view name) {
  return std::string(ctx.input().get_string()) + std::string(name);
}

void add_waiting(Stage& stage) {
  stage.workflows.add("waits", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    co_return co_await ctx.wait_signal("go");
  });
}

void parent(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    ChildOptions good;
    good.workflow_id = id_under(ctx, "good");
    good.memo = {{"of", "a"}};
    const Child one = ctx.child("good", Json("x"), good);
    HF_CO_TRY(const Json result, co_await one.result);
    ChildOptions bad;
    bad.workflow_id = id_under(ctx, "bad");
    const Child two = ctx.child("bad", Json("y"), bad);
    const auto failed = co_await two.result;
    co_return Json(JsonArray{result, Json(failed ? "?" : failed.error().message())});
  });
  stage.workflows.add("good", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    co_return co_await ctx.activity("header", ctx.input());
  });
  stage.workflows.add("bad", [](WorkflowContext&) -> Task<Result<Json>> {
    co_return Error(Code::kTargetMissed, "the target was missed").with("by", "1h");
  });
  stage.activities.add("header", [](ActivityContext& ctx, const Json&) -> Result<Json> {
    const auto found = ctx.info().header.find("traceparent");
    return Json(found == ctx.info().header.end() ? "none" : found->second);
  });
}

void tell_parent(Stage& stage) {
  StartOptions how;
  how.header = {{"traceparent", "00-1-2-01"}};
  ASSERT_TRUE(stage.start("w", "a", Json(stage.prefix), how));
  const auto outcome = stage.result("a");
  ASSERT_TRUE(outcome) << outcome.error().to_string();
  EXPECT_EQ(*outcome, Json(JsonArray{Json("00-1-2-01"), Json("the target was missed")}));
  EXPECT_EQ(stage.describe("good")->run.memo, (JsonObject{{"of", "a"}}));
  EXPECT_EQ(stage.describe("good")->run.parent_run_id, stage.describe("a")->run.run_id);
}

// Ends while its child still waits; the policy says what becomes of that.
template <ParentClosePolicy kPolicy>
void leaving(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    ChildOptions how;
    how.workflow_id = id_under(ctx, "kid");
    how.parent_close = kPolicy;
    const Child child = ctx.child("waits", {}, how);
    HF_CO_TRY_VOID(co_await child.started);
    HF_CO_TRY_VOID(co_await ctx.wait_signal("leave"));
    co_return Json("left");
  });
  add_waiting(stage);
}

void leave(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a", Json(stage.prefix)));
  stage.wait_for("a", "ChildWorkflowExecutionStarted");
  stage.wait_for("a", "WorkflowTaskCompleted", 2);
  stage.wait_for("kid", "WorkflowTaskCompleted");
  ASSERT_TRUE(stage.signal("a", "leave"));
  ASSERT_TRUE(stage.result("a"));
}

void tell_terminated_kid(Stage& stage) {
  leave(stage);
  const auto kid = stage.result("kid");
  ASSERT_FALSE(kid);
  EXPECT_EQ(stage.describe("kid")->run.status, RunStatus::kTerminated);
}

void tell_abandoned_kid(Stage& stage) {
  leave(stage);
  EXPECT_EQ(stage.describe("kid")->run.status, RunStatus::kRunning);
  ASSERT_TRUE(stage.signal("kid", "go", Json("alone")));
  EXPECT_EQ(stage.result("kid").value(), Json("alone"));
}

void tell_cancelled_kid(Stage& stage) {
  leave(stage);
  EXPECT_FALSE(stage.result("kid"));
  EXPECT_EQ(stage.describe("kid")->run.status, RunStatus::kCanceled);
}

void cancelled_child(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    ChildOptions how;
    how.workflow_id = id_under(ctx, "kid");
    const Child child = ctx.child("waits", {}, how);
    co_return co_await child.result;
  });
  add_waiting(stage);
}

void tell_cancelled_child(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a", Json(stage.prefix)));
  stage.wait_for("a", "WorkflowTaskCompleted", 2);
  stage.wait_for("kid", "WorkflowTaskCompleted");
  ASSERT_TRUE(stage.cancel("a"));
  const auto outcome = stage.result("a");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Code::kCancelled);
  EXPECT_EQ(stage.describe("kid")->run.status, RunStatus::kCanceled);
}

void tell_terminated_child(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a", Json(stage.prefix)));
  stage.wait_for("a", "WorkflowTaskCompleted", 2);
  stage.wait_for("kid", "WorkflowTaskCompleted");
  ASSERT_TRUE(stage.terminate("kid"));
  EXPECT_FALSE(stage.result("a"));
  EXPECT_EQ(stage.describe("a")->run.status, RunStatus::kFailed);
}

void tell_child_signalled(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a", Json(stage.prefix)));
  stage.wait_for("a", "ChildWorkflowExecutionStarted");
  stage.wait_for("a", "WorkflowTaskCompleted", 2);
  stage.wait_for("kid", "WorkflowTaskCompleted");
  ASSERT_TRUE(stage.signal("kid", "go", Json("now")));
  EXPECT_EQ(stage.result("a").value(), Json("now"));
}

// The child's workflow id is taken.
void tell_child_exists(Stage& stage) {
  ASSERT_TRUE(stage.start("waits", "kid"));
  stage.wait_for("kid", "WorkflowTaskCompleted");
  ASSERT_TRUE(stage.start("w", "a", Json(stage.prefix)));
  const auto outcome = stage.result("a");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Code::kAlreadyExists) << outcome.error().to_string();
  ASSERT_TRUE(stage.signal("kid", "go"));
  EXPECT_TRUE(stage.result("kid"));
}

// A scope with a child is cancelled; the run goes on.
void dropped_child(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    const WorkflowContext part = ctx.scope();
    ChildOptions how;
    how.workflow_id = id_under(ctx, "kid");
    const Child child = part.child("waits", {}, how);
    HF_CO_TRY_VOID(co_await ctx.wait_signal("drop"));
    part.cancel_scope();
    const auto ended = co_await child.result;
    co_return Json(ended ? "value" : "gone");
  });
  add_waiting(stage);
}

void tell_dropped_child(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a", Json(stage.prefix)));
  stage.wait_for("a", "WorkflowTaskCompleted", 2);
  stage.wait_for("kid", "WorkflowTaskCompleted");
  ASSERT_TRUE(stage.signal("a", "drop"));
  EXPECT_EQ(stage.result("a").value(), Json("gone"));
  EXPECT_EQ(stage.describe("kid")->run.status, RunStatus::kCanceled);
}

}  // namespace

std::vector<Story> child_stories() {
  using enum ParentClosePolicy;
  return {
      {"Parent", parent, tell_parent, {"a", "good", "bad"}, kWhoIsFaster},
      {"LeavingTerminates", leaving<kTerminate>, tell_terminated_kid, {"a", "kid"}},
      {"LeavingAbandons", leaving<kAbandon>, tell_abandoned_kid, {"a", "kid"}},
      {"LeavingCancels", leaving<kRequestCancel>, tell_cancelled_kid, {"a", "kid"}},
      {"CancelledChild", cancelled_child, tell_cancelled_child, {"a", "kid"}, kWhoIsFaster},
      {"TerminatedChild", cancelled_child, tell_terminated_child, {"a", "kid"}},
      {"SignalledChild", cancelled_child, tell_child_signalled, {"a", "kid"}},
      {"ChildExists", cancelled_child, tell_child_exists, {"a", "kid"}},
      {"DroppedChild", dropped_child, tell_dropped_child, {"a", "kid"}, kWhoIsFaster},
  };
}

}  // namespace holdfast::flow::stories
