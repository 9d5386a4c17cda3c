#include "flow/temporal/history_pages.h"

#include "flow/temporal/events.h"
#include "flow/temporal/proto/service.pb.h"

namespace holdfast::flow::temporal {

Status append_events(const ::temporal::api::history::v1::History& history,
                     std::vector<Event>& events) {
  for (const auto& wired : history.events()) {
    const std::int64_t last = events.empty() ? wired.event_id() - 1 : events.back().id;
    if (wired.event_id() <= last) {
      continue;
    }
    if (wired.event_id() != last + 1) {
      return Error(Code::kDataLoss, "the history of the run has a gap")
          .with("after", std::to_string(last))
          .with("found", std::to_string(wired.event_id()));
    }
    events.push_back(to_event(wired));
  }
  return {};
}

::temporal::api::workflowservice::v1::GetWorkflowExecutionHistoryRequest history_request(
    const std::string& name_space, const std::string& workflow_id, const std::string& run_id) {
  ::temporal::api::workflowservice::v1::GetWorkflowExecutionHistoryRequest request;
  request.set_namespace_(name_space);
  request.mutable_execution()->set_workflow_id(workflow_id);
  request.mutable_execution()->set_run_id(run_id);
  return request;
}

HistoryEvent shown(const Event& event) {
  return {event.id, event.time, std::string(name_of(event.type)), Json(event.attributes)};
}

std::optional<Json> noted_progress(const Event& event) {
  if (!is_progress_note(event)) {
    return std::nullopt;
  }
  return event.attributes.at("upsertedMemo").at(kProgressMemo);
}

}  // namespace holdfast::flow::temporal
