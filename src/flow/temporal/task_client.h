// The port flow/tasks.h over Temporal's calls: whoever has a task's token speaks for its attempt.
#pragma once

#include <memory>
#include <string>

#include "flow/tasks.h"
#include "flow/temporal/call.h"
#include "flow/temporal/options.h"
#include "flow/temporal/workflow_worker.h"

namespace holdfast::flow::temporal {

// Temporal's token of a task as text.
std::string task_token(const std::string& bytes);

// Everything given outlives it. `on_change` is called with heartbeats of tasks that it handed out.
std::unique_ptr<TaskClient> make_task_client(const Caller& caller, const Options& options,
                                             const std::string& identity, OnChange on_change);

}  // namespace holdfast::flow::temporal
