// Stories about attempts in the hands of somebody outside: agents, and activities left open.
#include "flow/testing/story.h"

namespace holdfast::flow::stories {
namespace {

// An agent asks until it has a task.
ActivityTask take(Stage& stage, const std::string& queue) {
  while (true) {
    auto polled = stage.wait(stage.tasks().poll(queue, "agent@web1", seconds(5)));
    if (!polled) {
      ADD_FAILURE() << polled.error().to_string();
      return {};
    }
    if (*polled) {
      return **polled;
    }
  }
}

Status complete(Stage& stage, const ActivityTask& task, Result<Json> outcome) {
  return stage.wait(stage.tasks().complete(task.token, std::move(outcome)));
}

void agent_work(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    ActivityOptions how = quick_retries(2);
    how.queue = "agent:web1";
    how.heartbeat = seconds(60);
    const auto work = ctx.activity("copy", Json("volume"), how);
    const auto first = co_await work;
    if (!first && ctx.cancel_requested()) {
      const WorkflowContext clean = ctx.shielded();
      HF_CO_TRY_VOID(co_await clean.wait_signal("end"));
    }
    co_return first;
  });
}

void tell_agent_completes(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  const ActivityTask task = take(stage, "agent:web1");
  EXPECT_EQ(task.info.type, "copy");
  EXPECT_EQ(task.info.queue, "agent:web1");
  EXPECT_EQ(task.info.attempt, 1);
  EXPECT_EQ(task.input, Json("volume"));
  EXPECT_LE(task.token.size(), 1000U);
  const auto beat = stage.wait(stage.tasks().heartbeat(task.token, Json("half")));
  ASSERT_TRUE(beat) << beat.error().to_string();
  EXPECT_EQ(beat->stop, StopReason::kNone);
  stage.wait_until("a", [](const RunDescription& told) {
    return told.activities.size() == 1 && told.activities[0].heartbeat == Json("half");
  });
  EXPECT_EQ(stage.describe("a")->activities[0].state, "started");
  EXPECT_EQ(stage.describe("a")->activities[0].queue, "agent:web1");
  ASSERT_TRUE(complete(stage, task, Json("copied")));
  EXPECT_EQ(stage.result("a").value(), Json("copied"));
  EXPECT_EQ(complete(stage, task, Json("copied")).error().code(), Code::kNotFound);
  EXPECT_EQ(stage.wait(stage.tasks().heartbeat(task.token, {})).error().code(), Code::kNotFound);
}

// The second attempt is told what the first one had said.
void tell_agent_fails_once(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  const ActivityTask first = take(stage, "agent:web1");
  ASSERT_TRUE(stage.wait(stage.tasks().heartbeat(first.token, Json("half"))));
  ASSERT_TRUE(complete(stage, first, lost()));
  const ActivityTask second = take(stage, "agent:web1");
  EXPECT_EQ(second.info.attempt, 2);
  EXPECT_EQ(second.details, Json("half"));
  EXPECT_EQ(complete(stage, first, Json("late")).error().code(), Code::kNotFound);
  ASSERT_TRUE(complete(stage, second, Json("copied")));
  EXPECT_EQ(stage.result("a").value(), Json("copied"));
}

void tell_agent_gives_up(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  const ActivityTask task = take(stage, "agent:web1");
  ASSERT_TRUE(complete(stage, task, Error(Code::kNotFound, "the volume is gone")));
  const auto outcome = stage.result("a");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Code::kNotFound);
}

void tell_agent_cancelled(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  const ActivityTask task = take(stage, "agent:web1");
  ASSERT_TRUE(stage.cancel("a"));
  stage.wait_for("a", "ActivityTaskCancelRequested");
  const auto beat = stage.wait(stage.tasks().heartbeat(task.token, {}));
  ASSERT_TRUE(beat) << beat.error().to_string();
  EXPECT_EQ(beat->stop, StopReason::kCancelled);
  ASSERT_TRUE(complete(stage, task, Error(Code::kCancelled, "stopped")));
  stage.wait_for("a", "ActivityTaskCanceled");
  stage.wait_for("a", "WorkflowTaskCompleted", 3);
  ASSERT_TRUE(stage.signal("a", "end"));
  EXPECT_FALSE(stage.result("a"));
  EXPECT_EQ(stage.describe("a")->run.status, RunStatus::kCanceled);
}

