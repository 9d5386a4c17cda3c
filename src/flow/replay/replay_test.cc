// The replay core alone: windows, matching, failures, and the JSON form of histories.
#include <gtest/gtest.h>

#include "flow/embedded/engine_fixture.h"
#include "flow/history_json.h"
#include "flow/machines/activity.h"
#include "flow/machines/child.h"
#include "flow/machines/timer.h"
#include "flow/replay/execution.h"

namespace holdfast::flow {
namespace {

// Writes a history event by event.
class Script {
 public:
  Script& add(EventType type, JsonObject attributes = {}) {
    Event event;
    event.id = static_cast<std::int64_t>(events.size()) + 1;
    event.time = embedded::test_start() + seconds_ * static_cast<int>(events.size());
    event.type = type;
    event.attributes = std::move(attributes);
    events.push_back(std::move(event));
    return *this;
  }
  Script& begin(const std::string& type) {
    return add(EventType::kWorkflowExecutionStarted, {{"workflowType", {{"name", type}}},
                                                      {"workflowId", "w"},
                                                      {"originalExecutionRunId", "run_1"},
                                                      {"input", Json{{"n", 1}}}});
  }
  Script& task() {
    return add(EventType::kWorkflowTaskScheduled)
        .add(EventType::kWorkflowTaskStarted)
        .add(EventType::kWorkflowTaskCompleted);
  }
  Script& activity(const std::string& id, const std::string& type) {
    return add(EventType::kActivityTaskScheduled,
               {{"activityId", id}, {"activityType", {{"name", type}}}});
  }
  Script& activity_done(std::int64_t scheduled, Json result) {
    return add(EventType::kActivityTaskStarted, {{"scheduledEventId", scheduled}})
        .add(EventType::kActivityTaskCompleted,
             {{"scheduledEventId", scheduled}, {"result", std::move(result)}});
  }
  Script& timer(const std::string& id) { return add(EventType::kTimerStarted, {{"timerId", id}}); }
  Script& fired(std::int64_t started) {
    return add(EventType::kTimerFired, {{"startedEventId", started}});
  }
  Script& signal(const std::string& name, Json payload = {}) {
    return add(EventType::kWorkflowExecutionSignaled,
               {{"signalName", name}, {"input", std::move(payload)}});
  }
  Script& completed(Json result) {
    return add(EventType::kWorkflowExecutionCompleted, {{"result", std::move(result)}});
  }

