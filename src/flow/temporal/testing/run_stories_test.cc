// Stories about runs: timers, signals, queries, children, memo, ids.
#include "flow/temporal/testing/stories.h"

namespace holdfast::flow::temporal {
namespace {

void timers(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    HF_CO_TRY_VOID(co_await ctx.timer(seconds(1)));
    HF_CO_TRY_VOID(co_await ctx.timer(Nanoseconds(0)));
    const auto long_one = ctx.timer(std::chrono::hours(10));
    HF_CO_TRY_VOID(co_await ctx.timer(milliseconds(1500)));
    long_one.cancel();
    co_return Json(ctx.uuid().size());
  });
}

void signals(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    HF_CO_TRY_VOID(co_await ctx.activity("echo", Json("ready")));
    HF_CO_TRY(const Json first, co_await ctx.wait_signal("go"));
    HF_CO_TRY(const auto second, co_await ctx.wait_signal("go", std::chrono::hours(1)));
    co_return Json(JsonArray{first, second.value_or(Json())});
  });
  stage.activities.add("echo", echo);
}

void tell_signals(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  stage.wait_for("a", "WorkflowTaskCompleted", 2);
  ASSERT_TRUE(stage.signal("a", "go", Json("1"), "r1"));
  ASSERT_TRUE(stage.signal("a", "go", Json("1"), "r1"));  // the same once more
  stage.wait_for("a", "WorkflowTaskCompleted", 3);
  ASSERT_TRUE(stage.signal("a", "go", Json("2")));
  EXPECT_EQ(stage.result("a").value(), Json(JsonArray{Json("1"), Json("2")}));
  const Status late = stage.signal("a", "go", Json("3"));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), Code::kFailedPrecondition);
}

void asked(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    const auto heard = std::make_shared<std::string>("nothing");
    ctx.set_query("heard", [heard](const Json& args) -> Result<Json> {
      if (!args.is_null()) {
        return Error(Code::kInvalidArgument, "no arguments, please").with("args", to_text(args));
      }
      return Json(*heard);
    });
    ctx.set_progress(Json("waiting"));
    HF_CO_TRY(const Json word, co_await ctx.wait_signal("word"));
    *heard = word.get_string();
    HF_CO_TRY_VOID(co_await ctx.wait_signal("end"));
    co_return Json(*heard);
  });
}

void tell_asked(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  stage.wait_for("a", "WorkflowTaskCompleted");
  EXPECT_EQ(stage.query("a", "heard").value(), Json("nothing"));
  EXPECT_EQ(stage.query("a", "progress").value(), Json("waiting"));
  EXPECT_EQ(stage.describe("a")->run.progress, Json("waiting"));
  ASSERT_TRUE(stage.signal("a", "word", Json("hi")));
  stage.wait_for("a", "WorkflowTaskCompleted", 2);
  EXPECT_EQ(stage.query("a", "heard").value(), Json("hi"));
  const auto refused = stage.query("a", "heard", Json(1));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().to_string().find("no arguments, please"), std::string::npos);
  EXPECT_FALSE(stage.query("a", "unheard"));
  ASSERT_TRUE(stage.signal("a", "end"));
  EXPECT_TRUE(stage.result("a"));
  EXPECT_EQ(stage.query("a", "heard").value(), Json("hi"));  // of a closed run
}

void parent(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    const std::string prefix(ctx.input().get_string());
    ChildOptions good;
    good.workflow_id = prefix + "good";
    good.memo = {{"of", "a"}};
    const Child one = ctx.child("good", Json("x"), good);
    HF_CO_TRY(const Json result, co_await one.result);
    ChildOptions bad;
    bad.workflow_id = prefix + "bad";
    const Child two = ctx.child("bad", Json("y"), bad);
    const auto failed = co_await two.result;
    co_return Json(JsonArray{result, Json(failed ? "?" : failed.error().message())});
  });
  stage.workflows.add("good", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    co_return co_await ctx.activity("header", ctx.input());
  });
  stage.workflows.add("bad", [](WorkflowContext&) -> Task<Result<Json>> {
    co_return Error(Code::kTargetMissed, "the target was missed").with("by", "1h");
  });
  stage.activities.add("header", [](ActivityContext& ctx, const Json&) -> Result<Json> {
    const auto found = ctx.info().header.find("traceparent");
    return Json(found == ctx.info().header.end() ? "none" : found->second);
  });
}

void tell_parent(Stage& stage) {
  StartOptions how;
  how.header = {{"traceparent", "00-1-2-01"}};
  ASSERT_TRUE(stage.start("w", "a", Json(stage.prefix), how));
  const auto outcome = stage.result("a");
  ASSERT_TRUE(outcome) << outcome.error().to_string();
  EXPECT_EQ(*outcome, Json(JsonArray{Json("00-1-2-01"), Json("the target was missed")}));
  EXPECT_EQ(stage.describe("good")->run.memo, (JsonObject{{"of", "a"}}));
}

// Ends while its child still waits, which is terminated then.
void leaving(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    ChildOptions how;
    how.workflow_id = std::string(ctx.input().get_string()) + "kid";
    const Child child = ctx.child("waits", {}, how);
    HF_CO_TRY_VOID(co_await child.started);
    co_return Json("left");
  });
  stage.workflows.add("waits", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    co_return co_await ctx.wait_signal("never");
  });
}

