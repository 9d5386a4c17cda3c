// What Temporal tells about runs, in the words of flow/client.h.
#pragma once

#include <string>
#include <vector>

#include "flow/client.h"
#include "flow/event.h"

namespace temporal::api::workflow::v1 {
class WorkflowExecutionInfo;
}
namespace temporal::api::workflowservice::v1 {
class DescribeWorkflowExecutionResponse;
}

namespace holdfast::flow::temporal {

// The query of ListWorkflowExecutions: of the runs of one task queue only, since a namespace may
// have others. kInvalidArgument: query.filter is wrong, and where.
Result<std::string> list_filter(const ListQuery& query, const std::string& task_queue);
RunSummary summary_of(const ::temporal::api::workflow::v1::WorkflowExecutionInfo& info);
// `events`: the whole history; `task_queue`: of the workflows.
RunDescription description_of(
    const ::temporal::api::workflowservice::v1::DescribeWorkflowExecutionResponse& told,
    const std::vector<Event>& events, const std::string& task_queue);

}  // namespace holdfast::flow::temporal
