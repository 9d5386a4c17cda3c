// Cancellation with clean-up, scopes, cancel types, termination, child runs.
#include "flow/embedded/engine_fixture.h"

namespace holdfast::flow::embedded {
namespace {

class CancelTest : public CacheTest {};
HF_WITH_AND_WITHOUT_CACHE(CancelTest);

Task<Result<Json>> with_clean_up(WorkflowContext& ctx) {
  ActivityOptions how;
  how.retry.max_attempts = 1;
  const Result<Json> worked = co_await ctx.activity("work", ctx.input(), how);
  const WorkflowContext clean = ctx.shielded();
  HF_CO_TRY_VOID(co_await clean.activity("release", {}));
  co_return worked;
}

Result<Json> until_stopped(ActivityContext& ctx, const Json&) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait(lock, ctx.stop_token(), [] { return false; });
  return Error(Code::kCancelled, "stopped");
}

class Releases {
 public:
  explicit Releases(Bench& bench) {
    bench.workflows.add("clean", with_clean_up);
    bench.activities.add("release", [&bench](ActivityContext&, const Json&) -> Result<Json> {
      bench.ledger.note("released");
      return Json();
    });
  }
};

TEST_P(CancelTest, CancelsARunningActivityAndCleansUp) {
  const Releases releases(*this);
  activities.add("work", until_stopped);
  open();
  ASSERT_TRUE(start("clean", "w"));
  engine->wait_idle(false);
  ASSERT_TRUE(cancel("w"));
  ASSERT_TRUE(cancel("w"));
  EXPECT_EQ(result("w").error().code(), Code::kCancelled);
  EXPECT_EQ(describe("w")->run.status, RunStatus::kCanceled);
  EXPECT_EQ(ledger.count("released"), 1);
  const auto names = events("w");
  EXPECT_EQ(std::ranges::count(names, "WorkflowExecutionCancelRequested"), 1);
  EXPECT_EQ(std::ranges::count(names, "ActivityTaskCancelRequested"), 1);
  EXPECT_EQ(std::ranges::count(names, "ActivityTaskCanceled"), 1);
  EXPECT_EQ(names.back(), "WorkflowExecutionCanceled");
}

TEST_P(CancelTest, TakesAnActivityOutOfTheQueueAtOnce) {
  options.queues = {{"control", {1, 0}}};
  const Releases releases(*this);
  activities.add("work", [this](ActivityContext& ctx, const Json& input) -> Result<Json> {
    ledger.note(ctx.info().workflow_id.text());
    return until_stopped(ctx, input);
  });
  open();
  ASSERT_TRUE(start("clean", "first"));
  engine->wait_idle(false);
  ASSERT_TRUE(start("clean", "second"));
  engine->wait_idle(false);
  ASSERT_TRUE(cancel("second"));
  engine->wait_idle(false);
  EXPECT_EQ(std::ranges::count(events("second"), "ActivityTaskCanceled"), 1);
  ASSERT_TRUE(cancel("first"));
  EXPECT_FALSE(result("second"));
  EXPECT_EQ(ledger.count("second"), 0);
}

TEST_P(CancelTest, StopsRepeatingWhenCancelled) {
  const Releases releases(*this);
  activities.add("work", [](ActivityContext&, const Json&) -> Result<Json> {
    return Error(Code::kUnavailable, "no", Retry::kTransient);
  });
  workflows.add("retry", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    co_return co_await ctx.activity("work", {});
  });
  open();
  ASSERT_TRUE(start("retry", "w"));
  idle();
  ASSERT_TRUE(cancel("w"));
  EXPECT_EQ(result("w").error().code(), Code::kCancelled);
  EXPECT_EQ(describe("w")->run.status, RunStatus::kCanceled);
}

