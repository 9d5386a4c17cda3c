// Every line of the tables, by histories that a run of the engine does not write either.
#include <iostream>

#include "flow/machines/activity.h"
#include "flow/machines/child.h"
#include "flow/machines/timer.h"
#include "flow/replay/script_fixture.h"

namespace holdfast::flow {
namespace {

class MachinesTest : public testing::Test {
 protected:
  WorkflowRegistry registry_;
};

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

TEST_F(MachinesTest, TakesEveryEndOfAnActivityThatWasAskedToStop) {
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

TEST_F(MachinesTest, TakesAnActivityThatFailsBeforeAWorkerHadIt) {
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

TEST_F(MachinesTest, CancelsAChildBeforeItIsSentAndAfterItHasStarted) {
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
