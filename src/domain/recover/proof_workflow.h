// `recovery_proof`: proves one copy of a recovery point by reading back, restoring, probing or
// comparing it.
//
// Input {"resource" or "point", "level"?, "copy"?, "trigger"?}. Result {"point", "copy", "level"
// (reached), "wanted", "verdict", "detail"}. A proof that reaches less than wanted is recorded at
// what it reached and fails with kTargetMissed; damage fails with kDataLoss.
#pragma once

#include "flow/workflow.h"

namespace holdfast::recover {

flow::Task<Result<Json>> recovery_proof(flow::WorkflowContext& ctx);

}  // namespace holdfast::recover
