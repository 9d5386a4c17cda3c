// A run goes on from an earlier workflow task, with the code of today.
#include "flow/embedded/engine_fixture.h"

namespace holdfast::flow::embedded {
namespace {

class ResetTest : public CacheTest {
 protected:
  ResetTest() {
    activities.add("step", [this](ActivityContext& ctx, const Json& input) -> Result<Json> {
      ledger.note(get_string(input, "name"));
      return Json(ctx.idempotency_key());
    });
    // v1 asks for the wrong third step.
    workflows.add("steps", [this](WorkflowContext& ctx) -> Task<Result<Json>> {
      HF_CO_TRY(const Json first, co_await ctx.activity("step", {{"name", "first"}}));
      HF_CO_TRY_VOID(status_of(co_await ctx.activity("step", {{"name", "second"}})));
      HF_CO_TRY(const Json third,
                co_await ctx.activity("step", {{"name", mended ? "right" : "wrong"}}));
      co_return Json(JsonArray{first, third, Json(ctx.info().run_id.text()), Json(ctx.random())});
    });
    workflows.add("listens", [](WorkflowContext& ctx) -> Task<Result<Json>> {
      ctx.upsert_search_attributes({{"resource", "web"}});
      const auto limit = ctx.timer(hours(10));
      HF_CO_TRY_VOID(status_of(co_await ctx.activity("step", {{"name", "begin"}})));
      JsonArray heard;
      while (heard.size() < 2) {
        HF_CO_TRY(Json word, co_await ctx.wait_signal("word"));
        heard.push_back(std::move(word));
      }
      HF_CO_TRY_VOID(co_await limit);
      co_return Json(std::move(heard));
    });
    workflows.add("waits", [](WorkflowContext& ctx) -> Task<Result<Json>> {
      co_return co_await ctx.wait_signal("go");
    });
    workflows.add("parent", [](WorkflowContext& ctx) -> Task<Result<Json>> {
      HF_CO_TRY_VOID(status_of(co_await ctx.activity("step", {{"name", "before"}})));
      ChildOptions how;
      how.workflow_id = "kid";
      const Child child = ctx.child("waits", {}, how);
      HF_CO_TRY_VOID(status_of(co_await child.started));
      HF_CO_TRY_VOID(status_of(co_await ctx.activity("step", {{"name", "during"}})));
      co_return co_await child.result;
    });
  }

  Result<RunId> reset(const std::string& id, std::int64_t event_id,
                      const std::string& request = "") {
    return wait(engine->client().reset(ref(WorkflowId(id)), event_id, "mended", request));
  }
  // The n-th event of this type, counted from 1.
  std::int64_t event(const std::string& id, const std::string& type, int n = 1) {
    const auto names = events(id);
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (names[i] == type && --n == 0) {
        return static_cast<std::int64_t>(i) + 1;
      }
    }
    return 0;
  }

