// The requirements' `data_recovery` workflow.
//
// Input: the parameters of POST /v1/workflows/data_recovery plus "requested_by". The signal
// "decision" {"approval", "approved", "by", "comment", "proposal_hash"} answers an approval.
// Result: {"proposal", "restored", "validation", "rpo_achieved_seconds", "rto_achieved_seconds",
// "manifest", "steps"}.
#pragma once

#include "flow/workflow.h"

namespace holdfast::recover {

flow::Task<Result<Json>> data_recovery(flow::WorkflowContext& ctx);

}  // namespace holdfast::recover
