// Updates as the messages that travel beside workflow tasks.
//
// A request comes with a task and belongs after the events of its window. It is refused by a
// message alone, and accepted and answered by messages that a command each puts into the history.
#pragma once

#include <vector>

#include "core/base/result.h"
#include "flow/replay/runtime.h"

namespace temporal::api::workflowservice::v1 {
class PollWorkflowTaskQueueResponse;
class RespondWorkflowTaskCompletedRequest;
}  // namespace temporal::api::workflowservice::v1

namespace holdfast::flow::temporal {

// The requests of a task, in order. kDataLoss: a message is none that this program knows.
Result<std::vector<detail::UpdateOffer>> offers_of(
    const ::temporal::api::workflowservice::v1::PollWorkflowTaskQueueResponse& task);

bool is_update_answer(const detail::Command& command);
// Adds the message of an accepted or answered update of `task`, and the command that names it.
Status add_update_answer(
    const detail::Command& command,
    const ::temporal::api::workflowservice::v1::PollWorkflowTaskQueueResponse& task,
    ::temporal::api::workflowservice::v1::RespondWorkflowTaskCompletedRequest& answer);
Status add_rejection(
    const detail::UpdateRejection& rejection,
    const ::temporal::api::workflowservice::v1::PollWorkflowTaskQueueResponse& task,
    ::temporal::api::workflowservice::v1::RespondWorkflowTaskCompletedRequest& answer);

// The answer that a client gets. kFailedPrecondition: the run closed before it gave one.
Result<Json> update_outcome(const Json& outcome);

}  // namespace holdfast::flow::temporal
