// What a worker answers to a workflow task.
#pragma once

#include <string>

#include "core/base/result.h"
#include "flow/temporal/options.h"
#include "flow/temporal/run_cache.h"

namespace temporal::api::query::v1 {
class WorkflowQueryResult;
}
namespace temporal::api::workflowservice::v1 {
class PollWorkflowTaskQueueResponse;
class RespondWorkflowTaskCompletedRequest;
}  // namespace temporal::api::workflowservice::v1

namespace holdfast::flow::temporal {

// Who answers.
struct Worker {
  const Options& options;
  std::string identity;
  std::string sticky_queue;  // of this worker alone
};

::temporal::api::query::v1::WorkflowQueryResult query_answer(const Result<Json>& answer);

// The commands and messages of the run's last window, and answers to the queries that came with the
// task. Takes the refused updates out of the run.
Result<::temporal::api::workflowservice::v1::RespondWorkflowTaskCompletedRequest> completion_of(
    const ::temporal::api::workflowservice::v1::PollWorkflowTaskQueueResponse& task, CachedRun& run,
    const Worker& worker);

}  // namespace holdfast::flow::temporal