Task<Result<Json>> cancel_types(WorkflowContext& ctx) {
  ActivityOptions how;
  how.cancel_type = CancelType::kTryCancel;
  const auto tried = ctx.activity("work", "try", how);
  how.cancel_type = CancelType::kAbandon;
  const auto left = ctx.activity("work", "abandon", how);
  HF_CO_TRY_VOID(co_await ctx.timer(minutes(1)));
  tried.cancel();
  left.cancel();
  const bool at_once = tried.ready() && left.ready();
  HF_CO_TRY_VOID(co_await ctx.timer(minutes(1)));
  co_return Json(at_once);
}

TEST_P(CancelTest, FollowsTheCancelTypeOfAnActivity) {
  workflows.add("types", cancel_types);
  activities.add("work", [this](ActivityContext& ctx, const Json& input) -> Result<Json> {
    ledger.note("begun");
    auto stopped = until_stopped(ctx, input);
    const bool cancelled = ctx.stop_reason() == StopReason::kCancelled;
    ledger.note(std::string(input.as_string()) + (cancelled ? " cancelled" : " closed"));
    return stopped;
  });
  open();
  ASSERT_TRUE(start("types", "w"));
  ledger.wait_for("begun", 2);
  engine->wait_idle(false);
  clock.advance(minutes(1));
  ledger.wait_for("try cancelled");
  engine->wait_idle(false);
  clock.advance(minutes(1));
  EXPECT_TRUE(result("w")->as_bool());
  idle();
  EXPECT_EQ(ledger.count("abandon closed"), 1);
}

Task<Result<Json>> scopes(WorkflowContext& ctx) {
  const WorkflowContext inner = ctx.scope();
  const auto first = inner.timer(hours(1));
  const auto second = ctx.timer(hours(2));
  HF_CO_TRY_VOID(co_await ctx.wait_signal("drop"));
  inner.cancel_scope();
  const Status inner_end = co_await first;
  HF_CO_TRY_VOID(co_await second);
  const Status refused = co_await inner.timer(hours(1));
  co_return Json(!inner_end && !refused && inner.cancelled() && !ctx.cancelled());
}

TEST_P(CancelTest, CancelsAScopeAndNothingElse) {
  workflows.add("scopes", scopes);
  open();
  ASSERT_TRUE(start("scopes", "w"));
  ASSERT_TRUE(signal("w", "drop"));
  advance(hours(2));
  EXPECT_TRUE(result("w")->as_bool());
  EXPECT_EQ(std::ranges::count(events("w"), "TimerCanceled"), 1);
}

Task<Result<Json>> vanishing(WorkflowContext& ctx) {
  const auto timer = ctx.timer(hours(1));
  const auto activity = ctx.activity("work", {});
  timer.cancel();
  activity.cancel();
  const Status timer_end = co_await timer;
  const Result<Json> activity_end = co_await activity;
  co_return Json(!timer_end && !activity_end);
}

TEST_P(CancelTest, LeavesNoTraceOfWhatWasCancelledBeforeItWasSent) {
  workflows.add("vanish", vanishing);
  open();
  ASSERT_TRUE(start("vanish", "w"));
  EXPECT_TRUE(result("w")->as_bool());
  EXPECT_EQ(events("w").size(), 5U);
}

Task<Result<Json>> refuses_to_stop(WorkflowContext& ctx) {
  const Result<Json> go = co_await ctx.wait_signal("go");
  if (go) {
    co_return Json("went");
  }
  const WorkflowContext clean = ctx.shielded();
  HF_CO_TRY(Json later, co_await clean.wait_signal("really"));
  co_return Json("finished anyway");
}

TEST_P(CancelTest, LetsTheWorkflowDecideHowToEnd) {
  workflows.add("stubborn", refuses_to_stop);
  open();
  ASSERT_TRUE(start("stubborn", "w"));
  ASSERT_TRUE(cancel("w"));
  idle();
  EXPECT_EQ(describe("w")->run.status, RunStatus::kRunning);
  EXPECT_TRUE(describe("w")->cancel_requested);
  ASSERT_TRUE(signal("w", "really"));
  EXPECT_EQ(result("w")->as_string(), "finished anyway");
}

