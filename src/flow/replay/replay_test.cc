// The replay core alone: windows, matching, failures, and the JSON form of histories.
#include <gtest/gtest.h>

#include "flow/embedded/engine_fixture.h"
#include "flow/history_json.h"
#include "flow/replay/script_fixture.h"

namespace holdfast::flow {
namespace {

Task<Result<Json>> two_steps(WorkflowContext& ctx) {
  HF_CO_TRY(const Json a, co_await ctx.activity("a", {}));
  HF_CO_TRY(const Json b, co_await ctx.activity("b", a));
  co_return b;
}

class ReplayTest : public testing::Test {
 protected:
  ReplayTest() { registry_.add("two", two_steps); }

  Status replay(const Script& script) {
    return replay_history(export_history(script.events), registry_);
  }

  WorkflowRegistry registry_;
};

Script two_steps_history() {
  Script script;
  script.begin("two").task().activity("1", "a").activity_done(5, 1);
  script.task().activity("2", "b").activity_done(11, 2).task().completed(2);
  return script;
}

TEST_F(ReplayTest, AcceptsTheHistoryOfTheSameCode) {
  const Status replayed = replay(two_steps_history());
  EXPECT_TRUE(replayed) << replayed.error().to_string();
}

TEST_F(ReplayTest, AcceptsAHistoryThatEndsAnywhereBetweenTasks) {
  const Script whole = two_steps_history();
  for (const std::size_t length : {1U, 5U, 7U, 11U, 13U}) {
    Script part;
    part.events.assign(whole.events.begin(), whole.events.begin() + static_cast<long>(length));
    const Status replayed = replay(part);
    EXPECT_TRUE(replayed) << length << ": " << replayed.error().to_string();
  }
}

TEST_F(ReplayTest, NamesTheEventThatTheCodeDoesNotAskFor) {
  Script script;
  script.begin("two").task().activity("1", "x");
  const Status replayed = replay(script);
  ASSERT_FALSE(replayed);
  EXPECT_EQ(replayed.error().code(), Code::kFailedPrecondition);
  EXPECT_NE(replayed.error().message().find("event 5 is ActivityTaskScheduled (x 1)"),
            std::string::npos)
      << replayed.error().message();
  EXPECT_NE(replayed.error().message().find("ActivityTaskScheduled (a 1)"), std::string::npos);
}

TEST_F(ReplayTest, FindsEveryWayInWhichCodeAndHistoryDiffer) {
  Script timer_instead;
  timer_instead.begin("two").task().timer("1");
  Script too_early;
  too_early.begin("two").task().completed(1);
  Script missing;
  missing.begin("two").task().signal("x").task();
  Script too_much;
  too_much.begin("two").task().activity("1", "a").timer("1");
  Script unknown_outcome;
  unknown_outcome.begin("two").task().activity("1", "a").activity_done(4, 1).task();
  Script twice;
  twice.begin("two").task().activity("1", "a").activity_done(5, 1).activity_done(5, 1).task();
  int number = 0;
  for (const Script& script :
       {timer_instead, too_early, missing, too_much, unknown_outcome, twice}) {
    const Status replayed = replay(script);
    ASSERT_FALSE(replayed) << number;
    EXPECT_EQ(replayed.error().code(), Code::kFailedPrecondition) << number;
    ++number;
  }
}

TEST_F(ReplayTest, RefusesAnUnknownTypeAndAGap) {
  Script unknown;
  unknown.begin("nobody").task();
  EXPECT_EQ(replay(unknown).error().code(), Code::kNotFound);
  Script gap = two_steps_history();
  gap.events.erase(gap.events.begin() + 6);
  EXPECT_EQ(replay(gap).error().code(), Code::kDataLoss);
  EXPECT_EQ(replay_history(Json("x"), registry_).error().code(), Code::kInvalidArgument);
}

TEST_F(ReplayTest, KeepsTheEventsOfAFailedTaskForTheNext) {
  Script script;
  script.begin("two");
  script.add(EventType::kWorkflowTaskScheduled).add(EventType::kWorkflowTaskStarted);
  script.add(EventType::kWorkflowTaskFailed);
  script.add(EventType::kWorkflowTaskScheduled).add(EventType::kWorkflowTaskStarted);
  script.add(EventType::kWorkflowTaskTimedOut);
  script.task().activity("1", "a");
  const Status replayed = replay(script);
  EXPECT_TRUE(replayed) << replayed.error().to_string();
}

Task<Result<Json>> order_of(WorkflowContext& ctx) {
  auto order = std::make_shared<std::string>();
  static constexpr auto kActivity = [](WorkflowContext c,
                                       std::shared_ptr<std::string> into) -> Task<bool> {
    (void)co_await c.activity("a", {});
    *into += "activity ";
    co_return true;
  };
  static constexpr auto kTimer = [](WorkflowContext c,
                                    std::shared_ptr<std::string> into) -> Task<bool> {
    (void)co_await c.timer(std::chrono::seconds(1));
    *into += "timer ";
    co_return true;
  };
  static constexpr auto kSignal = [](WorkflowContext c,
                                     std::shared_ptr<std::string> into) -> Task<bool> {
    (void)co_await c.wait_signal("s");
    *into += "signal ";
    co_return true;
  };
  const auto a = ctx.fork(kActivity(ctx, order));
  const auto t = ctx.fork(kTimer(ctx, order));
  const auto s = ctx.fork(kSignal(ctx, order));
  (void)co_await a;
  (void)co_await t;
  (void)co_await s;
  co_return Json(*order);
}

Script order_begin() {
  Script script;
  script.begin("order").task().activity("1", "a").timer("1");
  return script;
}

TEST_F(ReplayTest, AppliesSignalsFirstAndTheRestInTheOrderOfHistory) {
  registry_.add("order", order_of);
  Script together = order_begin();
  together.fired(6).activity_done(5, 1).signal("s");
  together.add(EventType::kWorkflowTaskScheduled).add(EventType::kWorkflowTaskStarted);
  EXPECT_EQ(outcome_of(together, registry_), "signal timer activity ");
}

TEST_F(ReplayTest, RunsCodeAtEachWindowAndNotOnceForAll) {
  registry_.add("order", order_of);
  Script apart = order_begin();
  apart.fired(6).task().activity_done(5, 1).task().signal("s");
  apart.add(EventType::kWorkflowTaskScheduled).add(EventType::kWorkflowTaskStarted);
  EXPECT_EQ(outcome_of(apart, registry_), "timer activity signal ");
}

Task<Result<Json>> tells_time(WorkflowContext& ctx) {
  const UtcTime before = ctx.now();
  HF_CO_TRY_VOID(co_await ctx.wait_signal("s"));
  co_return Json(to_rfc3339(before) + " " + to_rfc3339(ctx.now()));
}

TEST_F(ReplayTest, TellsTheTimeOfTheWorkflowTask) {
  registry_.add("time", tells_time);
  Script script;
  script.begin("time").task().signal("s");
  script.add(EventType::kWorkflowTaskScheduled).add(EventType::kWorkflowTaskStarted);
  EXPECT_EQ(outcome_of(script, registry_), "2026-01-01T00:00:02Z 2026-01-01T00:00:06Z");
}

TEST_F(ReplayTest, ExportsHistoriesAsTemporalWritesThem) {
  Script script;
  script.begin("two").task().activity("1", "a").activity_done(5, Json{{"x", 1}});
  const Json json = export_history(std::span(script.events).subspan(4));
  EXPECT_EQ(to_text(json), R"({"events":[{"eventId":"5","eventTime":"2026-01-01T00:00:04Z",)"
                           R"("eventType":"EVENT_TYPE_ACTIVITY_TASK_SCHEDULED",)"
                           R"("activityTaskScheduledEventAttributes":{"activityId":"1",)"
                           R"("activityType":{"name":"a"}}},)"
                           R"({"eventId":"6","eventTime":"2026-01-01T00:00:05Z",)"
                           R"("eventType":"EVENT_TYPE_ACTIVITY_TASK_STARTED",)"
                           R"("activityTaskStartedEventAttributes":{"scheduledEventId":"5"}},)"
                           R"({"eventId":"7","eventTime":"2026-01-01T00:00:06Z",)"
                           R"("eventType":"EVENT_TYPE_ACTIVITY_TASK_COMPLETED",)"
                           R"("activityTaskCompletedEventAttributes":{"scheduledEventId":"5",)"
                           R"("result":{"payloads":[{"metadata":{"encoding":"anNvbi9wbGFpbg=="},)"
                           R"("data":"eyJ4IjoxfQ=="}]}}}]})");
}

TEST_F(ReplayTest, ReadsBackWhatItExports) {
  Script script = two_steps_history();
  script.events[0].attributes["memo"] = {{"a", 1}};
  script.events[0].attributes["header"] = {{"traceparent", "x"}};
  script.events[0].attributes["searchAttributes"] = {{"resource", "r"}};
  script.add(EventType::kActivityTaskFailed,
             {{"scheduledEventId", 11},
              {"failure", to_failure(Error(Code::kNotFound, "gone").with("k", "v"))}});
  const auto read = import_history(export_history(script.events));
  ASSERT_TRUE(read) << read.error().to_string();
  ASSERT_EQ(read->size(), script.events.size());
  for (std::size_t i = 0; i < read->size(); ++i) {
    EXPECT_EQ((*read)[i].id, script.events[i].id);
    EXPECT_EQ((*read)[i].time, script.events[i].time);
    EXPECT_EQ((*read)[i].type, script.events[i].type);
    EXPECT_EQ((*read)[i].attributes, script.events[i].attributes) << i;
  }
}

// In the shape that Temporal's own command line prints, from a Go worker.
TEST_F(ReplayTest, ReadsAHistoryOfTemporal) {
  const auto history = parse_json(R"json({"events":[
    {"eventId":"1","eventTime":"2026-01-05T10:00:00.123456789Z",
     "eventType":"EVENT_TYPE_WORKFLOW_EXECUTION_STARTED","taskId":"1048587",
     "workflowExecutionStartedEventAttributes":{"workflowType":{"name":"two"},
      "taskQueue":{"name":"q","kind":"TASK_QUEUE_KIND_NORMAL"},
      "input":{"payloads":[{"metadata":{"encoding":"anNvbi9wbGFpbg=="},"data":"MQ=="}]},
      "originalExecutionRunId":"0190-a","workflowId":"w","attempt":1,"header":{}}},
    {"eventId":"2","eventTime":"2026-01-05T10:00:00.2Z",
     "eventType":"EVENT_TYPE_WORKFLOW_TASK_SCHEDULED",
     "workflowTaskScheduledEventAttributes":{"attempt":1}},
    {"eventId":"3","eventTime":"2026-01-05T10:00:00.3Z","eventType":"WorkflowTaskStarted",
     "workflowTaskStartedEventAttributes":{"scheduledEventId":"2"}},
    {"eventId":"4","eventTime":"2026-01-05T10:00:00.4Z",
     "eventType":"EVENT_TYPE_WORKFLOW_TASK_COMPLETED",
     "workflowTaskCompletedEventAttributes":{"scheduledEventId":"2","startedEventId":"3"}},
    {"eventId":"5","eventTime":"2026-01-05T10:00:00.4Z",
     "eventType":"EVENT_TYPE_ACTIVITY_TASK_SCHEDULED",
     "activityTaskScheduledEventAttributes":{"activityId":"1","activityType":{"name":"a"},
      "workflowTaskCompletedEventId":"4"}},
    {"eventId":"6","eventTime":"2026-01-05T10:00:01Z",
     "eventType":"EVENT_TYPE_SOMETHING_NEW","workerMayIgnore":true}
    ]})json");
  ASSERT_TRUE(history);
  const Status replayed = replay_history(*history, registry_);
  EXPECT_TRUE(replayed) << replayed.error().to_string();
}

