// Stories about activities: retries, timeouts, heartbeats, what they give back.
#include "flow/testing/story.h"

namespace holdfast::flow::stories {
namespace {

// One activity of type "work" with these options; its result is the run's.
template <auto kOptions>
void one_activity(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    co_return co_await ctx.activity("work", Json("input"), kOptions());
  });
}

void sequence(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    HF_CO_TRY(const Json one, co_await ctx.activity("echo", Json("one")));
    HF_CO_TRY(const Json two, co_await ctx.activity("echo", Json("two")));
    co_return Json(JsonArray{one, two});
  });
  stage.activities.add("echo", echo);
}

ActivityOptions retried_options() { return quick_retries(); }

void retried(Stage& stage) {
  one_activity<retried_options>(stage);
  stage.activities.add("work", [](ActivityContext& ctx, const Json&) -> Result<Json> {
    if (ctx.info().attempt < 3) {
      return lost();
    }
    return Json(ctx.info().attempt);
  });
}

ActivityOptions two_attempts() { return quick_retries(2); }

void attempts_used_up(Stage& stage) {
  one_activity<two_attempts>(stage);
  stage.activities.add("work", [](ActivityContext&, const Json&) -> Result<Json> {
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

ActivityOptions not_for_conflicts() {
  ActivityOptions options = quick_retries();
  options.retry.non_retryable = {"conflict"};
  return options;
}

void named_code(Stage& stage) {
  one_activity<not_for_conflicts>(stage);
  stage.activities.add("work", [](ActivityContext& ctx, const Json&) -> Result<Json> {
    if (ctx.info().attempt == 1) {
      return lost();
    }
    return Error(Code::kConflict, "somebody else has it", Retry::kTransient);
  });
}

void unknown_activity(Stage& stage) { one_activity<two_attempts>(stage); }

void throwing(Stage& stage) {
  one_activity<two_attempts>(stage);
  stage.activities.add("work", [](ActivityContext& ctx, const Json&) -> Result<Json> {
    if (ctx.info().attempt == 1) {
      throw std::runtime_error("thrown");
    }
    return Json("second time");
  });
}

ActivityOptions one_short_attempt() {
  ActivityOptions options = quick_retries(1);
  options.start_to_close = seconds(1);
  return options;
}

void attempt_too_long(Stage& stage) {
  one_activity<one_short_attempt>(stage);
  stage.activities.add(
      "work", [](ActivityContext& ctx, const Json&) -> Result<Json> { return until_stopped(ctx); });
}

ActivityOptions nobody_polls() {
  ActivityOptions options = quick_retries();
  options.queue = "agent:nobody";
  options.schedule_to_start = seconds(1);
  return options;
}

void never_started(Stage& stage) { one_activity<nobody_polls>(stage); }

ActivityOptions nobody_polls_in_all() {
  ActivityOptions options = quick_retries();
  options.queue = "agent:nobody";
  options.schedule_to_close = seconds(1);
  options.start_to_close = Nanoseconds(0);
  return options;
}

void overall_too_long(Stage& stage) { one_activity<nobody_polls_in_all>(stage); }

ActivityOptions heard_every_second() {
  ActivityOptions options = quick_retries(2);
  options.heartbeat = seconds(1);
  return options;
}

// The first attempt says "half" and no more; the second one goes on from there.
void silent_attempt(Stage& stage) {
  one_activity<heard_every_second>(stage);
  stage.activities.add("work", [&stage](ActivityContext& ctx, const Json&) -> Result<Json> {
    if (ctx.info().attempt == 1) {
      ctx.heartbeat(Json("half"));
      stage.ledger.wait_for("second");
      return Json("nobody hears this");
    }
    stage.ledger.note("second");
    return ctx.last_heartbeat().value_or(Json("nothing"));
  });
}

void details_go_on(Stage& stage) {
  one_activity<retried_options>(stage);
  stage.activities.add("work", [](ActivityContext& ctx, const Json&) -> Result<Json> {
    if (ctx.info().attempt == 1) {
      ctx.heartbeat(Json("a"));
      ctx.heartbeat(Json("b"));
      return lost();
    }
    return ctx.last_heartbeat().value_or(Json("nothing"));
  });
}

void tell_details_go_on(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  EXPECT_EQ(stage.result("a").value(), Json("b"));
}

ActivityOptions far_apart() {
  ActivityOptions options;
  options.retry.initial = hours(1);
  return options;
}

// Between two attempts the run shows what it waits for; then somebody ends it.
void backing_off(Stage& stage) {
  one_activity<far_apart>(stage);
  stage.activities.add("work",
                       [](ActivityContext&, const Json&) -> Result<Json> { return lost(); });
}

void tell_backing_off(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  stage.wait_until("a", [](const RunDescription& told) {
    return told.activities.size() == 1 && told.activities[0].state == "backing_off";
  });
  const auto described = stage.describe("a");
  const PendingActivity& waiting = described->activities.at(0);
  EXPECT_EQ(waiting.attempt, 2);
  EXPECT_EQ(waiting.type, "work");
  ASSERT_TRUE(waiting.next_attempt);
  EXPECT_GT(*waiting.next_attempt, waiting.scheduled);
  ASSERT_TRUE(waiting.last_failure);
  EXPECT_EQ(from_failure(*waiting.last_failure).message(), "the line is cut");
  ASSERT_TRUE(stage.terminate("a"));
}

void urgent(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    ActivityOptions first;
    first.priority = 1;
    co_return co_await ctx.activity("echo", Json("urgent"), first);
  });
  stage.activities.add("echo", echo);
}

void suspending(Stage& stage) {
  one_activity<retried_options>(stage);
  stage.activities.add_co("work", [](ActivityContext& ctx, Json input) -> async::Co<Result<Json>> {
    ctx.heartbeat(Json("suspends"));
    co_return input;
  });
}

void parallel(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    const auto one = ctx.activity("echo", Json(1));
    const auto two = ctx.activity("echo", Json(2));
    const auto three = ctx.activity("echo", Json(3));
    HF_CO_TRY(const auto first, co_await wait_any(ctx, one, two, three));
    HF_CO_TRY_VOID(co_await one);
    HF_CO_TRY_VOID(co_await two);
    HF_CO_TRY_VOID(co_await three);
    co_return Json(first < 3);
  });
  stage.activities.add("echo", echo);
}

