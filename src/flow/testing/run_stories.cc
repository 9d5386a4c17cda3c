// Stories about runs as such: memo, search attributes, ids, chains of runs, ends from outside.
#include "flow/testing/story.h"

namespace holdfast::flow::stories {
namespace {

void waiting(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    const auto how = co_await ctx.wait_signal("end");
    HF_CO_TRY_VOID(how);
    if (*how == Json("fail")) {
      co_return Error(Code::kConflict, "failed as asked");
    }
    co_return *how;
  });
}

void begin(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  stage.wait_for("a", "WorkflowTaskCompleted");
}

void end(Stage& stage, const std::string& how) {
  ASSERT_TRUE(stage.signal("a", "end", Json(how)));
  EXPECT_EQ(stage.result("a").has_value(), how != "fail");
}

void tell_terminated(Stage& stage) {
  begin(stage);
  ASSERT_TRUE(stage.terminate("a"));
  const auto outcome = stage.result("a");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Code::kCancelled);
  EXPECT_EQ(stage.describe("a")->run.status, RunStatus::kTerminated);
  EXPECT_EQ(stage.terminate("a").error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(stage.cancel("a").error().code(), Code::kFailedPrecondition);
}

void tell_timed_out(Stage& stage) {
  StartOptions how;
  how.run_timeout = seconds(1);
  ASSERT_TRUE(stage.start("w", "a", {}, how));
  const auto outcome = stage.result("a");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Code::kDeadlineExceeded);
  EXPECT_EQ(stage.describe("a")->run.status, RunStatus::kTimedOut);
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

// What a chain of runs carries along, and what not.
void carried(Stage& stage) {
  stage.add_search_attributes({{"resource", "Keyword"}});
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    if (ctx.input() == Json("first")) {
      ctx.upsert_memo({{"gone", nullptr}, {"phase", "first"}});
      ctx.upsert_search_attributes({{"resource", "orders"}});
      co_return ctx.continue_as_new(Json("second"), "other");
    }
    co_return ctx.input();
  });
  stage.workflows.add("other", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    co_return Json(JsonArray{ctx.input(), Json(ctx.info().type)});
  });
}

void tell_carried(Stage& stage) {
  StartOptions how;
  how.memo = {{"gone", 1}, {"stays", true}};
  ASSERT_TRUE(stage.start("w", "a", Json("first"), how));
  EXPECT_EQ(stage.result("a").value(), Json(JsonArray{"second", "other"}));
  const auto described = stage.describe("a");
  EXPECT_EQ(described->run.memo, (JsonObject{{"stays", true}, {"phase", "first"}}));
  EXPECT_EQ(described->run.search_attributes, (JsonObject{{"resource", "orders"}}));
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

void searched(Stage& stage) {
  stage.add_search_attributes({{"resource", "Keyword"}, {"waiting_for", "Keyword"}});
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    ctx.upsert_search_attributes({{"waiting_for", "approval"}});
    HF_CO_TRY_VOID(co_await ctx.wait_signal("go"));
    ctx.upsert_search_attributes({{"waiting_for", nullptr}});
    co_return Json("done");
  });
}

// What an index may tell a moment later.
std::int64_t counted(Stage& stage, const ListQuery& query) {
  const auto count = stage.wait(stage.client().count(query));
  EXPECT_TRUE(count) << count.error().to_string();
  return count ? *count : -1;
}

void tell_searched(Stage& stage) {
  StartOptions how;
  const std::string mark = "orders";
  how.search_attributes = {{"resource", mark}};
  ASSERT_TRUE(stage.start("w", "a", {}, how));
  ASSERT_TRUE(stage.start("w", "b"));
  stage.wait_for("a", "UpsertWorkflowSearchAttributes");
  ListQuery query;
  query.attributes = {{"resource", Json(mark)}, {"waiting_for", Json("approval")}};
  query.statuses = {RunStatus::kRunning};
  query.type = "w";
  while (counted(stage, query) != 1) {
    pause(milliseconds(20));
  }
  const auto page = stage.wait(stage.client().list(query));
  ASSERT_TRUE(page) << page.error().to_string();
  ASSERT_EQ(page->runs.size(), 1U);
  EXPECT_EQ(page->runs[0].run_id, stage.describe("a")->run.run_id);
  ASSERT_TRUE(stage.signal("a", "go"));
  EXPECT_TRUE(stage.result("a"));
  EXPECT_EQ(stage.describe("a")->run.search_attributes, (JsonObject{{"resource", mark}}));
  ASSERT_TRUE(stage.terminate("b"));
}

void tell_same_id(Stage& stage) {
  StartOptions how;
  how.request_id = "r1";
  const auto first = stage.start("w", "a", {}, how);
  ASSERT_TRUE(first);
  stage.wait_for("a", "WorkflowTaskCompleted");
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
  ASSERT_TRUE(stage.terminate("a"));
}

void tell_replaced(Stage& stage) {
  begin(stage);
  const RunId first = stage.describe("a")->run.run_id;
  StartOptions how;
  how.conflict = IdConflict::kTerminateExisting;
  const auto second = stage.start("w", "a", {}, how);
  ASSERT_TRUE(second) << second.error().to_string();
  EXPECT_TRUE(second->created);
  EXPECT_NE(second->run_id, first);
  const auto replaced = stage.wait(stage.client().describe(ref(first)));
  if (replaced) {
    EXPECT_EQ(replaced->run.status, RunStatus::kTerminated);
  }
  end(stage, "second");
}

void tell_allowed_again(Stage& stage) {
  begin(stage);
  end(stage, "first");
  begin(stage);
  end(stage, "second");
  EXPECT_EQ(stage.result("a").value(), Json("second"));
}

void tell_allowed_if_failed(Stage& stage) {
  StartOptions how;
  how.reuse = IdReuse::kAllowIfFailed;
  begin(stage);
  end(stage, "fail");
  ASSERT_TRUE(stage.start("w", "a", {}, how));
  stage.wait_for("a", "WorkflowTaskCompleted");
  end(stage, "well");
  const auto refused = stage.start("w", "a", {}, how);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kAlreadyExists);
}

void tell_refused_again(Stage& stage) {
  StartOptions how;
  how.reuse = IdReuse::kReject;
  begin(stage);
  end(stage, "first");
  const auto refused = stage.start("w", "a", {}, how);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kAlreadyExists);
}

void tell_restarted(Stage& stage) {
  begin(stage);
  stage.restart();
  end(stage, "after the restart");
}

}  // namespace

std::vector<Story> run_stories() {
  return {
      {"Terminated", waiting, tell_terminated},
      {"RunTimeout", waiting, tell_timed_out},
      {"Continued", continued, tell_continued},
      {"CarriedAlong", carried, tell_carried},
      {"MemoChanges", memo_changes, tell_memo_changes},
      {"Searched", searched, tell_searched},
      {"SameId", waiting, tell_same_id},
      {"IdReplaced", waiting, tell_replaced},
      {"IdAllowedAgain", waiting, tell_allowed_again},
      {"IdAllowedIfFailed", waiting, tell_allowed_if_failed},
      {"IdRefusedAgain", waiting, tell_refused_again},
      {"Restarted", waiting, tell_restarted},
  };
}

}  // namespace holdfast::flow::stories
