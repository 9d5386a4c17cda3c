// Stories about resets: a run does an earlier workflow task again, with the code of today.
#include "flow/testing/story.h"

namespace holdfast::flow::stories {
namespace {

Result<RunId> reset(Stage& stage, const std::string& id, std::int64_t event_id,
                    const std::string& request = "") {
  return stage.wait(stage.client().reset(stage.run(id), event_id, "mended", request));
}

// The n-th event of this type, counted from 1.
std::int64_t event_of(Stage& stage, const std::string& id, const std::string& type, int n = 1) {
  for (const HistoryEvent& event : stage.history(id)) {
    if (event.type == type && --n == 0) {
      return event.id;
    }
  }
  return 0;
}

// Led astray until somebody mends it: the third step is another one then.
Task<Result<Json>> steps_run(WorkflowContext& ctx, Stage& stage) {
  HF_CO_TRY_VOID(co_await ctx.activity("step", Json("first")));
  HF_CO_TRY_VOID(co_await ctx.activity("step", Json("second")));
  const bool mended = stage.ledger.count("mended") > 0;
  HF_CO_TRY_VOID(co_await ctx.activity("step", Json(mended ? "right" : "wrong")));
  HF_CO_TRY(const Json drawn, ctx.side_effect([&] { return Json(ctx.info().run_id.text()); }));
  co_return Json(drawn == Json(ctx.info().run_id.text()) && mended);
}

void steps(Stage& stage) {
  stage.workflows.add("w", [&stage](WorkflowContext& ctx) { return steps_run(ctx, stage); });
  stage.activities.add("step", [&stage](ActivityContext&, const Json& input) -> Result<Json> {
    stage.ledger.note(std::string(input.get_string()));
    return input;
  });
}

void tell_steps(Stage& stage) {
  const auto first = stage.start("w", "a");
  ASSERT_TRUE(first);
  EXPECT_EQ(stage.result("a").value(), Json(false));
  stage.ledger.note("mended");
  const auto again = reset(stage, "a", event_of(stage, "a", "ActivityTaskScheduled", 3));
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_NE(*again, first->run_id);
  EXPECT_EQ(stage.result("a").value(), Json(true));
  EXPECT_EQ(stage.describe("a")->run.run_id, *again);
  EXPECT_EQ(stage.ledger.count("first"), 1);
  EXPECT_EQ(stage.ledger.count("second"), 1);
  EXPECT_EQ(stage.ledger.count("right"), 1);
}

void tell_refused(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  EXPECT_TRUE(stage.result("a"));
  EXPECT_EQ(reset(stage, "a", 1).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(reset(stage, "a", 1000).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(reset(stage, "nobody", 0).error().code(), Code::kNotFound);
}

void listens(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    HF_CO_TRY_VOID(co_await ctx.activity("echo", Json("begin")));
    JsonArray heard;
    while (heard.size() < 3) {
      HF_CO_TRY(Json word, co_await ctx.wait_signal("word"));
      heard.push_back(std::move(word));
    }
    co_return Json(std::move(heard));
  });
  stage.activities.add("echo", echo);
}

// An open run is terminated; what it had heard, the new one hears too.
void tell_listens(Stage& stage) {
  const auto first = stage.start("w", "a");
  ASSERT_TRUE(first);
  stage.wait_for("a", "WorkflowTaskCompleted", 2);
  ASSERT_TRUE(stage.signal("a", "word", Json("1")));
  stage.wait_for("a", "WorkflowTaskCompleted", 3);
  ASSERT_TRUE(stage.signal("a", "word", Json("2")));
  stage.wait_for("a", "WorkflowTaskCompleted", 4);
  const auto again = reset(stage, "a", event_of(stage, "a", "WorkflowTaskCompleted", 2), "request");
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(stage.wait(stage.client().describe(ref(first->run_id)))->run.status,
            RunStatus::kTerminated);
  ASSERT_TRUE(stage.signal("a", "word", Json("3")));
  EXPECT_EQ(stage.result("a").value(), Json(JsonArray{"1", "2", "3"}));
}

void tell_from_the_start(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  EXPECT_TRUE(stage.result("a"));
  stage.ledger.note("mended");
  ASSERT_TRUE(reset(stage, "a", 0));
  EXPECT_EQ(stage.result("a").value(), Json(true));
  EXPECT_EQ(stage.ledger.count("first"), 2);
}

}  // namespace

std::vector<Story> reset_stories() {
  return {
      {"Reset", steps, tell_steps},
      {"ResetRefused", steps, tell_refused},
      {"ResetHearsAgain", listens, tell_listens, {"a"}, kWhoIsFaster},
      {"ResetFromTheStart", steps, tell_from_the_start},
  };
}

}  // namespace holdfast::flow::stories
