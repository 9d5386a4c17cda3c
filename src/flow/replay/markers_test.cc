// Side effects and patches: decided once, the same in every replay, and found where code was
// changed.
#include "flow/history_json.h"
#include "flow/replay/script_fixture.h"

namespace holdfast::flow {
namespace {

Script& effect(Script& script, const std::string& id, Json value) {
  return script.add(EventType::kMarkerRecorded,
                    {{"markerName", "side_effect"}, {"details", {{"id", id}, {"data", value}}}});
}
Script& patch(Script& script, const std::string& id, bool deprecated = false) {
  return script.add(
      EventType::kMarkerRecorded,
      {{"markerName", "patch"}, {"details", {{"id", id}, {"deprecated", deprecated}}}});
}

class MarkersTest : public testing::Test {
 protected:
  MarkersTest() {
    registry_.add("draws", [this](WorkflowContext& ctx) -> Task<Result<Json>> {
      HF_CO_TRY(const Json first, ctx.side_effect([this] { return Json(++drawn_); }));
      HF_CO_TRY_VOID(co_await ctx.timer(std::chrono::seconds(1)));
      HF_CO_TRY(const Json second, ctx.side_effect([this] { return Json(++drawn_); }));
      co_return Json(to_text(first) + " " + to_text(second));
    });
    registry_.add("changed", [](WorkflowContext& ctx) -> Task<Result<Json>> {
      if (ctx.patched("new-step")) {
        HF_CO_TRY_VOID(co_await ctx.activity("new", {}));
      }
      HF_CO_TRY_VOID(co_await ctx.activity("old", {}));
      co_return Json(ctx.patched("new-step") ? "with" : "without");
    });
    registry_.add("settled", [](WorkflowContext& ctx) -> Task<Result<Json>> {
      ctx.deprecate_patch("new-step");
      HF_CO_TRY_VOID(co_await ctx.activity("new", {}));
      co_return Json("with");
    });
    registry_.add("cleaned", [](WorkflowContext& ctx) -> Task<Result<Json>> {
      HF_CO_TRY_VOID(co_await ctx.activity("new", {}));
      co_return Json("with");
    });
  }

  Status replay(const Script& script) {
    return replay_history(export_history(script.events), registry_);
  }

  int drawn_ = 0;
  WorkflowRegistry registry_;
};

TEST_F(MarkersTest, ASideEffectIsReadFromHistoryAndNotRepeated) {
  Script script;
  effect(script.begin("draws").task(), "1", 41).timer("1").fired(6).task();
  effect(script, "2", "x").completed("41 \"x\"");
  const Status replayed = replay(script);
  EXPECT_TRUE(replayed) << replayed.error().to_string();
  EXPECT_EQ(drawn_, 0);
}

TEST_F(MarkersTest, ASideEffectOfTheNewestTaskIsMadeOnce) {
  Script script;
  script.begin("draws").add(EventType::kWorkflowTaskScheduled).add(EventType::kWorkflowTaskStarted);
  Execution execution(registry_);
  ASSERT_TRUE(execution.apply(script.events));
  ASSERT_EQ(execution.commands().size(), 2u);
  EXPECT_EQ(execution.commands().front()->event, EventType::kMarkerRecorded);
  EXPECT_EQ(drawn_, 1);
}

TEST_F(MarkersTest, AHistoryWithoutTheMarkIsOneOfBeforeTheChange) {
  Script before;
  before.begin("changed")
      .task()
      .activity("1", "old")
      .activity_done(5, 1)
      .task()
      .completed("without");
  const Status replayed = replay(before);
  EXPECT_TRUE(replayed) << replayed.error().to_string();
}

TEST_F(MarkersTest, ARunThatReachesThePlaceNowIsMarked) {
  Script after;
  patch(after.begin("changed").task(), "new-step").activity("1", "new").activity_done(6, 1);
  after.task().activity("2", "old");
  const Status replayed = replay(after);
  EXPECT_TRUE(replayed) << replayed.error().to_string();
}

TEST_F(MarkersTest, AMarkThatCodeDoesNotAskForIsADifference) {
  Script marked;
  patch(marked.begin("cleaned").task(), "new-step").activity("1", "new");
  EXPECT_EQ(replay(marked).error().code(), Code::kFailedPrecondition);
  Script deprecated;
  patch(deprecated.begin("cleaned").task(), "new-step", true).activity("1", "new");
  const Status replayed = replay(deprecated);
  EXPECT_TRUE(replayed) << replayed.error().to_string();
}

TEST_F(MarkersTest, ADeprecatedPatchAcceptsRunsWithAndWithoutTheMark) {
  Script marked;
  patch(marked.begin("settled").task(), "new-step").activity("1", "new");
  EXPECT_TRUE(replay(marked));
  Script unmarked;
  unmarked.begin("settled").task().activity("1", "new");
  EXPECT_TRUE(replay(unmarked));
}

TEST_F(MarkersTest, TooLargeAValueIsKeptAsItsError) {
  registry_.add("large", [this](WorkflowContext& ctx) -> Task<Result<Json>> {
    ++drawn_;
    const auto value = ctx.side_effect([] { return Json(std::string(100'000, 'x')); });
    co_return Json(value ? "taken" : value.error().message());
  });
  Script script;
  script.begin("large").add(EventType::kWorkflowTaskScheduled).add(EventType::kWorkflowTaskStarted);
  Execution execution(registry_);
  ASSERT_TRUE(execution.apply(script.events));
  ASSERT_EQ(execution.commands().size(), 2u);
  const JsonObject marker = execution.commands().front()->attributes;
  const JsonObject done = execution.commands().back()->attributes;
  script.add(EventType::kWorkflowTaskCompleted);
  script.add(EventType::kMarkerRecorded, marker);
  script.add(EventType::kWorkflowExecutionCompleted, done);
  const Status replayed = replay(script);
  EXPECT_TRUE(replayed) << replayed.error().to_string();
}

}  // namespace
}  // namespace holdfast::flow