TEST(Failures, KeepCodeMessageContextAndCause) {
  const Error error = Error(Code::kUnavailable, "no answer", Retry::kTransient)
                          .with("host", "h")
                          .caused_by(Error(Code::kNotFound, "no such name"));
  const Error back = from_failure(to_failure(error));
  EXPECT_EQ(back.code(), Code::kUnavailable);
  EXPECT_EQ(back.to_string(), error.to_string());
  EXPECT_EQ(back.retry(), Retry::kUnknown);
  EXPECT_EQ(back.cause()->code(), Code::kNotFound);
}

TEST(Durations, ReadWhatTheyWrite) {
  for (const std::int64_t nanos :
       {0L, 1L, 1'000'000L, 500'000'000L, 90'000'000'000L, 1'234'567'890L}) {
    const JsonObject attributes = {{"d", duration_text(Nanoseconds(nanos))}};
    EXPECT_EQ(duration_from(attributes, "d").count(), nanos) << duration_text(Nanoseconds(nanos));
  }
  EXPECT_EQ(duration_text(std::chrono::milliseconds(1500)), "1.500s");
}

class ChangedCodeTest : public embedded::CacheTest {
 protected:
  ChangedCodeTest() { replayable = false; }
};
INSTANTIATE_TEST_SUITE_P(Cache, ChangedCodeTest, testing::Values(0, 1000));

