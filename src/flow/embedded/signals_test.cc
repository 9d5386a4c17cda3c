// Signals, timers, conditions, queries, progress, memo, and the races between them.
#include "flow/embedded/engine_fixture.h"

namespace holdfast::flow::embedded {
namespace {

class SignalsTest : public CacheTest {};
HF_WITH_AND_WITHOUT_CACHE(SignalsTest);

Task<Result<Json>> collect(WorkflowContext& ctx) {
  JsonArray seen;
  HF_CO_TRY_VOID(co_await ctx.timer(hours(1)));
  for (int i = 0; i < 3; ++i) {
    HF_CO_TRY(Json payload, co_await ctx.wait_signal("item"));
    seen.push_back(std::move(payload));
  }
  co_return Json(std::move(seen));
}

TEST_P(SignalsTest, KeepsSignalsUntilTheWorkflowListens) {
  workflows.add("collect", collect);
  open();
  ASSERT_TRUE(start("collect", "w"));
  ASSERT_TRUE(signal("w", "item", 1));
  ASSERT_TRUE(signal("w", "item", 2));
  ASSERT_TRUE(signal("w", "other", 9));
  advance(hours(1));
  ASSERT_TRUE(signal("w", "item", 3));
  EXPECT_EQ(to_text(*result("w")), "[1,2,3]");
}

TEST_P(SignalsTest, TakesARepeatedSignalOnce) {
  workflows.add("collect", collect);
  open();
  ASSERT_TRUE(start("collect", "w"));
  ASSERT_TRUE(signal("w", "item", 1, "r1"));
  ASSERT_TRUE(signal("w", "item", 1, "r1"));
  ASSERT_TRUE(signal("w", "item", 2, "r2"));
  advance(hours(1));
  EXPECT_EQ(describe("w")->run.status, RunStatus::kRunning);
  ASSERT_TRUE(signal("w", "item", 1, "r1"));
  EXPECT_EQ(describe("w")->run.status, RunStatus::kRunning);
  ASSERT_TRUE(signal("w", "item", 3, "r3"));
  EXPECT_EQ(to_text(*result("w")), "[1,2,3]");
}

Task<Result<Json>> approve_or_expire(WorkflowContext& ctx) {
  HF_CO_TRY(const std::optional<Json> answer, co_await ctx.wait_signal("approve", hours(24)));
  co_return answer ? *answer : Json("expired");
}

TEST_P(SignalsTest, GivesUpAWaitWhenTheTimeHasPassed) {
  workflows.add("approve", approve_or_expire);
  open();
  ASSERT_TRUE(start("approve", "w"));
  advance(hours(23));
  EXPECT_EQ(describe("w")->run.status, RunStatus::kRunning);
  advance(hours(1));
  EXPECT_EQ(result("w")->as_string(), "expired");
}

TEST_P(SignalsTest, CancelsTheTimerWhenTheSignalComes) {
  workflows.add("approve", approve_or_expire);
  open();
  ASSERT_TRUE(start("approve", "w"));
  advance(hours(23));
  ASSERT_TRUE(signal("w", "approve", "yes"));
  EXPECT_EQ(result("w")->as_string(), "yes");
  EXPECT_EQ(std::ranges::count(events("w"), "TimerCanceled"), 1);
  EXPECT_EQ(std::ranges::count(events("w"), "TimerFired"), 0);
}

TEST_P(SignalsTest, FiresATimerThatRanOutWhileNothingRan) {
  workflows.add("approve", approve_or_expire);
  open();
  ASSERT_TRUE(start("approve", "w"));
  engine.reset();
  clock.advance(hours(30));
  restart();
  ASSERT_TRUE(run_to_end("w"));
  EXPECT_EQ(result("w")->as_string(), "expired");
}

Task<Result<Json>> handler_counts(WorkflowContext& ctx) {
  auto sum = std::make_shared<std::int64_t>(0);
  ctx.on_signal("add", [sum](const Json& value) { *sum += value.as_int64(); });
  ctx.set_query("sum", [sum](const Json&) -> Result<Json> { return Json(*sum); });
  HF_CO_TRY_VOID(co_await ctx.wait_condition([sum] { return *sum >= 10; }));
  co_return Json(*sum);
}

TEST_P(SignalsTest, RunsHandlersConditionsAndQueries) {
  workflows.add("count", handler_counts);
  open();
  ASSERT_TRUE(start("count", "w"));
  EXPECT_EQ(query("w", "sum")->as_int64(), 0);
  ASSERT_TRUE(signal("w", "add", 4));
  EXPECT_EQ(query("w", "sum")->as_int64(), 4);
  EXPECT_EQ(query("w", "nothing").error().code(), Code::kNotFound);
  ASSERT_TRUE(signal("w", "add", 5));
  ASSERT_TRUE(signal("w", "add", 6));
  EXPECT_EQ(result("w")->as_int64(), 15);
  EXPECT_EQ(query("w", "sum")->as_int64(), 15);
}

Task<Result<Json>> condition_with_limit(WorkflowContext& ctx) {
  auto seen = std::make_shared<bool>(false);
  ctx.on_signal("go", [seen](const Json&) { *seen = true; });
  HF_CO_TRY(const bool held, co_await ctx.wait_condition([seen] { return *seen; }, minutes(5)));
  co_return Json(held);
}

TEST_P(SignalsTest, LimitsTheWaitForACondition) {
  workflows.add("limit", condition_with_limit);
  open();
  ASSERT_TRUE(start("limit", "late"));
  ASSERT_TRUE(start("limit", "early"));
  ASSERT_TRUE(signal("early", "go"));
  advance(minutes(5));
  EXPECT_FALSE(result("late")->as_bool());
  EXPECT_TRUE(result("early")->as_bool());
}

Task<Result<Json>> race(WorkflowContext& ctx) {
  const auto activity = ctx.activity("work", {});
  const auto timer = ctx.timer(minutes(1));
  const auto signal = ctx.wait_signal("go");
  HF_CO_TRY(const std::size_t first, co_await wait_any(ctx, activity, timer, signal));
  constexpr std::array kNames = {"activity", "timer", "signal"};
  co_return Json(kNames.at(first));
}

TEST_P(SignalsTest, SeesWhateverCameFirst) {
  workflows.add("race", race);
  std::promise<void> release;
  auto released = release.get_future().share();
  activities.add("work", [released](ActivityContext& ctx, const Json&) -> Result<Json> {
    if (ctx.info().workflow_id.text() != "activity") {
      released.wait();
    }
    return Json();
  });
  open();
  ASSERT_TRUE(start("race", "activity"));
  EXPECT_EQ(result("activity")->as_string(), "activity");
  ASSERT_TRUE(start("race", "signal"));
  ASSERT_TRUE(signal("signal", "go"));
  EXPECT_EQ(result("signal")->as_string(), "signal");
  ASSERT_TRUE(start("race", "timer"));
  clock.advance(minutes(1));
  EXPECT_EQ(result("timer")->as_string(), "timer");
  release.set_value();
}

std::function<void()> during_code;

Task<Result<Json>> closes_after_timer(WorkflowContext& ctx) {
  HF_CO_TRY_VOID(co_await ctx.timer(minutes(1)));
  if (during_code) {
    std::exchange(during_code, nullptr)();
  }
  std::int64_t count = 0;
  while (ctx.poll_signal("late")) {
    ++count;
  }
  co_return Json(count);
}

TEST_P(SignalsTest, FailsTheTaskThatWouldCloseOverASignal) {
  workflows.add("close", closes_after_timer);
  open();
  ASSERT_TRUE(start("close", "w"));
  std::future<Status> sent;
  during_code = [&] {
    const auto before = engine->stats().inputs;
    sent = std::async(std::launch::async, [&] { return signal("w", "late"); });
    // The signal waits in the inbox of the run, which is busy with this code.
    while (engine->stats().inputs == before) {
      std::this_thread::yield();
    }
  };
  advance(minutes(1));
  EXPECT_TRUE(sent.get());
  EXPECT_EQ(result("w")->as_int64(), 1);
  const auto names = events("w");
  EXPECT_EQ(std::ranges::count(names, "WorkflowTaskFailed"), 1);
  EXPECT_EQ(std::ranges::count(names, "WorkflowExecutionCompleted"), 1);
}

Task<Result<Json>> shows_itself(WorkflowContext& ctx) {
  ctx.set_progress(Json{{"step", "waiting"}});
  ctx.upsert_memo({{"phase", "one"}, {"old", nullptr}});
  ctx.upsert_search_attributes({{"resource", "db1"}});
  HF_CO_TRY_VOID(co_await ctx.wait_signal("go"));
  ctx.set_progress(Json{{"step", "done"}});
  co_return Json(ctx.uuid() + " " + ctx.uuid());
}

TEST_P(SignalsTest, ShowsProgressMemoAndAttributes) {
  workflows.add("shows", shows_itself);
  open();
  StartOptions how;
  how.memo = {{"old", "x"}, {"kept", "y"}};
  how.header = {{"traceparent", "00-1-2-01"}};
  ASSERT_TRUE(start("shows", "w", {}, how));
  auto shown = describe("w");
  EXPECT_EQ(get_string(shown->run.progress, "step"), "waiting");
  EXPECT_EQ(shown->run.memo, (JsonObject{{"kept", "y"}, {"phase", "one"}}));
  EXPECT_EQ(shown->header.at("traceparent"), "00-1-2-01");
  ListQuery by_resource;
  by_resource.attributes = {{"resource", "db1"}};
  EXPECT_EQ(wait(engine->client().list(by_resource))->runs.size(), 1U);
  ASSERT_TRUE(signal("w", "go"));
  ASSERT_TRUE(result("w"));
  EXPECT_EQ(get_string(*query("w", "progress"), "step"), "done");
}

Task<Result<Json>> first_signal(WorkflowContext& ctx) { co_return co_await ctx.wait_signal("go"); }

TEST_P(SignalsTest, StartsWithASignalOrSignalsTheOpenRun) {
  workflows.add("first", first_signal);
  workflows.add("two", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    HF_CO_TRY(const Json a, co_await ctx.wait_signal("go"));
    HF_CO_TRY(const Json b, co_await ctx.wait_signal("go"));
    co_return Json(JsonArray{a, b});
  });
  open();
  const auto both = [&](const std::string& type, const std::string& id, Json payload,
                        const std::string& request) {
    StartOptions how;
    how.request_id = request;
    return wait(engine->client().signal_with_start(type, WorkflowId(id), {}, how, "go", payload));
  };
  const auto one = both("two", "w", 1, "a");
  ASSERT_TRUE(one);
  EXPECT_TRUE(one->created);
  EXPECT_EQ(events("w").at(1), "WorkflowExecutionSignaled");
  const auto two = both("two", "w", 2, "b");
  ASSERT_TRUE(two);
  EXPECT_FALSE(two->created);
  EXPECT_EQ(two->run_id, one->run_id);
  EXPECT_EQ(to_text(*result("w")), "[1,2]");
  // The same request again finds its run, closed or not; a new one begins the next.
  EXPECT_EQ(both("two", "w", 1, "a")->run_id, one->run_id);
  const auto next = both("first", "w", 3, "c");
  ASSERT_TRUE(next);
  EXPECT_TRUE(next->created);
  EXPECT_EQ(to_text(*result("w")), "3");
  EXPECT_EQ(both("none", "x", 1, "").error().code(), Code::kNotFound);
}

Task<Result<Json>> timers_in_order(WorkflowContext& ctx) {
  auto order = std::make_shared<JsonArray>();
  static constexpr auto kOne = [](WorkflowContext c, int n,
                                  std::shared_ptr<JsonArray> into) -> Task<Status> {
    HF_CO_TRY_VOID(co_await c.timer(minutes(n)));
    into->push_back(n);
    co_return Status();
  };
  const auto a = ctx.fork(kOne(ctx, 3, order));
  const auto b = ctx.fork(kOne(ctx, 1, order));
  const auto c = ctx.fork(kOne(ctx, 2, order));
  HF_CO_TRY_VOID(co_await a);
  HF_CO_TRY_VOID(co_await b);
  HF_CO_TRY_VOID(co_await c);
  co_return Json(*order);
}

TEST_P(SignalsTest, FiresOverdueTimersInTheirOrderAfterARestart) {
  workflows.add("timers", timers_in_order);
  open();
  ASSERT_TRUE(start("timers", "w"));
  idle();
  EXPECT_EQ(describe("w")->timers.size(), 3U);
  engine.reset();
  clock.advance(hours(1));
  restart();
  ASSERT_TRUE(run_to_end("w"));
  EXPECT_EQ(to_text(*result("w")), "[1,2,3]");
}

}  // namespace
}  // namespace holdfast::flow::embedded
