// Runs a recorded history against the workflows of this program, without any effect.
#pragma once

#include "core/base/json.h"
#include "core/base/result.h"
#include "flow/workflow.h"

namespace holdfast::flow {

// `history` is Temporal's history JSON, ours or theirs. Success: the code does exactly what the
// history tells. kFailedPrecondition: it does not; the message names the event and both sides.
// kInvalidArgument: not a history; kNotFound: the workflow type is not registered.
Status replay_history(const Json& history, const WorkflowRegistry& registry);

}  // namespace holdfast::flow
