// Stories that every engine tells alike, and what they share.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "flow/testing/stage.h"

namespace holdfast::flow::stories {

struct Story {
  std::string name;
  void (*prepare)(Stage&);
  void (*tell)(Stage&);
  std::vector<std::string> runs = {"a"};  // whose histories are compared
  // Why events may share workflow tasks differently; empty: they are compared in order.
  std::string_view unordered = {};
};

inline void PrintTo(const Story& story, std::ostream* out) { *out << story.name; }

inline constexpr std::string_view kWhoIsFaster = "who is faster decides what shares a task";

std::vector<Story> activity_stories();
std::vector<Story> task_stories();
std::vector<Story> cancel_stories();
std::vector<Story> child_stories();
std::vector<Story> race_stories();
std::vector<Story> update_stories();
std::vector<Story> signal_stories();
std::vector<Story> run_stories();
std::vector<Story> marker_stories();
std::vector<Story> reset_stories();
std::vector<Story> error_stories();
// All of them.
std::vector<Story> all_stories();

inline Result<Json> echo(ActivityContext&, const Json& input) { return input; }

inline Error lost() { return {Code::kUnavailable, "the line is cut", Retry::kTransient}; }

// Heartbeats until it is told to stop; says how.
Result<Json> until_stopped(ActivityContext& ctx);

inline ActivityOptions quick_retries(int attempts = 0) {
  ActivityOptions options;
  options.retry.initial = milliseconds(10);
  options.retry.max_attempts = attempts;
  return options;
}

void plain_run(Stage& stage);
void failing_run(Stage& stage);

}  // namespace holdfast::flow::stories
