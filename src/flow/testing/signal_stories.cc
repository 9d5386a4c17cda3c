// Stories about signals and queries.
#include "flow/testing/story.h"

namespace holdfast::flow::stories {
namespace {

void signals(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    HF_CO_TRY_VOID(co_await ctx.activity("echo", Json("ready")));
    HF_CO_TRY(const Json first, co_await ctx.wait_signal("go"));
    HF_CO_TRY(const auto second, co_await ctx.wait_signal("go", hours(1)));
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

// Signals that nobody waits for yet are kept, in order, each name for itself.
void kept(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    HF_CO_TRY(const Json end, co_await ctx.wait_signal("end"));
    JsonArray words;
    for (const std::string_view name : {"b", "a"}) {
      while (const auto word = ctx.poll_signal(name)) {
        words.push_back(*word);
      }
    }
    co_return Json(std::move(words));
  });
}

void tell_kept(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  stage.wait_for("a", "WorkflowTaskCompleted");
  int tasks = 1;
  for (const auto& [name, word] :
       {std::pair("a", "1"), std::pair("b", "2"), std::pair("a", "3"), std::pair("end", "4")}) {
    ASSERT_TRUE(stage.signal("a", name, Json(word)));
    stage.wait_for("a", "WorkflowTaskCompleted", ++tasks);
  }
  EXPECT_EQ(stage.result("a").value(), Json(JsonArray{"2", "1", "3"}));
}

void heard(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    HF_CO_TRY(const Json first, co_await ctx.wait_signal("word"));
    HF_CO_TRY(const Json second, co_await ctx.wait_signal("word"));
    co_return Json(JsonArray{first, second});
  });
}

// Begins a run with a signal, and signals the one that is there.
void tell_signal_with_start(Stage& stage) {
  Client& client = stage.client();
  StartOptions how;
  how.request_id = "r1";
  how.memo = {{"why", "both"}};
  const auto begun = stage.wait(client.signal_with_start("w", WorkflowId(stage.prefix + "a"),
                                                         Json("input"), how, "word", Json("1")));
  ASSERT_TRUE(begun) << begun.error().to_string();
  EXPECT_TRUE(begun->created);
  stage.wait_for("a", "WorkflowTaskCompleted");
  how.request_id = "r2";
  const auto found = stage.wait(client.signal_with_start("w", WorkflowId(stage.prefix + "a"),
                                                         Json("other"), how, "word", Json("2")));
  ASSERT_TRUE(found) << found.error().to_string();
  EXPECT_FALSE(found->created);
  EXPECT_EQ(found->run_id, begun->run_id);
  EXPECT_EQ(stage.result("a").value(), Json(JsonArray{"1", "2"}));
  EXPECT_EQ(stage.describe("a")->run.memo, (JsonObject{{"why", "both"}}));
}

// The signal belongs to the next run of the id when the last one is closed.
void tell_signal_with_start_again(Stage& stage) {
  Client& client = stage.client();
  ASSERT_TRUE(stage.start("w", "a"));
  stage.wait_for("a", "WorkflowTaskCompleted");
  ASSERT_TRUE(stage.terminate("a"));
  const auto begun = stage.wait(
      client.signal_with_start("w", WorkflowId(stage.prefix + "a"), {}, {}, "word", Json("1")));
  ASSERT_TRUE(begun) << begun.error().to_string();
  EXPECT_TRUE(begun->created);
  stage.wait_for("a", "WorkflowTaskCompleted");
  ASSERT_TRUE(stage.signal("a", "word", Json("2")));
  EXPECT_EQ(stage.result("a").value(), Json(JsonArray{"1", "2"}));
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
  ASSERT_TRUE(stage.signal("a", "end"));
  EXPECT_TRUE(stage.result("a"));
}

void tell_asked_when_closed(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  stage.wait_for("a", "WorkflowTaskCompleted");
  ASSERT_TRUE(stage.signal("a", "word", Json("hi")));
  stage.wait_for("a", "WorkflowTaskCompleted", 2);
  ASSERT_TRUE(stage.signal("a", "end"));
  EXPECT_TRUE(stage.result("a"));
  EXPECT_EQ(stage.query("a", "heard").value(), Json("hi"));
  stage.restart();
  EXPECT_EQ(stage.query("a", "heard").value(), Json("hi"));
}

void tell_asked_wrongly(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  stage.wait_for("a", "WorkflowTaskCompleted");
  const auto refused = stage.query("a", "heard", Json(1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kInvalidArgument) << refused.error().to_string();
  EXPECT_EQ(refused.error().message(), "no arguments, please");
  const auto unknown = stage.query("a", "unheard");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code(), Code::kNotFound) << unknown.error().to_string();
  EXPECT_EQ(stage.query("nobody", "heard").error().code(), Code::kNotFound);
  ASSERT_TRUE(stage.terminate("a"));
}

}  // namespace

std::vector<Story> signal_stories() {
  return {
      {"Signals", signals, tell_signals},
      {"SignalsKept", kept, tell_kept},
      {"SignalWithStart", heard, tell_signal_with_start},
      {"SignalWithStartAgain", heard, tell_signal_with_start_again},
      {"Queries", asked, tell_asked},
      {"QueriesWhenClosed", asked, tell_asked_when_closed},
      {"QueriesRefused", asked, tell_asked_wrongly},
  };
}

}  // namespace holdfast::flow::stories
