#include "flow/testing/story.h"

namespace holdfast::flow::stories {

std::vector<Story> all_stories() {
  std::vector<Story> all;
  for (auto* of :
       {activity_stories, task_stories, cancel_stories, child_stories, race_stories, update_stories,
        signal_stories, run_stories, marker_stories, reset_stories, error_stories}) {
    std::ranges::move(of(), std::back_inserter(all));
  }
  return all;
}

Result<Json> until_stopped(ActivityContext& ctx) {
  while (!ctx.stop_requested()) {
    ctx.heartbeat(Json("alive"));
    pause(milliseconds(20));
  }
  return Error(Code::kCancelled, "asked to stop");
}

void plain_run(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  const auto outcome = stage.result("a");
  EXPECT_TRUE(outcome) << outcome.error().to_string();
}

void failing_run(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  EXPECT_FALSE(stage.result("a"));
}

}  // namespace holdfast::flow::stories
