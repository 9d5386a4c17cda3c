// Stories about what happens at the same time: timers, signals, activities, and tasks that close a
// run while something arrives.
#include "flow/testing/story.h"

namespace holdfast::flow::stories {
namespace {

// A decision with a deadline.
void decided(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    const Nanoseconds limit = ctx.input().is_null() ? Nanoseconds(hours(10)) : milliseconds(50);
    HF_CO_TRY(const auto answer, co_await ctx.wait_signal("decide", limit));
    co_return answer.value_or(Json("nobody"));
  });
}

void tell_signal_before_timer(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  stage.wait_for("a", "WorkflowTaskCompleted");
  ASSERT_TRUE(stage.signal("a", "decide", Json("yes")));
  EXPECT_EQ(stage.result("a").value(), Json("yes"));
}

void tell_timer_before_signal(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a", Json("short")));
  EXPECT_EQ(stage.result("a").value(), Json("nobody"));
  EXPECT_EQ(stage.signal("a", "decide").error().code(), Code::kFailedPrecondition);
}

// An activity that has begun against a timer; the slower one is given up.
template <bool kActivityWins>
Task<Result<Json>> raced_run(WorkflowContext& ctx) {
  ActivityOptions how;
  how.heartbeat = seconds(30);
  const auto work = ctx.activity("work", {}, how);
  HF_CO_TRY_VOID(co_await ctx.wait_signal("begun"));
  const auto timer = ctx.timer(kActivityWins ? Nanoseconds(hours(10)) : milliseconds(50));
  HF_CO_TRY(const auto first, co_await wait_any(ctx, work, timer));
  work.cancel();
  timer.cancel();
  const auto ended = co_await work;
  co_return Json(JsonArray{first, ended ? *ended : Json("gone")});
}

template <bool kActivityWins>
void raced(Stage& stage) {
  stage.workflows.add("w", raced_run<kActivityWins>);
  stage.activities.add("work", [&stage](ActivityContext& ctx, const Json&) -> Result<Json> {
    stage.ledger.note("begun");
    if (kActivityWins) {
      stage.ledger.wait_for("timer started");
      return Json("done");
    }
    return until_stopped(ctx);
  });
}

void begin_race(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  stage.ledger.wait_for("begun");
  ASSERT_TRUE(stage.signal("a", "begun"));
  stage.wait_for("a", "TimerStarted");
  stage.ledger.note("timer started");
}

void tell_activity_wins(Stage& stage) {
  begin_race(stage);
  EXPECT_EQ(stage.result("a").value(), Json(JsonArray{0, Json("done")}));
}

void tell_timer_wins(Stage& stage) {
  begin_race(stage);
  EXPECT_EQ(stage.result("a").value(), Json(JsonArray{1, Json("gone")}));
}

// A signal comes while the task that ends the run is under way: it is seen before the end.
Task<Result<Json>> overtaken_run(WorkflowContext& ctx, Gate gate) {
  HF_CO_TRY_VOID(co_await ctx.wait_signal("begin"));
  HF_CO_TRY_VOID(gate.pass(ctx));
  JsonArray late;
  while (const auto word = ctx.poll_signal("late")) {
    late.push_back(*word);
  }
  co_return Json(std::move(late));
}

void overtaken(Stage& stage) {
  stage.workflows.add(
      "w", [gate = stage.gate](WorkflowContext& ctx) { return overtaken_run(ctx, gate); });
}

void signal_during_task(Stage& stage, const std::vector<std::string>& words) {
  ASSERT_TRUE(stage.start("w", "a"));
  stage.wait_for("a", "WorkflowTaskCompleted");
  stage.aside([&stage] { EXPECT_TRUE(stage.signal("a", "begin")); });
  stage.gate.wait_until_reached();
  for (const std::string& word : words) {
    stage.call_during_task([&stage, word] { EXPECT_TRUE(stage.signal("a", "late", Json(word))); });
  }
  stage.gate.open();
}

void tell_overtaken(Stage& stage) {
  signal_during_task(stage, {"1", "2"});
  EXPECT_EQ(stage.result("a").value(), Json(JsonArray{"1", "2"}));
  EXPECT_EQ(stage.count("a", "WorkflowTaskFailed"), 1);  // UNHANDLED_COMMAND
}

// What comes during a task is buffered: signals stand before the end of an activity.
Task<Result<Json>> buffered_run(WorkflowContext& ctx, Gate gate) {
  const auto work = ctx.activity("work", {});
  HF_CO_TRY_VOID(co_await ctx.wait_signal("begin"));
  HF_CO_TRY_VOID(gate.pass(ctx));
  HF_CO_TRY_VOID(co_await work);
  HF_CO_TRY(const Json word, co_await ctx.wait_signal("late"));
  co_return word;
}

void buffered(Stage& stage) {
  stage.workflows.add(
      "w", [gate = stage.gate](WorkflowContext& ctx) { return buffered_run(ctx, gate); });
  stage.activities.add("work", [&stage](ActivityContext&, const Json&) -> Result<Json> {
    stage.ledger.note("began");
    stage.ledger.wait_for("finish");
    return Json("worked");
  });
}

