// Every workflow of the product, by name.
#pragma once

#include "flow/workflow.h"

namespace holdfast::daemon {

void register_workflows(flow::WorkflowRegistry& registry);

}  // namespace holdfast::daemon