  std::vector<Event> events;
  std::chrono::seconds seconds_{1};
};

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

// The result that the code asks to complete with at the end of the script.
std::string outcome_of(const Script& script, const WorkflowRegistry& registry) {
  Execution execution(registry);
  const Status applied = execution.apply(script.events);
  EXPECT_TRUE(applied) << applied.error().to_string();
  if (execution.commands().empty()) {
    return "nothing";
  }
  return std::string(execution.commands().back()->attributes.at("result").as_string());
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

// An activity, a timer and a child; each signal cancels what it names.
Task<Result<Json>> cancels_on_demand(WorkflowContext& ctx) {
  ActivityOptions how;
  const auto activity = ctx.activity("a", {}, how);
  const auto timer = ctx.timer(std::chrono::hours(1));
  ChildOptions child_how;
  child_how.workflow_id = "c";
  const Child child = ctx.child("kid", {}, child_how);
  ctx.on_signal("activity", [activity](const Json&) { activity.cancel(); });
  ctx.on_signal("timer", [timer](const Json&) { timer.cancel(); });
  ctx.on_signal("child", [child](const Json&) { child.result.cancel(); });
  const Result<Json> a = co_await activity;
  const Status t = co_await timer;
  const Result<Json> c = co_await child.result;
  const auto word = [](const auto& outcome) {
    return std::string(outcome ? "ok" : describe(outcome.error().code()).name);
  };
  co_return Json(word(a) + " " + word(t) + " " + word(c));
}

// Events 5, 6, 7 are the three operations.
Script cancel_begin() {
  Script script;
  script.begin("cancels").task().activity("1", "a").timer("1");
  return script.add(EventType::kStartChildWorkflowExecutionInitiated,
                    {{"workflowId", "c"}, {"workflowType", {{"name", "kid"}}}});
}

TEST_F(ReplayTest, TakesEveryEndOfAnActivityThatWasAskedToStop) {
  registry_.add("cancels", cancels_on_demand);
  const JsonObject of_activity = {{"scheduledEventId", 5}};
  const JsonObject failed = {{"scheduledEventId", 5},
                             {"failure", to_failure(Error(Code::kNotFound, "x"))}};
  struct Case {
    bool started_first;
    EventType end;
    JsonObject attributes;
    std::string word;
  };
  for (const Case& one : std::initializer_list<Case>{
           {false, EventType::kActivityTaskCompleted, of_activity, "ok"},
           {false, EventType::kActivityTaskFailed, failed, "not_found"},
           {false, EventType::kActivityTaskTimedOut, failed, "not_found"},
           {false, EventType::kActivityTaskCanceled, of_activity, "cancelled"},
           {true, EventType::kActivityTaskCompleted, of_activity, "ok"},
           {true, EventType::kActivityTaskCanceled, of_activity, "cancelled"}}) {
    Script script = cancel_begin();
    if (one.started_first) {
      script.add(EventType::kActivityTaskStarted, of_activity);
    }
    script.signal("activity").signal("activity").task();
    script.add(EventType::kActivityTaskCancelRequested, of_activity);
    script.signal("activity").task();
    if (!one.started_first) {
      script.add(EventType::kActivityTaskStarted, of_activity);
    }
    script.add(one.end, one.attributes).fired(6);
    script.add(EventType::kStartChildWorkflowExecutionFailed, {{"initiatedEventId", 7}});
    script.add(EventType::kWorkflowTaskScheduled).add(EventType::kWorkflowTaskStarted);
    EXPECT_EQ(outcome_of(script, registry_), one.word + " ok already_exists");
  }
}

TEST_F(ReplayTest, TakesAnActivityThatFailsBeforeAWorkerHadIt) {
  registry_.add("cancels", cancels_on_demand);
  Script script = cancel_begin();
  script.add(EventType::kActivityTaskFailed,
             {{"scheduledEventId", 5}, {"failure", to_failure(Error(Code::kNotFound, "x"))}});
  script.signal("timer").signal("timer").signal("child").signal("child").task();
  script.add(EventType::kTimerCanceled, {{"timerId", "1"}});
  script.add(EventType::kRequestCancelExternalWorkflowExecutionInitiated,
             {{"workflowExecution", {{"workflowId", "c"}}}});
  script.add(EventType::kChildWorkflowExecutionStarted,
             {{"initiatedEventId", 7}, {"workflowExecution", {{"runId", "run_c"}}}});
  script.signal("child").task();
  script.add(EventType::kChildWorkflowExecutionCanceled, {{"initiatedEventId", 7}});
  script.add(EventType::kWorkflowTaskScheduled).add(EventType::kWorkflowTaskStarted);
  EXPECT_EQ(outcome_of(script, registry_), "not_found cancelled cancelled");
}

Task<Result<Json>> child_cancelled_late(WorkflowContext& ctx) {
  ChildOptions how;
  how.workflow_id = "c";
  const Child unsent = ctx.child("kid", {}, how);
  unsent.result.cancel();
  how.workflow_id = "d";
  const Child child = ctx.child("kid", {}, how);
  const Result<RunId> run = co_await child.started;
  child.result.cancel();
  const Result<Json> end = co_await child.result;
  co_return Json(std::string(run && !end ? "cancelled" : "other"));
}

TEST_F(ReplayTest, CancelsAChildBeforeItIsSentAndAfterItHasStarted) {
  registry_.add("late", child_cancelled_late);
  Script script;
  script.begin("late").task();
  script.add(EventType::kStartChildWorkflowExecutionInitiated,
             {{"workflowId", "d"}, {"workflowType", {{"name", "kid"}}}});
  script.add(EventType::kChildWorkflowExecutionStarted,
             {{"initiatedEventId", 5}, {"workflowExecution", {{"runId", "run_d"}}}});
  script.task();
  script.add(EventType::kRequestCancelExternalWorkflowExecutionInitiated,
             {{"workflowExecution", {{"workflowId", "d"}}}});
  script.add(EventType::kChildWorkflowExecutionTerminated, {{"initiatedEventId", 5}});
  script.add(EventType::kWorkflowTaskScheduled).add(EventType::kWorkflowTaskStarted);
  EXPECT_EQ(outcome_of(script, registry_), "cancelled");
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

TEST(Machines, RefuseWhatTheirTableDoesNotList) {
  EXPECT_EQ(machines::next(machines::TimerState::kFired, machines::TimerInput::kFiredEvent),
            std::nullopt);
}

// At the end of the program: how much of the state machines its tests have reached.
class MachineCoverage final : public testing::Environment {
 public:
  void TearDown() override {
    for (const auto& [name, coverage] : {std::pair("timer", machines::timer_coverage()),
                                         std::pair("activity", machines::activity_coverage()),
                                         std::pair("child", machines::child_coverage())}) {
      std::cout << "machine " << name << ": " << coverage.taken << " of " << coverage.lines
                << " lines reached\n";
    }
  }
};
const testing::Environment* const kCoverage =
    testing::AddGlobalTestEnvironment(new MachineCoverage);

}  // namespace
}  // namespace holdfast::flow
