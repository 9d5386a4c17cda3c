// Runs that continue as new: one step, what goes along, what callers and parents see.
#include <latch>

#include "flow/embedded/engine_fixture.h"

namespace holdfast::flow::embedded {
namespace {

// Counts down, one run a number; takes a signal's number on top where one waits.
Task<Result<Json>> countdown(WorkflowContext& ctx) {
  std::int64_t left = get_int(ctx.input(), "left");
  ctx.upsert_memo({{"left", left}});
  ctx.upsert_search_attributes({{"kind", "countdown"}});
  HF_CO_TRY_VOID(co_await ctx.activity("effect", Json("run " + std::to_string(left))));
  while (const auto more = ctx.poll_signal("more")) {
    left += get_int(*more, "n");
  }
  if (left > 0) {
    co_return ctx.continue_as_new({{"left", left - 1}});
  }
  co_return Json(ctx.info().first_run_id.text());
}

Task<Result<Json>> parent_of_countdown(WorkflowContext& ctx) {
  ChildOptions how;
  how.workflow_id = "kid";
  const Child child = ctx.child("countdown", Json{{"left", 3}}, how);
  co_return co_await child.result;
}

Task<Result<Json>> forever(WorkflowContext& ctx) {
  HF_CO_TRY_VOID(co_await ctx.timer(hours(1)));
  co_return ctx.continue_as_new({});
}

Task<Result<Json>> parent_of_forever(WorkflowContext& ctx) {
  ChildOptions how;
  how.workflow_id = "kid";
  const Child child = ctx.child("forever", {}, how);
  co_return co_await child.result;
}

class ContinueTest : public CacheTest {
 protected:
  ContinueTest() {
    workflows.add("countdown", countdown);
    workflows.add("parent", parent_of_countdown);
    workflows.add("forever", forever);
    workflows.add("parent of forever", parent_of_forever);
    activities.add("effect", [this](ActivityContext&, const Json& input) -> Result<Json> {
      ledger.note(std::string(input.get_string()));
      gate.wait();
      return Json();
    });
  }
  ~ContinueTest() override { open_gate(); }

  void open_gate() {
    if (!gate.try_wait()) {
      gate.count_down();
    }
  }
  std::latch gate{1};
  std::vector<RunSummary> runs_of(const std::string& type) {
    ListQuery query;
    query.type = type;
    return wait(engine->client().list(query))->runs;
  }
};
HF_WITH_AND_WITHOUT_CACHE(ContinueTest);

TEST_P(ContinueTest, AChainOfRunsHasOneResult) {
  open();
  open_gate();
  StartOptions how;
  how.header = {{"trace", "t1"}};
  const auto started = start("countdown", "w", {{"left", 3}}, how);
  ASSERT_TRUE(started);
  // By the id of the first run too.
  const auto done = wait(engine->client().result(ref(started->run_id)));
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(*done, Json(started->run_id.text()));
  const auto runs = runs_of("countdown");
  ASSERT_EQ(runs.size(), 4u);
  EXPECT_EQ(runs.front().status, RunStatus::kCompleted);
  EXPECT_EQ(runs.back().status, RunStatus::kContinuedAsNew);
  const auto last = describe("w");
  EXPECT_EQ(last->run.run_id, runs.front().run_id);
  EXPECT_EQ(last->header.at("trace"), "t1");
  EXPECT_EQ(get_int(Json(last->run.memo), "left"), 0);
  EXPECT_EQ(last->run.search_attributes.at("kind"), Json("countdown"));
}

TEST_P(ContinueTest, ASignalThatArrivesMeanwhileIsReadBeforeTheRunEnds) {
  open();
  ASSERT_TRUE(start("countdown", "w", {{"left", 0}}));
  ledger.wait_for("run 0");
  ASSERT_TRUE(signal("w", "more", {{"n", 2}}));
  open_gate();
  ASSERT_TRUE(result("w"));
  EXPECT_EQ(ledger.entries(), (std::vector<std::string>{"run 0", "run 1", "run 0"}));
}

TEST_P(ContinueTest, AParentSeesTheEndOfTheLastRun) {
  open();
  open_gate();
  ASSERT_TRUE(start("parent", "p"));
  const auto done = result("p");
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(ledger.count("run 0"), 1);
}

TEST_P(ContinueTest, ACancelReachesTheRunThatGoesOn) {
  open();
  ASSERT_TRUE(start("parent of forever", "p"));
  advance(hours(1));
  advance(hours(1));
  EXPECT_GE(runs_of("forever").size(), 2u);
  ASSERT_TRUE(cancel("p"));
  ASSERT_TRUE(run_to_end("p", 20));
  EXPECT_EQ(describe("p")->run.status, RunStatus::kCanceled);
  EXPECT_EQ(describe("kid")->run.status, RunStatus::kCanceled);
}

TEST_P(ContinueTest, AClosedParentTerminatesTheRunThatGoesOn) {
  open();
  ASSERT_TRUE(start("parent of forever", "p"));
  advance(hours(1));
  ASSERT_TRUE(terminate("p"));
  idle();
  EXPECT_EQ(describe("kid")->run.status, RunStatus::kTerminated);
}

// The end of one run and the beginning of the next are one commit: power fails at each operation.
TEST(SlowContinueCrash, TheChainIsWholeWhateverOperationFails) {
  HF_SKIP_ON_POSTGRES();
  for (std::uint64_t n = 1;; ++n) {
    SCOPED_TRACE(n);
    Bench bench;
    bench.workflows.add("countdown", countdown);
    std::latch armed(1);  // nothing is recorded of the first step before the fault is in place
    bench.activities.add("effect", [&armed](ActivityContext&, const Json&) -> Result<Json> {
      armed.wait();
      return Json();
    });
    bench.open();
    const auto started = bench.start("countdown", "w", {{"left", 2}});
    ASSERT_TRUE(started);
    bench.engine->wait_idle(/*activities=*/false);
    bench.vfs.arm(n, db::Fault::kKill);
    armed.count_down();
    bench.engine->wait_idle(/*activities=*/true);
    const bool struck = bench.vfs.struck();
    bench.restart();
    const auto done = bench.result("w");
    ASSERT_TRUE(done) << done.error().to_string();
    EXPECT_EQ(*done, Json(started->run_id.text()));
    const auto runs = bench.wait(bench.engine->client().list({}));
    EXPECT_EQ(runs->runs.size(), 3u);
    if (!struck) {
      EXPECT_GT(n, 3u);
      break;
    }
  }
}

}  // namespace
}  // namespace holdfast::flow::embedded
