// Stories about cancellation: each cancel type in each state of an activity, scopes, clean-up.
#include "flow/testing/story.h"

namespace holdfast::flow::stories {
namespace {

// Starts "work", and cancels it when "stop" is signalled; what the code sees of it is the result.
// With "more" the run goes on after that, so that a late end of the activity meets it.
Task<Result<Json>> cancelling(WorkflowContext& ctx, ActivityOptions options) {
  const auto work = ctx.activity("work", {}, options);
  HF_CO_TRY_VOID(co_await ctx.wait_signal("stop"));
  work.cancel();
  const bool at_once = work.ready();
  const Result<Json> ended = co_await work;
  HF_CO_TRY_VOID(co_await ctx.wait_signal("end"));
  co_return Json(
      JsonObject{{"at_once", at_once},
                 {"code", ended ? "value" : std::string(describe(ended.error().code()).name)}});
}

ActivityOptions scheduled_only(CancelType type) {
  ActivityOptions options;
  options.queue = "agent:nobody";
  options.cancel_type = type;
  return options;
}

ActivityOptions in_work(CancelType type) {
  ActivityOptions options;
  options.heartbeat = seconds(30);
  options.cancel_type = type;
  return options;
}

ActivityOptions between_attempts(CancelType type) {
  ActivityOptions options;
  options.retry.initial = hours(1);
  options.cancel_type = type;
  return options;
}

template <auto kOptions, CancelType kType>
void cancelled_in(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    return cancelling(ctx, kOptions(kType));
  });
  stage.activities.add("work", [&stage](ActivityContext& ctx, const Json&) -> Result<Json> {
    if (ctx.info().heartbeat_timeout.count() == 0) {
      return lost();
    }
    stage.ledger.note("began");
    auto ended = until_stopped(ctx);
    stage.ledger.note("ended");
    return ended;
  });
}

// What the code sees of the cancelled activity: at once, or when it has ended.
struct Seen {
  bool at_once;
  bool event;  // ActivityTaskCanceled comes
};
constexpr Seen kTried = {.at_once = true, .event = true};
constexpr Seen kWaited = {.at_once = false, .event = true};
constexpr Seen kAbandoned = {.at_once = true, .event = false};

void stop_and_end(Stage& stage, Seen seen) {
  ASSERT_TRUE(stage.signal("a", "stop"));
  stage.wait_for("a", "WorkflowTaskCompleted", 2);
  if (seen.event) {
    stage.wait_for("a", "ActivityTaskCanceled");
    stage.wait_for("a", "WorkflowTaskCompleted", 3);
  }
  ASSERT_TRUE(stage.signal("a", "end"));
  const auto told = stage.result("a");
  ASSERT_TRUE(told) << told.error().to_string();
  EXPECT_EQ(get_bool(*told, "at_once"), seen.at_once);
  EXPECT_EQ(get_string(*told, "code"), "cancelled");
}

template <Seen kSeen>
void tell_scheduled(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  stage.wait_for("a", "ActivityTaskScheduled");
  stop_and_end(stage, kSeen);
}

template <Seen kSeen>
void tell_in_work(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  stage.ledger.wait_for("began");
  stop_and_end(stage, kSeen);
  stage.ledger.wait_for("ended");
}

template <Seen kSeen>
void tell_between(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  stage.wait_until("a", [](const RunDescription& told) {
    return told.activities.size() == 1 && told.activities[0].state == "backing_off";
  });
  stop_and_end(stage, kSeen);
}

// The run is cancelled while an activity runs; it waits for that and cleans up in a shielded scope.
void cleaned_up(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    ActivityOptions options;
    options.heartbeat = seconds(30);
    const auto work = co_await ctx.activity("work", {}, options);
    const WorkflowContext clean = ctx.shielded();
    HF_CO_TRY_VOID(co_await clean.activity("echo", Json("clean-up")));
    const auto refused = co_await ctx.activity("echo", Json("never"));
    co_return refused ? refused : work;
  });
  stage.activities.add("echo", echo);
  stage.activities.add("work", [&stage](ActivityContext& ctx, const Json&) -> Result<Json> {
    stage.ledger.note("began");
    return until_stopped(ctx);
  });
}

void tell_cleaned_up(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  stage.ledger.wait_for("began");
  ASSERT_TRUE(stage.cancel("a"));
  const auto outcome = stage.result("a");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Code::kCancelled);
  EXPECT_EQ(stage.describe("a")->run.status, RunStatus::kCanceled);
  EXPECT_TRUE(stage.describe("a")->cancel_requested);
}

// An activity that was asked to stop ends with its value nevertheless.
void finished_anyway(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    ActivityOptions options;
    options.heartbeat = seconds(30);
    co_return co_await ctx.activity("work", {}, options);
  });
  stage.activities.add("work", [&stage](ActivityContext& ctx, const Json&) -> Result<Json> {
    stage.ledger.note("began");
    EXPECT_FALSE(until_stopped(ctx));
    return Json("just done");
  });
}

void tell_finished_anyway(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  stage.ledger.wait_for("began");
  ASSERT_TRUE(stage.cancel("a"));
  EXPECT_EQ(stage.result("a").value(), Json("just done"));
}

