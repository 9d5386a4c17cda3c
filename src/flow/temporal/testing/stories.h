// Stories that both engines tell (conformance_test.cc), and what they share.
#pragma once

#include <string>
#include <vector>

#include "flow/temporal/testing/stage.h"

namespace holdfast::flow::temporal {

struct Story {
  std::string name;
  void (*prepare)(Stage&);
  void (*tell)(Stage&);
  std::vector<std::string> runs = {"a"};
  bool ordered = true;  // false: who is faster decides which events share a workflow task
};

inline void PrintTo(const Story& story, std::ostream* out) { *out << story.name; }

std::vector<Story> activity_stories();
std::vector<Story> run_stories();

inline Result<Json> echo(ActivityContext&, const Json& input) { return input; }

inline Error lost() { return {Code::kUnavailable, "the line is cut", Retry::kTransient}; }

// Waits until it is told to stop; says how.
inline Result<Json> until_stopped(ActivityContext& ctx) {
  while (!ctx.stop_requested()) {
    ctx.heartbeat(Json("alive"));
    pause(milliseconds(20));
  }
  return Error(Code::kCancelled, "asked to stop");
}

inline ActivityOptions quick_retries(int attempts = 0) {
  ActivityOptions options;
  options.retry.initial = milliseconds(10);
  options.retry.max_attempts = attempts;
  return options;
}

inline void plain_run(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  EXPECT_TRUE(stage.result("a"));
}

inline void failing_run(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  EXPECT_FALSE(stage.result("a"));
}

}  // namespace holdfast::flow::temporal