TEST_P(CancelTest, TerminatesWithoutAsking) {
  const Releases releases(*this);
  activities.add("work", until_stopped);
  open();
  ASSERT_TRUE(start("clean", "w"));
  engine->wait_idle(false);
  ASSERT_TRUE(terminate("w"));
  EXPECT_EQ(describe("w")->run.status, RunStatus::kTerminated);
  idle();
  EXPECT_EQ(ledger.count("released"), 0);
}

Task<Result<Json>> child_task(WorkflowContext& ctx) {
  if (get_bool(ctx.input(), "fail")) {
    co_return Error(Code::kDataLoss, "the child failed").with("why", "asked");
  }
  HF_CO_TRY(Json go, co_await ctx.wait_signal("go"));
  co_return go;
}

Task<Result<Json>> parent_task(WorkflowContext& ctx) {
  ChildOptions how;
  how.workflow_id = get_string(ctx.input(), "child");
  how.parent_close = get_bool(ctx.input(), "abandon") ? ParentClosePolicy::kAbandon
                                                      : ParentClosePolicy::kTerminate;
  const Child child = ctx.child("child", ctx.input(), how);
  HF_CO_TRY(const RunId run, co_await child.started);
  if (get_bool(ctx.input(), "leave")) {
    co_return Json("left");
  }
  co_return co_await child.result;
}

class ChildTest : public CancelTest {
 protected:
  void open_family() {
    workflows.add("parent", parent_task);
    workflows.add("child", child_task);
    open();
  }
};
HF_WITH_AND_WITHOUT_CACHE(ChildTest);

TEST_P(ChildTest, GivesItsResultToTheParent) {
  open_family();
  ASSERT_TRUE(start("parent", "p", {{"child", "c"}}));
  idle();
  EXPECT_EQ(describe("p")->children.size(), 1U);
  EXPECT_EQ(describe("c")->run.parent_run_id, describe("p")->run.run_id);
  ASSERT_TRUE(signal("c", "go", "value"));
  EXPECT_EQ(result("p")->as_string(), "value");
}

TEST_P(ChildTest, FailsTheParentsCallWithItsError) {
  open_family();
  ASSERT_TRUE(start("parent", "p", {{"child", "c"}, {"fail", true}}));
  const auto done = result("p");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Code::kDataLoss);
  EXPECT_NE(done.error().to_string().find("child: c"), std::string::npos);
}

TEST_P(ChildTest, ReportsThatItsIdIsTaken) {
  open_family();
  ASSERT_TRUE(start("child", "c"));
  ASSERT_TRUE(start("parent", "p", {{"child", "c"}}));
  EXPECT_EQ(result("p").error().code(), Code::kAlreadyExists);
}

TEST_P(ChildTest, IsCancelledWithTheParent) {
  open_family();
  ASSERT_TRUE(start("parent", "p", {{"child", "c"}}));
  idle();
  ASSERT_TRUE(cancel("p"));
  EXPECT_EQ(result("p").error().code(), Code::kCancelled);
  EXPECT_EQ(describe("c")->run.status, RunStatus::kCanceled);
  EXPECT_EQ(describe("p")->run.status, RunStatus::kCanceled);
}

TEST_P(ChildTest, IsTerminatedOrLeftWhenTheParentCloses) {
  open_family();
  ASSERT_TRUE(start("parent", "p1", {{"child", "c1"}, {"leave", true}}));
  ASSERT_TRUE(start("parent", "p2", {{"child", "c2"}, {"leave", true}, {"abandon", true}}));
  ASSERT_TRUE(result("p1"));
  ASSERT_TRUE(result("p2"));
  EXPECT_FALSE(result("c1"));
  EXPECT_EQ(describe("c1")->run.status, RunStatus::kTerminated);
  EXPECT_EQ(describe("c2")->run.status, RunStatus::kRunning);
  ASSERT_TRUE(signal("c2", "go"));
  EXPECT_TRUE(result("c2"));
}

}  // namespace
}  // namespace holdfast::flow::embedded
