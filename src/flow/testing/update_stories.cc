// Stories about updates: refused, several at once, beside signals, over restarts, racing the end.
#include "flow/testing/story.h"

namespace holdfast::flow::stories {
namespace {

struct Limits {
  std::int64_t limit = 10;
  bool done = false;
};
using SharedLimits = std::shared_ptr<Limits>;

Task<Result<Json>> change_limit(WorkflowContext ctx, SharedLimits limits, Json args) {
  if (get_bool(args, "ask")) {
    HF_CO_TRY_VOID(co_await ctx.activity("echo", args));
  }
  if (get_bool(args, "wait")) {
    HF_CO_TRY_VOID(co_await ctx.wait_signal("on"));
  }
  limits->limit = get_int(args, "limit");
  if (limits->limit == 13) {
    co_return Error(Code::kConflict, "not thirteen").with("limit", "13");
  }
  co_return Json(limits->limit);
}

Task<Result<Json>> finish(SharedLimits limits) {
  limits->done = true;
  co_return Json("finishing");
}

void add_updates(WorkflowContext& ctx, const SharedLimits& limits) {
  ctx.set_update(
      "limit", [ctx, limits](Json args) { return change_limit(ctx, limits, std::move(args)); },
      [](const Json& args) {
        return get_int(args, "limit") > 0
                   ? Status()
                   : Status(Error(Code::kInvalidArgument, "a limit is a positive number"));
      });
  ctx.set_update("finish", [limits](const Json&) { return finish(limits); });
}

// Takes updates until one of them, or a signal, ends it.
void limited(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    const auto limits = std::make_shared<Limits>();
    add_updates(ctx, limits);
    ctx.on_signal("finish", [limits](const Json&) { limits->done = true; });
    HF_CO_TRY_VOID(co_await ctx.wait_condition([limits] { return limits->done; }));
    co_return Json(limits->limit);
  });
  stage.activities.add("echo", echo);
}

void begin(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  stage.wait_for("a", "WorkflowTaskCompleted");
}

void tell_answered(Stage& stage) {
  begin(stage);
  EXPECT_EQ(stage.update("a", "limit", {{"limit", 20}}).value(), Json(20));
  EXPECT_EQ(stage.update("a", "finish").value(), Json("finishing"));
  EXPECT_EQ(stage.result("a").value(), Json(20));
}

void tell_refused(Stage& stage) {
  begin(stage);
  const auto before = stage.history("a").size();
  const auto refused = stage.update("a", "limit", {{"limit", 0}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kInvalidArgument) << refused.error().to_string();
  EXPECT_EQ(refused.error().message(), "a limit is a positive number");
  EXPECT_EQ(stage.history("a").size(), before);
  EXPECT_EQ(stage.update("a", "limit", {{"limit", 5}}).value(), Json(5));
  EXPECT_EQ(stage.update("a", "finish").value(), Json("finishing"));
  EXPECT_EQ(stage.result("a").value(), Json(5));
}

void tell_unknown_name(Stage& stage) {
  begin(stage);
  const auto unknown = stage.update("a", "other");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code(), Code::kNotFound) << unknown.error().to_string();
  EXPECT_EQ(stage.update("b", "limit").error().code(), Code::kNotFound);
  EXPECT_EQ(stage.update("a", "finish").value(), Json("finishing"));
  EXPECT_TRUE(stage.result("a"));
}

void tell_failing_handler(Stage& stage) {
  begin(stage);
  const auto failed = stage.update("a", "limit", {{"limit", 13}});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), Code::kConflict);
  EXPECT_EQ(failed.error().message(), "not thirteen");
  EXPECT_EQ(stage.update("a", "finish").value(), Json("finishing"));
  EXPECT_EQ(stage.result("a").value(), Json(13));
}

void tell_with_activity(Stage& stage) {
  begin(stage);
  EXPECT_EQ(stage.update("a", "limit", {{"limit", 7}, {"ask", true}}).value(), Json(7));
  EXPECT_EQ(stage.update("a", "finish").value(), Json("finishing"));
  EXPECT_EQ(stage.result("a").value(), Json(7));
}

// Three wait for one signal each; the last one that began decides.
void tell_under_way(Stage& stage) {
  begin(stage);
  for (int i = 1; i <= 3; ++i) {
    stage.aside([&stage, i] {
      EXPECT_EQ(stage.update("a", "limit", {{"limit", i}, {"wait", true}}).value(), Json(i));
    });
    stage.wait_for("a", "WorkflowExecutionUpdateAccepted", i);
  }
  for (int i = 1; i <= 3; ++i) {
    ASSERT_TRUE(stage.signal("a", "on"));
    stage.wait_for("a", "WorkflowExecutionUpdateCompleted", i);
  }
  stage.join_aside();
  EXPECT_EQ(stage.update("a", "finish").value(), Json("finishing"));
  EXPECT_EQ(stage.result("a").value(), Json(3));
}

