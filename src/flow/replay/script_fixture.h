// Histories written by hand, for tests of the replay core.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "flow/embedded/engine_fixture.h"
#include "flow/event.h"
#include "flow/replay/execution.h"

namespace holdfast::flow {

// Writes a history event by event.
class Script {
 public:
  Script& add(EventType type, JsonObject attributes = {}) {
    Event event;
    event.id = static_cast<std::int64_t>(events.size()) + 1;
    event.time = embedded::test_start() + seconds_ * static_cast<int>(events.size());
    event.type = type;
    event.attributes = std::move(attributes);
    events.push_back(std::move(event));
    return *this;
  }
  Script& begin(const std::string& type) {
    return add(EventType::kWorkflowExecutionStarted, {{"workflowType", {{"name", type}}},
                                                      {"workflowId", "w"},
                                                      {"originalExecutionRunId", "run_1"},
                                                      {"input", Json{{"n", 1}}}});
  }
  Script& task() {
    return add(EventType::kWorkflowTaskScheduled)
        .add(EventType::kWorkflowTaskStarted)
        .add(EventType::kWorkflowTaskCompleted);
  }
  Script& activity(const std::string& id, const std::string& type) {
    return add(EventType::kActivityTaskScheduled,
               {{"activityId", id}, {"activityType", {{"name", type}}}});
  }
  Script& activity_done(std::int64_t scheduled, Json result) {
    return add(EventType::kActivityTaskStarted, {{"scheduledEventId", scheduled}})
        .add(EventType::kActivityTaskCompleted,
             {{"scheduledEventId", scheduled}, {"result", std::move(result)}});
  }
  Script& timer(const std::string& id) { return add(EventType::kTimerStarted, {{"timerId", id}}); }
  Script& fired(std::int64_t started) {
    return add(EventType::kTimerFired, {{"startedEventId", started}});
  }
  Script& signal(const std::string& name, Json payload = {}) {
    return add(EventType::kWorkflowExecutionSignaled,
               {{"signalName", name}, {"input", std::move(payload)}});
  }
  Script& completed(Json result) {
    return add(EventType::kWorkflowExecutionCompleted, {{"result", std::move(result)}});
  }

  std::vector<Event> events;
  std::chrono::seconds seconds_{1};
};

// The result that the code asks to complete with at the end of the script.
inline std::string outcome_of(const Script& script, const WorkflowRegistry& registry) {
  Execution execution(registry);
  const Status applied = execution.apply(script.events);
  EXPECT_TRUE(applied) << applied.error().to_string();
  if (execution.commands().empty()) {
    return "nothing";
  }
  return std::string(execution.commands().back()->attributes.at("result").as_string());
}

}  // namespace holdfast::flow