// One that was asked to stop fails instead, and is not tried again.
void failed_instead(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    ActivityOptions options = quick_retries();
    options.heartbeat = seconds(30);
    co_return co_await ctx.activity("work", {}, options);
  });
  stage.activities.add("work", [&stage](ActivityContext& ctx, const Json&) -> Result<Json> {
    stage.ledger.note("began");
    EXPECT_FALSE(until_stopped(ctx));
    return lost();
  });
}

void tell_failed_instead(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  stage.ledger.wait_for("began");
  ASSERT_TRUE(stage.cancel("a"));
  EXPECT_FALSE(stage.result("a"));
  EXPECT_EQ(stage.ledger.count("began"), 1);
}

void inner_scope(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    const WorkflowContext inner = ctx.scope();
    const auto first = inner.timer(hours(10));
    HF_CO_TRY_VOID(co_await ctx.wait_signal("drop"));
    inner.cancel_scope();
    const Status inner_end = co_await first;
    const Status refused = co_await inner.timer(hours(1));
    HF_CO_TRY_VOID(co_await ctx.activity("echo", Json("outside")));
    co_return Json(!inner_end && !refused && inner.cancelled() && !ctx.cancelled());
  });
  stage.activities.add("echo", echo);
}

void tell_inner_scope(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  stage.wait_for("a", "TimerStarted");
  ASSERT_TRUE(stage.signal("a", "drop"));
  EXPECT_EQ(stage.result("a").value(), Json(true));
}

void vanishing(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    const auto timer = ctx.timer(hours(1));
    const auto activity = ctx.activity("work", {});
    const Child child = ctx.child("w", {});
    timer.cancel();
    activity.cancel();
    child.result.cancel();
    const Status timer_end = co_await timer;
    const Result<Json> activity_end = co_await activity;
    const Result<Json> child_end = co_await child.result;
    co_return Json(!timer_end && !activity_end && !child_end);
  });
}

void stubborn(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    const Result<Json> go = co_await ctx.wait_signal("go");
    if (go) {
      co_return Json("went");
    }
    const WorkflowContext clean = ctx.shielded();
    HF_CO_TRY_VOID(co_await clean.wait_signal("really"));
    co_return Json("finished anyway");
  });
}

void tell_stubborn(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  stage.wait_for("a", "WorkflowTaskCompleted");
  ASSERT_TRUE(stage.cancel("a"));
  stage.wait_for("a", "WorkflowTaskCompleted", 2);
  EXPECT_EQ(stage.describe("a")->run.status, RunStatus::kRunning);
  ASSERT_TRUE(stage.signal("a", "really"));
  EXPECT_EQ(stage.result("a").value(), Json("finished anyway"));
}

void cancelled_timer(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    const Status waited = co_await ctx.timer(hours(10));
    HF_CO_TRY_VOID(waited);
    co_return Json("never");
  });
}

void tell_cancelled_timer(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  stage.wait_for("a", "TimerStarted");
  EXPECT_EQ(stage.describe("a")->timers.size(), 1U);
  ASSERT_TRUE(stage.cancel("a"));
  EXPECT_FALSE(stage.result("a"));
}

// Before its first workflow task; asked twice, it is cancelled once.
void tell_cancelled_early(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  ASSERT_TRUE(stage.cancel("a"));
  const auto outcome = stage.result("a");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Code::kCancelled);
  EXPECT_TRUE(stage.cancel("a"));  // idempotent, also now
}

}  // namespace

std::vector<Story> cancel_stories() {
  using enum CancelType;
  return {
      {"CancelScheduledTry", cancelled_in<scheduled_only, kTryCancel>, tell_scheduled<kTried>},
      {"CancelScheduledWait", cancelled_in<scheduled_only, kWaitCompleted>,
       tell_scheduled<kWaited>},
      {"CancelScheduledAbandon", cancelled_in<scheduled_only, kAbandon>,
       tell_scheduled<kAbandoned>},
      {"CancelInWorkTry", cancelled_in<in_work, kTryCancel>, tell_in_work<kTried>},
      {"CancelInWorkWait", cancelled_in<in_work, kWaitCompleted>, tell_in_work<kWaited>},
      {"CancelInWorkAbandon", cancelled_in<in_work, kAbandon>, tell_in_work<kAbandoned>},
      {"CancelBackingOffTry", cancelled_in<between_attempts, kTryCancel>, tell_between<kTried>},
      {"CancelBackingOffWait", cancelled_in<between_attempts, kWaitCompleted>,
       tell_between<kWaited>},
      {"CancelBackingOffAbandon", cancelled_in<between_attempts, kAbandon>,
       tell_between<kAbandoned>},
      {"CleanedUp", cleaned_up, tell_cleaned_up},
      {"FinishedAnyway", finished_anyway, tell_finished_anyway},
      {"FailedInstead", failed_instead, tell_failed_instead},
      {"InnerScope", inner_scope, tell_inner_scope},
      {"VanishedCommands", vanishing, plain_run},
      {"Stubborn", stubborn, tell_stubborn},
      {"CancelledTimer", cancelled_timer, tell_cancelled_timer},
      {"CancelledEarly", cancelled_timer, tell_cancelled_early, {}},
  };
}

}  // namespace holdfast::flow::stories