void tell_same_id(Stage& stage) {
  begin(stage);
  EXPECT_EQ(stage.update("a", "limit", {{"limit", 20}}, "u1").value(), Json(20));
  EXPECT_EQ(stage.update("a", "limit", {{"limit", 99}}, "u1").value(), Json(20));
  stage.restart();
  EXPECT_EQ(stage.update("a", "limit", {{"limit", 99}}, "u1").value(), Json(20));
  EXPECT_EQ(stage.update("a", "finish", {}, "u2").value(), Json("finishing"));
  EXPECT_EQ(stage.result("a").value(), Json(20));
  EXPECT_EQ(stage.update("a", "limit", {{"limit", 99}}, "u1").value(), Json(20));
}

// Accepted before a restart, answered after it.
void tell_over_restart(Stage& stage) {
  begin(stage);
  stage.aside([&stage] { (void)stage.update("a", "limit", {{"limit", 4}, {"wait", true}}, "u1"); });
  stage.wait_for("a", "WorkflowExecutionUpdateAccepted");
  stage.restart();
  ASSERT_TRUE(stage.signal("a", "on"));
  EXPECT_EQ(stage.update("a", "limit", {{"limit", 99}}, "u1").value(), Json(4));
  EXPECT_EQ(stage.update("a", "finish").value(), Json("finishing"));
  EXPECT_EQ(stage.result("a").value(), Json(4));
}

// The run ends while an update is under way.
void tell_racing_the_end(Stage& stage) {
  begin(stage);
  stage.aside([&stage] {
    const auto lost = stage.update("a", "limit", {{"limit", 4}, {"wait", true}});
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error().code(), Code::kFailedPrecondition) << lost.error().to_string();
  });
  stage.wait_for("a", "WorkflowExecutionUpdateAccepted");
  ASSERT_TRUE(stage.signal("a", "finish"));
  EXPECT_EQ(stage.result("a").value(), Json(10));
  stage.join_aside();
}

void tell_closed(Stage& stage) {
  begin(stage);
  ASSERT_TRUE(stage.signal("a", "finish"));
  EXPECT_TRUE(stage.result("a"));
  const auto late = stage.update("a", "limit", {{"limit", 1}});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), Code::kFailedPrecondition) << late.error().to_string();
}

// A signal and an update meet the run in one task: the signal is seen first.
Task<Result<Json>> with_signal_run(WorkflowContext& ctx, Gate gate) {
  const auto limits = std::make_shared<Limits>();
  const auto seen = std::make_shared<JsonArray>();
  ctx.on_signal("note", [seen](const Json& word) { seen->push_back(word); });
  ctx.set_update("note", [seen, limits](const Json& word) {
    seen->push_back(word);
    return finish(limits);
  });
  HF_CO_TRY_VOID(co_await ctx.wait_signal("begin"));
  HF_CO_TRY_VOID(gate.pass(ctx));
  HF_CO_TRY_VOID(co_await ctx.wait_condition([limits] { return limits->done; }));
  co_return Json(*seen);
}

void with_signal(Stage& stage) {
  stage.workflows.add(
      "w", [gate = stage.gate](WorkflowContext& ctx) { return with_signal_run(ctx, gate); });
}

void tell_with_signal(Stage& stage) {
  begin(stage);
  stage.aside([&stage] { EXPECT_TRUE(stage.signal("a", "begin")); });
  stage.gate.wait_until_reached();
  stage.call_during_task([&stage] { EXPECT_TRUE(stage.signal("a", "note", Json("signal"))); });
  stage.aside([&stage] {
    EXPECT_EQ(stage.update("a", "note", Json("update")).value(), Json("finishing"));
  });
  stage.gate.open();
  EXPECT_EQ(stage.result("a").value(), Json(JsonArray{"signal", "update"}));
  stage.join_aside();
}

// Asked before the first workflow task has run.
void tell_at_once(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  EXPECT_EQ(stage.update("a", "limit", {{"limit", 3}}).value(), Json(3));
  EXPECT_EQ(stage.update("a", "finish").value(), Json("finishing"));
  EXPECT_EQ(stage.result("a").value(), Json(3));
}

}  // namespace

std::vector<Story> update_stories() {
  return {
      {"UpdateAnswered", limited, tell_answered},
      {"UpdateRefused", limited, tell_refused},
      {"UpdateOfUnknownName", limited, tell_unknown_name},
      {"UpdateFails", limited, tell_failing_handler},
      {"UpdateWithActivity", limited, tell_with_activity},
      {"UpdatesUnderWay", limited, tell_under_way},
      {"UpdateOfSameId", limited, tell_same_id},
      {"UpdateOverRestart", limited, tell_over_restart},
      {"UpdateRacesTheEnd", limited, tell_racing_the_end},
      {"UpdateOfClosedRun", limited, tell_closed},
      {"UpdateWithSignal", with_signal, tell_with_signal, {"a"}, kWhoIsFaster},
      {"UpdateAtOnce", limited, tell_at_once, {"a"}, kWhoIsFaster},
  };
}

}  // namespace holdfast::flow::stories
