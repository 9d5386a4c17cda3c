#include "flow/embedded/reset.h"

#include <algorithm>
#include <set>

namespace holdfast::flow::embedded {
namespace {

using enum EventType;

// The WorkflowTaskStarted of the task to do again.
Result<std::int64_t> find_task(const std::vector<Event>& history, std::int64_t event_id) {
  const auto last = static_cast<std::int64_t>(history.size());
  if (event_id < 0 || event_id > last) {
    return Error(Code::kInvalidArgument, "the history has no such event")
        .with("event", std::to_string(event_id))
        .with("last", std::to_string(last));
  }
  std::int64_t started = 0;
  for (const Event& event : history) {
    if (started != 0 && (event_id == 0 || event.id > event_id)) {
      break;
    }
    if (event.type == kWorkflowTaskCompleted && (event_id == 0 || event.id <= event_id)) {
      started = event_ref(event.attributes, "startedEventId");
    }
  }
  if (started == 0) {
    return Error(Code::kInvalidArgument,
                 "no workflow task was completed at or before this event; name a later one")
        .with("event", std::to_string(event_id));
  }
  return started;
}

Status no_open_children(const std::vector<Event>& kept) {
  std::set<std::int64_t> open;
  for (const Event& event : kept) {
    switch (event.type) {
      case kStartChildWorkflowExecutionInitiated:
        open.insert(event.id);
        break;
      case kStartChildWorkflowExecutionFailed:
      case kChildWorkflowExecutionCompleted:
      case kChildWorkflowExecutionFailed:
      case kChildWorkflowExecutionCanceled:
      case kChildWorkflowExecutionTimedOut:
      case kChildWorkflowExecutionTerminated:
        open.erase(event_ref(event.attributes, "initiatedEventId"));
        break;
      default:
        break;
    }
  }
  if (open.empty()) {
    return {};
  }
  return Error(Code::kFailedPrecondition,
               "a child was open at this place of the history; choose an event before it was "
               "started or after it ended")
      .with("event", std::to_string(*open.begin()));
}

}  // namespace

Result<ResetPlan> plan_reset(const RunState& base, std::vector<Event> history,
                             std::int64_t event_id, const std::string& reason, RunId new_run,
                             UtcTime now) {
  HF_TRY(const std::int64_t started, find_task(history, event_id));
  ResetPlan plan;
  for (Event& event : history) {
    if (event.id <= started) {
      plan.kept.push_back(std::move(event));
    } else if (event.type == kWorkflowExecutionSignaled) {
      plan.signals.push_back(std::move(event.attributes));
    }
  }
  HF_TRY_VOID(no_open_children(plan.kept));
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