void tell_leaving(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a", Json(stage.prefix)));
  ASSERT_TRUE(stage.result("a"));
  const auto kid = stage.result("kid");
  ASSERT_FALSE(kid);
  EXPECT_EQ(kid.error().code(), Code::kCancelled);
}

void cancelled_child(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    ChildOptions how;
    how.workflow_id = std::string(ctx.input().get_string()) + "kid";
    const Child child = ctx.child("waits", {}, how);
    co_return co_await child.result;
  });
  stage.workflows.add("waits", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    co_return co_await ctx.wait_signal("never");
  });
}

void tell_cancelled_child(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a", Json(stage.prefix)));
  stage.wait_for("a", "WorkflowTaskCompleted", 2);
  ASSERT_TRUE(stage.cancel("a"));
  const auto outcome = stage.result("a");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Code::kCancelled);
  EXPECT_EQ(stage.describe("kid")->run.status, RunStatus::kCanceled);
}

void cancelled_timer(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    const Status waited = co_await ctx.timer(std::chrono::hours(10));
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

void terminated(Stage& stage) { cancelled_timer(stage); }

void tell_terminated(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  stage.wait_for("a", "TimerStarted");
  ASSERT_TRUE(stage.terminate("a"));
  const auto outcome = stage.result("a");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Code::kCancelled);
  EXPECT_EQ(stage.describe("a")->run.status, RunStatus::kTerminated);
}

// Decisions of the code that stand in history: markers.
void marked(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    HF_CO_TRY(const Json drawn, ctx.side_effect([] { return Json(42); }));
    ActivityOptions urgent;
    urgent.priority = 1;
    HF_CO_TRY(const Json back, co_await ctx.activity("echo", drawn, urgent));
    co_return Json(JsonArray{back, Json(ctx.patched("new-way"))});
  });
  stage.activities.add("echo", echo);
}

void tell_marked(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  EXPECT_EQ(stage.result("a").value(), Json(JsonArray{Json(42), Json(true)}));
}

void continued(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    const std::int64_t left = ctx.input().is_null() ? 2 : get_int(ctx.input(), "left");
    HF_CO_TRY_VOID(co_await ctx.activity("echo", Json(left)));
    if (left > 0) {
      co_return ctx.continue_as_new({{"left", left - 1}});
    }
    co_return Json(ctx.info().continued_run_id.has_value());
  });
  stage.activities.add("echo", echo);
}

void tell_continued(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  EXPECT_EQ(stage.result("a").value(), Json(true));
}

void memo_changes(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    ctx.upsert_memo({{"gone", nullptr}, {"phase", "begin"}});
    ctx.set_progress(Json(JsonObject{{"percent", 10}}));
    HF_CO_TRY_VOID(co_await ctx.activity("echo", Json("one")));
    ctx.upsert_memo({{"phase", "end"}});
    ctx.set_progress(Json(JsonObject{{"percent", 100}}));
    co_return Json("done");
  });
  stage.activities.add("echo", echo);
}

void tell_memo_changes(Stage& stage) {
  StartOptions how;
  how.memo = {{"gone", 1}, {"stays", true}};
  ASSERT_TRUE(stage.start("w", "a", {}, how));
  ASSERT_TRUE(stage.result("a"));
  const auto described = stage.describe("a");
  EXPECT_EQ(described->run.memo, (JsonObject{{"stays", true}, {"phase", "end"}}));
  EXPECT_EQ(described->run.progress, Json(JsonObject{{"percent", 100}}));
}

void same_id(Stage& stage) { cancelled_timer(stage); }

void tell_same_id(Stage& stage) {
  StartOptions how;
  how.request_id = "r1";
  const auto first = stage.start("w", "a", {}, how);
  ASSERT_TRUE(first);
  stage.wait_for("a", "TimerStarted");
  EXPECT_EQ(stage.start("w", "a", {}, how)->run_id, first->run_id);
  const auto taken = stage.start("w", "a");
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code(), Code::kAlreadyExists);
  how.request_id = "r2";
  how.conflict = IdConflict::kUseExisting;
  const auto found = stage.start("w", "a", {}, how);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->run_id, first->run_id);
  EXPECT_FALSE(found->created);
  const auto unknown = stage.start("unknown", "b");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code(), Code::kNotFound);
  EXPECT_EQ(stage.signal("nobody", "x").error().code(), Code::kNotFound);
  ASSERT_TRUE(stage.terminate("a"));
}

}  // namespace

std::vector<Story> run_stories() {
  return {
      {"Timers", timers, plain_run},
      {"Signals", signals, tell_signals},
      {"Asked", asked, tell_asked},
      {"Parent", parent, tell_parent, {"a", "good", "bad"}, false},
      {"Leaving", leaving, tell_leaving, {"a", "kid"}, false},
      {"CancelledChild", cancelled_child, tell_cancelled_child, {"a", "kid"}, false},
      {"CancelledTimer", cancelled_timer, tell_cancelled_timer},
      {"Terminated", terminated, tell_terminated},
      {"Marked", marked, tell_marked},
      {"Continued", continued, tell_continued},
      {"MemoChanges", memo_changes, tell_memo_changes},
      {"SameId", same_id, tell_same_id},
  };
}

}  // namespace holdfast::flow::temporal
