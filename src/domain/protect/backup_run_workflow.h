// The parts of scheduled_backup that its two files share: what one run knows, and its copies.
#pragma once

#include <string>
#include <vector>

#include "domain/activities/data_types.h"
#include "domain/activities/plan_types.h"
#include "domain/activities/run_step_workflow.h"
#include "flow/workflow.h"

namespace holdfast::protect {

// What one run knows; lives in the coroutine frame of the workflow.
struct BackupRun {
  explicit BackupRun(flow::WorkflowContext& context) : ctx(context) {}

  void show() {
    ctx.set_progress(JsonObject{{"step", steps.current()},
                                {"resource", plan.resource_name},
                                {"partial", backup.partial},
                                {"steps", steps.to_json()}});
  }

  flow::WorkflowContext& ctx;
  const UtcTime started = ctx.now();
  activities::BackupPlan plan;
  activities::StepLog steps;
  activities::SnapshotTaken snapshot;
  activities::BackupDone backup;
  std::vector<activities::MadeCopy> copies;
};

// Makes the copy of one level: the storage snapshot itself, the first engine backup, or a
// repository copy of a backup that an earlier level made.
flow::Task<Status> make_copy(BackupRun& run, activities::PlannedCopy copy);

// Reads back what is new in each engine copy (proof level L1).
flow::Task<Status> verify_copies(BackupRun& run);

}  // namespace holdfast::protect
