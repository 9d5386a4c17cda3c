// The requirements' `scheduled_backup` workflow.
//
// Input {"resource": name or id, "label": schedule label or "", "manual": bool}. Result: {"point",
// "snapshot_id", "files", "bytes", "added_bytes", "partial", "problems", "copies", "steps"}.
#pragma once

#include "flow/workflow.h"

namespace holdfast::protect {

flow::Task<Result<Json>> scheduled_backup(flow::WorkflowContext& ctx);

}  // namespace holdfast::protect
