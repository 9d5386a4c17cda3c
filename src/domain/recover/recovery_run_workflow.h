// The parts of data_recovery that its files share: what one run knows, and how its data comes back.
#pragma once

#include <string>
#include <vector>

#include "domain/activities/recovery_types.h"
#include "domain/activities/run_step_workflow.h"
#include "flow/workflow.h"

namespace holdfast::recover {

// What one run knows; lives in the coroutine frame of the workflow.
struct RecoveryRun {
  explicit RecoveryRun(flow::WorkflowContext& context) : ctx(context) {}

  void show(const Json& approval = nullptr) {
    JsonObject progress{
        {"step", steps.current()}, {"resource", plan.resource_name}, {"steps", steps.to_json()}};
    if (!proposal.is_null()) {
      progress["proposal"] = proposal;
    }
    if (!approval.is_null()) {
      progress["waiting_for"] = approval;
    }
    ctx.set_progress(std::move(progress));
  }

  // What is restored: the resource, and the other members of its group.
  std::vector<activities::RestoreRequest> parts() const {
    std::vector<activities::RestoreRequest> all{plan.restore};
    all.insert(all.end(), plan.members.begin(), plan.members.end());
    return all;
  }
  // Which means and why, behind a step's figures; empty where there is only one.
  std::string told_means() const {
    return means.why.empty() ? "" : "; " + means.means + ": " + means.why;
  }

  flow::WorkflowContext& ctx;
  activities::RecoveryPlan plan;
  activities::StepLog steps;
  Json proposal;
  activities::Means means;
  activities::RestorePlan effects;
  activities::RestoreDone restored;
  activities::Verdict validation;
};

// Asks the storage system of the copy what it can do by itself, where it may.
flow::Task<Status> choose_means(RecoveryRun& run);
// What the recovery would create, overwrite and delete, over all parts.
flow::Task<Result<activities::RestorePlan>> plan_effects(RecoveryRun& run);
// Brings every part back and compares it with the point.
flow::Task<Status> restore_parts(RecoveryRun& run);

}  // namespace holdfast::recover