void tell_buffered(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  stage.ledger.wait_for("began");
  stage.wait_for("a", "WorkflowTaskCompleted");
  stage.aside([&stage] { EXPECT_TRUE(stage.signal("a", "begin")); });
  stage.gate.wait_until_reached();
  stage.call_during_task([&stage] { EXPECT_TRUE(stage.signal("a", "late", Json("word"))); });
  stage.ledger.note("finish");
  stage.gate.open();
  EXPECT_EQ(stage.result("a").value(), Json("word"));
}

// A run that continues as a new one while a signal waits for it does not lose it.
Task<Result<Json>> continuing_run(WorkflowContext& ctx, Gate gate) {
  if (!ctx.input().is_null()) {
    co_return ctx.input();
  }
  HF_CO_TRY_VOID(co_await ctx.wait_signal("begin"));
  HF_CO_TRY_VOID(gate.pass(ctx));
  JsonArray late;
  while (const auto word = ctx.poll_signal("late")) {
    late.push_back(*word);
  }
  co_return ctx.continue_as_new(Json(std::move(late)));
}

void continuing(Stage& stage) {
  stage.workflows.add(
      "w", [gate = stage.gate](WorkflowContext& ctx) { return continuing_run(ctx, gate); });
}

void tell_continuing(Stage& stage) {
  signal_during_task(stage, {"1", "2"});
  EXPECT_EQ(stage.result("a").value(), Json(JsonArray{"1", "2"}));
}

// A condition with a deadline: the state decides, whatever changed it.
void conditional(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    const auto sum = std::make_shared<std::int64_t>(0);
    ctx.on_signal("add", [sum](const Json& more) { *sum += more.get_int64(); });
    HF_CO_TRY(const bool reached,
              co_await ctx.wait_condition([sum] { return *sum >= 3; }, hours(1)));
    HF_CO_TRY(const bool again,
              co_await ctx.wait_condition([sum] { return *sum >= 99; }, milliseconds(50)));
    co_return Json(JsonArray{reached, again, *sum});
  });
}

void tell_conditional(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  stage.wait_for("a", "WorkflowTaskCompleted");
  ASSERT_TRUE(stage.signal("a", "add", Json(1)));
  stage.wait_for("a", "WorkflowTaskCompleted", 2);
  ASSERT_TRUE(stage.signal("a", "add", Json(2)));
  EXPECT_EQ(stage.result("a").value(), Json(JsonArray{true, false, 3}));
}

void timers(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    HF_CO_TRY_VOID(co_await ctx.timer(milliseconds(20)));
    HF_CO_TRY_VOID(co_await ctx.timer(Nanoseconds(0)));
    const auto long_one = ctx.timer(hours(10));
    HF_CO_TRY_VOID(co_await ctx.timer(milliseconds(1500)));
    long_one.cancel();
    co_return Json(ctx.uuid().size());
  });
}

// Code beside code: two forks that wait for each other's words.
void forked(Stage& stage) {
  static const auto part = [](WorkflowContext ctx, std::string name) -> Task<Result<Json>> {
    HF_CO_TRY(const Json word, co_await ctx.wait_signal(name));
    co_return co_await ctx.activity("echo", word);
  };
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    const auto left = ctx.fork(part(ctx, "left"));
    const auto right = ctx.fork(part(ctx, "right"));
    HF_CO_TRY(const Json one, co_await left);
    HF_CO_TRY(const Json two, co_await right);
    co_return Json(JsonArray{one, two});
  });
  stage.activities.add("echo", echo);
}

void tell_forked(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  stage.wait_for("a", "WorkflowTaskCompleted");
  ASSERT_TRUE(stage.signal("a", "right", Json("r")));
  stage.wait_for("a", "ActivityTaskCompleted");
  stage.wait_for("a", "WorkflowTaskCompleted", 3);
  ASSERT_TRUE(stage.signal("a", "left", Json("l")));
  EXPECT_EQ(stage.result("a").value(), Json(JsonArray{"l", "r"}));
}

}  // namespace

std::vector<Story> race_stories() {
  return {
      {"SignalBeforeTimer", decided, tell_signal_before_timer},
      {"TimerBeforeSignal", decided, tell_timer_before_signal},
      {"ActivityBeforeTimer", raced<true>, tell_activity_wins},
      {"TimerBeforeActivity", raced<false>, tell_timer_wins},
      {"OvertakenEnd", overtaken, tell_overtaken},
      {"BufferedEvents", buffered, tell_buffered, {"a"}, kWhoIsFaster},
      {"ContinuedWithSignals", continuing, tell_continuing},
      {"Conditions", conditional, tell_conditional},
      {"Timers", timers, plain_run},
      {"Forks", forked, tell_forked},
  };
}

}  // namespace holdfast::flow::stories