  std::atomic<bool> mended = false;
};

TEST_P(ResetTest, DoesAWorkflowTaskAgainWithTheCodeOfToday) {
  open();
  ASSERT_TRUE(start("steps", "w"));
  const Json led_astray = *result("w");
  const std::int64_t wrong = event("w", "ActivityTaskScheduled", 3);
  mended = true;
  replayable = false;  // the first run was made by the code of yesterday
  const auto run = reset("w", wrong);
  ASSERT_TRUE(run) << run.error().to_string();
  const Json went_on = *result("w");
  EXPECT_EQ(ledger.entries(), (std::vector<std::string>{"first", "second", "wrong", "right"}));
  EXPECT_EQ(went_on.get_array()[0], led_astray.get_array()[0]);
  EXPECT_TRUE(
      get_string(JsonObject{{"key", went_on.get_array()[1]}}, "key").starts_with(run->text()));
  EXPECT_EQ(went_on.get_array()[2], Json(run->text()));
  EXPECT_NE(went_on.get_array()[3], led_astray.get_array()[3]);
  idle();
  EXPECT_TRUE(replay_history(history_json("w"), workflows));
}

TEST_P(ResetTest, BeginsARunThatItsCodeCannotContinueAnew) {
  open();
  workflows.add("stuck", [this](WorkflowContext& ctx) -> Task<Result<Json>> {
    const bool now = mended;
    HF_CO_TRY_VOID(status_of(co_await ctx.activity("step", {{"name", now ? "new" : "old"}})));
    HF_CO_TRY_VOID(now ? Status() : co_await ctx.timer(hours(1)));
    co_return co_await ctx.wait_signal("go");
  });
  ASSERT_TRUE(start("stuck", "w"));
  idle();
  const RunId old = describe("w")->run.run_id;
  mended = true;
  restart();
  advance(hours(2));
  EXPECT_TRUE(describe("w")->workflow_task_failure);
  ASSERT_TRUE(reset("w", 0));
  idle();
  EXPECT_EQ(wait(engine->client().describe(ref(old)))->run.status, RunStatus::kTerminated);
  ASSERT_TRUE(signal("w", "go", Json("went")));
  EXPECT_EQ(*result("w"), Json("went"));
  replayable = false;
}

TEST_P(ResetTest, SignalsThatCameLaterComeAgain) {
  open();
  ASSERT_TRUE(start("listens", "w"));
  idle();
  ASSERT_TRUE(signal("w", "word", Json("a")));
  ASSERT_TRUE(signal("w", "word", Json("b")));
  idle();
  advance(hours(4));
  ASSERT_TRUE(reset("w", event("w", "ActivityTaskScheduled")));
  idle();
  restart();
  ListQuery query;
  query.filter = "resource = 'web' AND ExecutionStatus = 'Running'";
  EXPECT_EQ(*wait(engine->client().count(query)), 1);
  ASSERT_TRUE(run_to_end("w"));
  EXPECT_EQ(*result("w"), Json(JsonArray{"a", "b"}));
  EXPECT_EQ(ledger.count("begin"), 2);
}

TEST_P(ResetTest, TimersGoOnFromWhereTheyWere) {
  open();
  ASSERT_TRUE(start("listens", "w"));
  idle();
  advance(hours(4));
  ASSERT_TRUE(reset("w", event("w", "WorkflowTaskCompleted", 2)));
  ASSERT_TRUE(signal("w", "word", Json("a")));
  ASSERT_TRUE(signal("w", "word", Json("b")));
  idle();
  EXPECT_EQ(ledger.count("begin"), 1);
  const UtcTime fires = describe("w")->timers.at(0).second;
  EXPECT_EQ(fires, test_start() + hours(10));
  ASSERT_TRUE(run_to_end("w"));
}

TEST_P(ResetTest, TheSameRequestResetsOnce) {
  open();
  ASSERT_TRUE(start("listens", "w"));
  idle();
  const auto first = reset("w", 0, "once");
  ASSERT_TRUE(first);
  EXPECT_EQ(reset("w", 0, "once")->text(), first->text());
  EXPECT_NE(reset("w", 0)->text(), first->text());
  EXPECT_EQ(*wait(engine->client().count({})), 3);
}

TEST_P(ResetTest, RefusesWhatItCannotDoAndLeavesTheRunAlone) {
  open();
  ASSERT_TRUE(start("parent", "w"));
  idle();
  EXPECT_EQ(reset("w", 1).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(reset("w", -1).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(reset("w", 1000).error().code(), Code::kInvalidArgument);
  const auto during = reset("w", event("w", "ActivityTaskScheduled", 2) + 4);
  ASSERT_FALSE(during);
  EXPECT_EQ(during.error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(reset("none", 0).error().code(), Code::kNotFound);
  EXPECT_EQ(describe("w")->run.status, RunStatus::kRunning);
  ASSERT_TRUE(signal("kid", "go", Json("went")));
  EXPECT_EQ(*result("w"), Json("went"));
}

HF_WITH_AND_WITHOUT_CACHE(ResetTest);

}  // namespace
}  // namespace holdfast::flow::embedded
