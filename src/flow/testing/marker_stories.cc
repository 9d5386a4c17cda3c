// Stories about decisions that stand in history: side effects, patches, drawn values.
#include "flow/testing/story.h"

namespace holdfast::flow::stories {
namespace {

void marked(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    HF_CO_TRY(const Json drawn, ctx.side_effect([] { return Json(42); }));
    HF_CO_TRY(const Json back, co_await ctx.activity("echo", drawn));
    co_return Json(JsonArray{back, Json(ctx.patched("new-way"))});
  });
  stage.activities.add("echo", echo);
}

void tell_marked(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  EXPECT_EQ(stage.result("a").value(), Json(JsonArray{Json(42), Json(true)}));
}

// A side effect is made once, whatever is replayed.
Task<Result<Json>> made_once_run(WorkflowContext& ctx, Stage& stage) {
  HF_CO_TRY(const Json drawn, ctx.side_effect([&stage] {
    stage.ledger.note("made");
    return Json(stage.ledger.count("made"));
  }));
  HF_CO_TRY_VOID(co_await ctx.wait_signal("go"));
  co_return drawn;
}

void made_once(Stage& stage) {
  stage.workflows.add("w", [&stage](WorkflowContext& ctx) { return made_once_run(ctx, stage); });
}

void tell_made_once(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  stage.wait_for("a", "WorkflowTaskCompleted");
  stage.restart();
  ASSERT_TRUE(stage.signal("a", "go"));
  EXPECT_EQ(stage.result("a").value(), Json(1));
  EXPECT_EQ(stage.ledger.count("made"), 1);
}

// The same random numbers and ids in every replay.
void drawn(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    const std::string before = ctx.uuid();
    HF_CO_TRY_VOID(co_await ctx.wait_signal("go"));
    HF_CO_TRY(const Json kept, ctx.side_effect([&before] { return Json(before); }));
    co_return Json(kept == Json(before) && ctx.uuid() != before);
  });
}

void tell_drawn(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  stage.wait_for("a", "WorkflowTaskCompleted");
  stage.restart();
  ASSERT_TRUE(stage.signal("a", "go"));
  EXPECT_EQ(stage.result("a").value(), Json(true));
}

// Code that changes while the run is open: what "phase" says is the code of the day.
enum class Day { kOld, kNew, kLater };

Task<Result<Json>> of_the_day(WorkflowContext& ctx, Day day) {
  std::string way = "old";
  if (day == Day::kNew) {
    way = ctx.patched("verify-first") ? "new" : "old";
  } else if (day == Day::kLater) {
    ctx.deprecate_patch("verify-first");
    way = "new";
  }
  HF_CO_TRY_VOID(co_await ctx.activity("echo", Json(way)));
  HF_CO_TRY_VOID(co_await ctx.wait_signal("go"));
  co_return Json(way);
}

template <Day kBefore, Day kAfter>
void changed(Stage& stage) {
  stage.workflows.add("w", [&stage](WorkflowContext& ctx) -> Task<Result<Json>> {
    return of_the_day(ctx, stage.ledger.count("changed") > 0 ? kAfter : kBefore);
  });
  stage.activities.add("echo", echo);
}

void over_the_change(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  stage.wait_for("a", "WorkflowTaskCompleted", 2);
  stage.ledger.note("changed");
  stage.restart();
  ASSERT_TRUE(stage.signal("a", "go"));
}

void tell_old_run(Stage& stage) {
  over_the_change(stage);
  EXPECT_EQ(stage.result("a").value(), Json("old"));
}

void tell_new_run(Stage& stage) {
  over_the_change(stage);
  EXPECT_EQ(stage.result("a").value(), Json("new"));
}

void tell_undisturbed(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  stage.wait_for("a", "WorkflowTaskCompleted", 2);
  ASSERT_TRUE(stage.signal("a", "go"));
  EXPECT_EQ(stage.result("a").value(), Json("new"));
}

}  // namespace

std::vector<Story> marker_stories() {
  return {
      {"Markers", marked, tell_marked},
      {"SideEffectOnce", made_once, tell_made_once},
      {"DrawnValues", drawn, tell_drawn},
      {"PatchMeetsOldRun", changed<Day::kOld, Day::kNew>, tell_old_run},
      {"PatchMeetsNewRun", changed<Day::kNew, Day::kNew>, tell_undisturbed},
      {"PatchDeprecated", changed<Day::kNew, Day::kLater>, tell_new_run},
      {"PatchWasDeprecated", changed<Day::kLater, Day::kLater>, tell_undisturbed},
  };
}

}  // namespace holdfast::flow::stories
