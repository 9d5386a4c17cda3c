#include "daemon/workflows.h"

#include "domain/protect/backup_workflow.h"
#include "domain/protect/rebuild.h"
#include "domain/protect/reports_workflow.h"
#include "domain/recover/proof_workflow.h"
#include "domain/recover/recovery_workflow.h"

namespace holdfast::daemon {

void register_workflows(flow::WorkflowRegistry& registry) {
  registry.add("scheduled_backup", protect::scheduled_backup);
  registry.add("schedule_backup", protect::schedule_backup);
  registry.add("backup_status_report", protect::backup_status_report);
  registry.add("catalog_rebuild", protect::catalog_rebuild);
  registry.add("data_recovery", recover::data_recovery);
  registry.add("recovery_proof", recover::recovery_proof);
}

}  // namespace holdfast::daemon
