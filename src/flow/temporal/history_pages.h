// Reading histories from the server, page by page.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "flow/client.h"
#include "flow/event.h"
#include "flow/temporal/call.h"

namespace temporal::api::history::v1 {
class History;
}
namespace temporal::api::workflowservice::v1 {
class GetWorkflowExecutionHistoryRequest;
}

namespace holdfast::flow::temporal {

// Appends what is new in `history`; kDataLoss when ids have a gap.
Status append_events(const ::temporal::api::history::v1::History& history,
                     std::vector<Event>& events);
::temporal::api::workflowservice::v1::GetWorkflowExecutionHistoryRequest history_request(
    const std::string& name_space, const std::string& workflow_id, const std::string& run_id);

// Whether this event is the driver's own note of progress (set_progress), which no code asked for,
// and what it says.
std::optional<Json> noted_progress(const Event& event);

HistoryEvent shown(const Event& event);

}  // namespace holdfast::flow::temporal
