// The same stories on both engines: they end alike, and their histories tell the same.
//
// What is compared of each event: its type and what it is about (activity, timer, signal, child,
// failure, values). Left out: ids, times, identities, empty values, the header that Temporal
// repeats on activities and children, the words of a parent that cancels its child, and the
// driver's notes of progress. Where it depends on who is faster which events share a workflow task,
// a story is compared as a set without the events of workflow tasks.
#include "flow/event.h"
#include "flow/temporal/testing/stories.h"

namespace holdfast::flow::temporal {
namespace {

std::string scrubbed_value(const Json& attributes, std::string_view key,
                           const std::string& prefix) {
  const Json* value = find(attributes, key);
  if (!value || *value == Json("0s") || *value == Json(JsonObject())) {
    return "";
  }
  std::string text =
      value->is_object() && find(*value, "name") ? get_string(*value, "name") : to_text(*value);
  for (std::size_t at = text.find(prefix); !prefix.empty() && at != std::string::npos;
       at = text.find(prefix)) {
    text.erase(at, prefix.size());
  }
  return " " + std::string(key) + "=" + text;
}

std::string scrubbed_failure(const Json& attributes) {
  const Json* failure = find(attributes, "failure");
  if (!failure) {
    return "";
  }
  const Error error = from_failure(*failure);
  return " failure=" + std::string(describe(error.code()).name) +
         (error.code() == Code::kDeadlineExceeded ? "" : ":" + error.message());
}

std::vector<std::string> scrubbed(Stage& stage, const std::string& id, bool ordered) {
  std::vector<std::string> lines;
  for (const HistoryEvent& event : stage.history(id)) {
    const Json* memo = find(event.attributes, "upsertedMemo");
    if (memo && find(*memo, kProgressMemo)) {
      continue;
    }
    const bool task = event.type.starts_with("WorkflowTask");
    if (task && !ordered) {
      continue;
    }
    if (get_string(event.attributes, "cause").ends_with("UNHANDLED_COMMAND")) {
      lines.resize(lines.size() - 2);  // something came too late to be seen: the task is repeated
      continue;
    }
    std::string line = event.type;
    for (const std::string_view key :
         {"activityType", "activityId", "timerId", "signalName", "startToFireTimeout", "input",
          "result", "memo", "upsertedMemo", "searchAttributes", "parentClosePolicy", "retryState",
          "startToCloseTimeout", "heartbeatTimeout", "retryPolicy"}) {
      // Only Temporal says of a child's failure that it had no retry policy.
      const bool of_child = key == "retryState" && event.type.starts_with("ChildWorkflow");
      if (!task && !of_child) {
        line += scrubbed_value(event.attributes, key, stage.prefix);
      }
    }
    lines.push_back(line + scrubbed_failure(event.attributes));
  }
  return lines;
}

class SlowConformance : public testing::TestWithParam<Story> {
 protected:
  void SetUp() override { HF_NEEDS_TEMPORAL(); }

  std::vector<std::vector<std::string>> histories(Stage& stage) {
    const Story& story = GetParam();
    story.prepare(stage);
    stage.open();
    story.tell(stage);
    std::vector<std::vector<std::string>> all;
    for (const std::string& run : story.runs) {
      all.push_back(scrubbed(stage, run, story.ordered));
      stage.check_replay(run);
      if (!story.ordered) {
        std::ranges::sort(all.back());
      }
    }
    return all;
  }
};

TEST_P(SlowConformance, TellsTheSameOnBothEngines) {
  EmbeddedStage embedded;
  const auto ours = histories(embedded);
  for (const std::size_t cache : {0, 1000}) {
    TemporalStage temporal;
    temporal.options.cache_size = cache;
    const auto theirs = histories(temporal);
    ASSERT_EQ(ours.size(), theirs.size());
    for (std::size_t i = 0; i < ours.size(); ++i) {
      EXPECT_THAT(theirs[i], testing::ElementsAreArray(ours[i]))
          << GetParam().runs[i] << " with a cache of " << cache;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(SlowActivities, SlowConformance, testing::ValuesIn(activity_stories()),
                         [](const auto& info) { return info.param.name; });
INSTANTIATE_TEST_SUITE_P(SlowRuns, SlowConformance, testing::ValuesIn(run_stories()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace holdfast::flow::temporal