void tell_agent_terminated(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  const ActivityTask task = take(stage, "agent:web1");
  ASSERT_TRUE(stage.terminate("a"));
  EXPECT_EQ(stage.wait(stage.tasks().heartbeat(task.token, {})).error().code(), Code::kNotFound);
  EXPECT_EQ(complete(stage, task, Json()).error().code(), Code::kNotFound);
}

// An agent keeps its task while the server is another one.
void tell_agent_over_restart(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  const ActivityTask task = take(stage, "agent:web1");
  stage.restart();
  ASSERT_TRUE(stage.wait(stage.tasks().heartbeat(task.token, Json("still here"))));
  ASSERT_TRUE(complete(stage, task, Json("copied")));
  EXPECT_EQ(stage.result("a").value(), Json("copied"));
}

void tell_nothing_to_do(Stage& stage) {
  const auto none = stage.wait(stage.tasks().poll("agent:web2", "agent@web2", milliseconds(1)));
  ASSERT_TRUE(none) << none.error().to_string();
  EXPECT_FALSE(*none);
  const auto served = stage.wait(stage.tasks().poll("control", "agent@web2", milliseconds(1)));
  ASSERT_FALSE(served);
  EXPECT_EQ(served.error().code(), Code::kInvalidArgument);
  EXPECT_EQ(stage.wait(stage.tasks().heartbeat("no token", {})).error().code(), Code::kNotFound);
}

// An activity whose function returns, and which somebody ends by its token.
void left_open(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    ActivityOptions how = quick_retries(1);
    how.heartbeat = seconds(60);
    co_return co_await ctx.activity("ask", {}, how);
  });
  stage.activities.add("ask", [&stage](ActivityContext& ctx, const Json&) -> Result<Json> {
    HF_TRY(const std::string token, ctx.leave_open());
    stage.ledger.note("token " + token);
    stage.ledger.note("asked");
    return Json("ignored");
  });
}

std::string open_token(Stage& stage) {
  stage.ledger.wait_for("asked");
  for (const std::string& entry : stage.ledger.entries()) {
    if (entry.starts_with("token ")) {
      return entry.substr(6);
    }
  }
  return {};
}

void tell_left_open(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  const std::string token = open_token(stage);
  ASSERT_TRUE(stage.wait(stage.tasks().heartbeat(token, Json("somebody looks at it"))));
  ASSERT_TRUE(stage.wait(stage.tasks().complete(token, Json("answered"))));
  EXPECT_EQ(stage.result("a").value(), Json("answered"));
}

void tell_left_open_fails(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  const std::string token = open_token(stage);
  stage.restart();
  ASSERT_TRUE(stage.wait(
      stage.tasks().complete(token, Error(Code::kPermissionDenied, "the answer is no"))));
  const auto outcome = stage.result("a");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Code::kPermissionDenied);
}

}  // namespace

std::vector<Story> task_stories() {
  return {
      {"AgentCompletes", agent_work, tell_agent_completes},
      {"AgentFailsOnce", agent_work, tell_agent_fails_once},
      {"AgentGivesUp", agent_work, tell_agent_gives_up},
      {"AgentCancelled", agent_work, tell_agent_cancelled},
      {"AgentOfTerminatedRun", agent_work, tell_agent_terminated},
      {"AgentOverRestart", agent_work, tell_agent_over_restart},
      {"NothingForAnAgent", agent_work, tell_nothing_to_do, {}},
      {"LeftOpen", left_open, tell_left_open},
      {"LeftOpenFails", left_open, tell_left_open_fails},
  };
}

}  // namespace holdfast::flow::stories
