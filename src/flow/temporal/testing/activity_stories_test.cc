// Stories about activities: retries, timeouts, heartbeats, cancellation.
#include "flow/temporal/testing/stories.h"

namespace holdfast::flow::temporal {
namespace {

void sequence(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    HF_CO_TRY(const Json one, co_await ctx.activity("echo", Json("one")));
    HF_CO_TRY(const Json two, co_await ctx.activity("echo", Json("two")));
    co_return Json(JsonArray{one, two});
  });
  stage.activities.add("echo", echo);
}

void retried(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    co_return co_await ctx.activity("flaky", {}, quick_retries());
  });
  stage.activities.add("flaky", [](ActivityContext& ctx, const Json&) -> Result<Json> {
    ctx.heartbeat(Json(ctx.info().attempt));
    if (ctx.info().attempt < 3) {
      return lost();
    }
    return Json(ctx.info().attempt);
  });
}

void attempts_used_up(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    co_return co_await ctx.activity("flaky", {}, quick_retries(2));
  });
  stage.activities.add("flaky", [](ActivityContext&, const Json&) -> Result<Json> {
    return lost().with("volume", "v1");
  });
}

void permanent(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    const auto done = co_await ctx.activity("broken", {}, quick_retries());
    if (!done) {
      co_return Json(done.error().to_string());
    }
    co_return done;
  });
  stage.activities.add("broken", [](ActivityContext&, const Json&) -> Result<Json> {
    return Error(Code::kDataLoss, "the pack is damaged").with("pack", "p1");
  });
}

void unknown_activity(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    co_return co_await ctx.activity("nobody", {}, quick_retries(2));
  });
}

void attempt_too_long(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    ActivityOptions options = quick_retries(1);
    options.start_to_close = seconds(1);
    co_return co_await ctx.activity("slow", {}, options);
  });
  stage.activities.add(
      "slow", [](ActivityContext& ctx, const Json&) -> Result<Json> { return until_stopped(ctx); });
}

void silent_attempt(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    ActivityOptions options = quick_retries(2);
    options.heartbeat = seconds(1);
    co_return co_await ctx.activity("silent", {}, options);
  });
  stage.activities.add("silent", [](ActivityContext& ctx, const Json&) -> Result<Json> {
    if (ctx.info().attempt == 1) {
      ctx.heartbeat(Json("half"));
      pause(seconds(2));
      return Json("nobody hears this");
    }
    return ctx.last_heartbeat().value_or(Json("nothing"));
  });
}

// Asked to stop while an activity runs; waits for it, cleans up in a shielded scope.
void cancelled(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    ActivityOptions options;
    options.heartbeat = seconds(5);
    const auto work = co_await ctx.activity("work", {}, options);
    const WorkflowContext clean = ctx.shielded();
    HF_CO_TRY_VOID(co_await clean.activity("echo", Json("clean-up")));
    co_return work;
  });
  stage.activities.add("echo", echo);
  stage.activities.add("work", [&stage](ActivityContext& ctx, const Json&) -> Result<Json> {
    stage.ledger.note("working");
    auto end = until_stopped(ctx);
    EXPECT_EQ(ctx.stop_reason(), StopReason::kCancelled);
    return end;
  });
}

void tell_cancelled(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  stage.ledger.wait_for("working");
  ASSERT_TRUE(stage.cancel("a"));
  const auto outcome = stage.result("a");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Code::kCancelled);
  EXPECT_EQ(stage.describe("a")->run.status, RunStatus::kCanceled);
}

void parallel(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    const auto left = ctx.activity("echo", Json("left"));
    const auto right = ctx.activity("echo_co", Json("right"));
    HF_CO_TRY(const Json one, co_await left);
    HF_CO_TRY(const Json two, co_await right);
    co_return Json(JsonArray{one, two});
  });
  stage.activities.add("echo", echo);
  stage.activities.add_co(
      "echo_co", [](ActivityContext&, Json input) -> async::Co<Result<Json>> { co_return input; });
}

// crash_test.cc's whole life: a sequence, two in parallel, a retry, a timer, a signal, a child.
void whole_life(Stage& stage) {
  stage.workflows.add("small", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    co_return co_await ctx.activity("echo", ctx.input());
  });
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    ctx.upsert_memo({{"phase", "begin"}});
    HF_CO_TRY_VOID(co_await ctx.activity("echo", Json("first")));
    const auto left = ctx.activity("echo", Json("left"));
    const auto right = ctx.activity("flaky", Json("right"), quick_retries());
    HF_CO_TRY_VOID(co_await left);
    HF_CO_TRY_VOID(co_await right);
    HF_CO_TRY_VOID(co_await ctx.timer(seconds(1)));
    HF_CO_TRY(const Json answer, co_await ctx.wait_signal("approve"));
    const Child child = ctx.child("small", Json("child"));
    HF_CO_TRY_VOID(co_await child.result);
    ctx.set_progress(Json("end"));
    co_return answer;
  });
  stage.activities.add("echo", echo);
  stage.activities.add("flaky", [](ActivityContext& ctx, const Json& input) -> Result<Json> {
    if (ctx.info().attempt == 1) {
      return lost();
    }
    return input;
  });
}

void tell_whole_life(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  stage.wait_for("a", "TimerFired");
  ASSERT_TRUE(stage.signal("a", "approve", Json("yes")));
  EXPECT_EQ(stage.result("a").value(), Json("yes"));
}

}  // namespace

std::vector<Story> activity_stories() {
  return {
      {"Sequence", sequence, plain_run},
      {"Retried", retried, plain_run},
      {"AttemptsUsedUp", attempts_used_up, failing_run},
      {"Permanent", permanent, plain_run},
      {"UnknownActivity", unknown_activity, failing_run},
      {"AttemptTooLong", attempt_too_long, failing_run},
      {"SilentAttempt", silent_attempt, plain_run, {"a"}, false},
      {"Cancelled", cancelled, tell_cancelled},
      {"Parallel", parallel, plain_run, {"a"}, false},
      {"WholeLife", whole_life, tell_whole_life, {"a"}, false},
  };
}

}  // namespace holdfast::flow::temporal
