#include "flow/reset_point.h"

#include <set>

namespace holdfast::flow {
namespace {

using enum EventType;

Result<ResetPoint> find_task(std::span<const Event> history, std::int64_t event_id) {
  const auto last = static_cast<std::int64_t>(history.size());
  if (event_id < 0 || event_id > last) {
    return Error(Code::kInvalidArgument, "the history has no such event")
        .with("event", std::to_string(event_id))
        .with("last", std::to_string(last));
  }
  ResetPoint point;
  for (const Event& event : history) {
    if (point.started_event_id != 0 && (event_id == 0 || event.id > event_id)) {
      break;
    }
    if (event.type == kWorkflowTaskCompleted && (event_id == 0 || event.id <= event_id)) {
      point = {event_ref(event.attributes, "startedEventId"), event.id};
    }
  }
  if (point.started_event_id == 0) {
    return Error(Code::kInvalidArgument,
                 "no workflow task was completed at or before this event; name a later one")
        .with("event", std::to_string(event_id));
  }
  return point;
}

Status no_open_children(std::span<const Event> kept) {
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

Result<ResetPoint> find_reset_point(std::span<const Event> history, std::int64_t event_id) {
  HF_TRY(const ResetPoint point, find_task(history, event_id));
  HF_TRY_VOID(no_open_children(history.first(static_cast<std::size_t>(point.started_event_id))));
  return point;
}

}  // namespace holdfast::flow