Task<Result<Json>> version_one(WorkflowContext& ctx) {
  HF_CO_TRY_VOID(co_await ctx.timer(std::chrono::hours(1)));
  co_return Json("one");
}

Task<Result<Json>> version_two(WorkflowContext& ctx) {
  HF_CO_TRY_VOID(co_await ctx.activity("new", {}));
  HF_CO_TRY_VOID(co_await ctx.timer(std::chrono::hours(1)));
  co_return Json("two");
}

TEST_P(ChangedCodeTest, FailsTheTaskAndNotTheRun) {
  workflows.add("w", version_one);
  open();
  ASSERT_TRUE(start("w", "w"));
  workflows = {};
  workflows.add("w", version_two);
  restart();
  advance(std::chrono::hours(1));
  auto shown = describe("w");
  EXPECT_EQ(shown->run.status, RunStatus::kRunning);
  EXPECT_GT(shown->workflow_task_attempt, 1);
  ASSERT_TRUE(shown->workflow_task_failure);
  EXPECT_EQ(shown->workflow_task_failure->code(), Code::kFailedPrecondition);
  advance(std::chrono::hours(5));
  EXPECT_EQ(std::ranges::count(events("w"), "WorkflowTaskFailed"), 1);
  // The right program goes on at once.
  workflows = {};
  workflows.add("w", version_one);
  restart();
  EXPECT_EQ(result("w")->as_string(), "one");
  shown = describe("w");
  EXPECT_FALSE(shown->workflow_task_failure);
}

Task<Result<Json>> throws_once(WorkflowContext& ctx) {
  HF_CO_TRY_VOID(co_await ctx.wait_signal("go"));
  throw std::runtime_error("a defect");
}

TEST_P(ChangedCodeTest, KeepsARunWhoseCodeThrows) {
  workflows.add("w", throws_once);
  open();
  ASSERT_TRUE(start("w", "w"));
  ASSERT_TRUE(signal("w", "go"));
  idle();
  EXPECT_EQ(describe("w")->workflow_task_failure->code(), Code::kInternal);
  ASSERT_TRUE(signal("w", "more"));
  EXPECT_EQ(describe("w")->run.status, RunStatus::kRunning);
  ASSERT_TRUE(terminate("w"));
}

}  // namespace
}  // namespace holdfast::flow
