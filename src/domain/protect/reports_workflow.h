// The small workflows of protect: schedule_backup, backup_status_report, catalog_rebuild.
//
// schedule_backup {"volume_id", "backup_type", "retention_period", "consistency_group", "schedule"}
//   -> {"backup_schedule": {...}}
// backup_status_report {"cluster_id", "start_date", "end_date", "include_metrics",
//   "include_failures"} -> {"backup_status": {...}}
// catalog_rebuild {} -> {"repositories", "points", "copies"}
#pragma once

#include "flow/workflow.h"

namespace holdfast::protect {

flow::Task<Result<Json>> schedule_backup(flow::WorkflowContext& ctx);
flow::Task<Result<Json>> backup_status_report(flow::WorkflowContext& ctx);
flow::Task<Result<Json>> catalog_rebuild(flow::WorkflowContext& ctx);

}  // namespace holdfast::protect