void carried_header(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    co_return co_await ctx.activity("header", {});
  });
  stage.activities.add("header", [](ActivityContext& ctx, const Json&) -> Result<Json> {
    const auto found = ctx.info().header.find("traceparent");
    return Json(found == ctx.info().header.end() ? "none" : found->second);
  });
}

void tell_carried_header(Stage& stage) {
  StartOptions how;
  how.header = {{"traceparent", "00-1-2-01"}};
  ASSERT_TRUE(stage.start("w", "a", {}, how));
  EXPECT_EQ(stage.result("a").value(), Json("00-1-2-01"));
}

// Everything at once, as a recovery does it.
void whole_life(Stage& stage) {
  stage.workflows.add("small",
                      [](WorkflowContext& ctx) -> Task<Result<Json>> { co_return ctx.input(); });
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    ctx.upsert_memo({{"phase", "begin"}});
    HF_CO_TRY_VOID(co_await ctx.activity("echo", Json("first")));
    const auto left = ctx.activity("echo", Json("left"));
    const auto right = ctx.activity("flaky", Json("right"), quick_retries());
    HF_CO_TRY_VOID(co_await left);
    HF_CO_TRY_VOID(co_await right);
    HF_CO_TRY_VOID(co_await ctx.timer(milliseconds(100)));
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
      {"NamedCodeIsNotRetried", named_code, failing_run},
      {"UnknownActivity", unknown_activity, failing_run},
      {"ThrowingActivity", throwing, plain_run},
      {"AttemptTooLong", attempt_too_long, failing_run},
      {"NeverStarted", never_started, failing_run},
      {"OverallTooLong", overall_too_long, failing_run},
      {"SilentAttempt", silent_attempt, plain_run},
      {"DetailsGoOn", details_go_on, tell_details_go_on},
      {"BackingOff", backing_off, tell_backing_off},
      {"Urgent", urgent, plain_run},
      {"SuspendingActivity", suspending, plain_run},
      {"Parallel", parallel, plain_run, {"a"}, kWhoIsFaster},
      {"CarriedHeader", carried_header, tell_carried_header},
      {"WholeLife", whole_life, tell_whole_life, {"a"}, kWhoIsFaster},
  };
}

}  // namespace holdfast::flow::stories
