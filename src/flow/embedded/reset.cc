#include "flow/embedded/reset.h"

#include "flow/reset_point.h"

namespace holdfast::flow::embedded {
using enum EventType;

Result<ResetPlan> plan_reset(const RunState& base, std::vector<Event> history,
                             std::int64_t event_id, const std::string& reason, RunId new_run,
                             UtcTime now) {
  HF_TRY(const ResetPoint point, find_reset_point(history, event_id));
  const std::int64_t started = point.started_event_id;
  ResetPlan plan;
  for (Event& event : history) {
    if (event.id <= started) {
      plan.kept.push_back(std::move(event));
    } else if (event.type == kWorkflowExecutionSignaled) {
      plan.signals.push_back(std::move(event.attributes));
    }
  }
  plan.task_failed = {{"scheduledEventId", started - 1},
                      {"startedEventId", started},
                      {"cause", "WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW"},
                      {"failure", {{"message", reason}, {"source", "holdfast"}}},
                      {"identity", "holdfast"},
                      {"baseRunId", base.summary.run_id.text()},
                      {"newRunId", new_run.text()}};
  const JsonObject& first = plan.kept.front().attributes;
  plan.state.summary.run_id = std::move(new_run);
  plan.state.summary.workflow_id = base.summary.workflow_id;
  plan.state.summary.type = base.summary.type;
  plan.state.summary.started = now;
  plan.state.summary.memo = object_at(first, "memo");
  plan.state.summary.search_attributes = object_at(first, "searchAttributes");
  plan.state.header = base.header;
  plan.state.last_event_time = plan.kept.back().time;
  if (base.deadline) {
    plan.state.deadline = now + (*base.deadline - base.summary.started);
  }
  return plan;
}

}  // namespace holdfast::flow::embedded
