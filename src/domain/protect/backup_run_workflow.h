// The parts of scheduled_backup that its files share: what one run knows, and its copies.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "domain/activities/data_types.h"
#include "domain/activities/plan_types.h"
#include "domain/activities/run_step_workflow.h"
#include "flow/workflow.h"

namespace holdfast::protect {

// What one run knows; lives in the coroutine frame of the workflow. A run that protects a group has
// one more of these for each other member: with a plan, a point and copies of its own, shown among
// the steps of the run.
struct BackupRun {
  explicit BackupRun(flow::WorkflowContext& context) : ctx(context), steps(own_steps) {}
  BackupRun(BackupRun& whole, activities::BackupPlan member)
      : ctx(whole.ctx),
        steps(whole.own_steps),
        plan(std::move(member)),
        prefix(plan.resource_name + "/"),
        of(&whole) {}
  BackupRun(const BackupRun&) = delete;
  BackupRun& operator=(const BackupRun&) = delete;

  // The step of this name, of this member: "verify_integrity", "logs/verify_integrity".
  std::string step(std::string_view name) const { return prefix + std::string(name); }

  // The step of a copy: its level, and where it goes when several have that level.
  std::string step(const activities::PlannedCopy& copy) const {
    const auto same = std::count_if(plan.copies.begin(), plan.copies.end(),
                                    [&](const auto& one) { return one.level == copy.level; });
    const std::string& place = copy.destination.empty() ? copy.repository.name : copy.destination;
    return step(same > 1 ? copy.level + " " + place : copy.level);
  }

  void show() {
    if (of != nullptr) {
      of->show();
      return;
    }
    ctx.set_progress(JsonObject{{"step", steps.current()},
                                {"resource", plan.resource_name},
                                {"partial", backup.partial},
                                {"steps", steps.to_json()}});
  }

  flow::WorkflowContext& ctx;
  const UtcTime started = ctx.now();
  activities::StepLog own_steps;
  activities::StepLog& steps;
  activities::BackupPlan plan;
  std::string prefix;
  BackupRun* of = nullptr;  // whose group this is a member of
  std::vector<std::unique_ptr<BackupRun>> members;
  activities::SnapshotTaken snapshot;
  activities::BackupDone backup;
  std::vector<activities::MadeCopy> copies;
};

// Takes the snapshot that every copy comes from, with those of the group's other members.
flow::Task<Status> take_snapshot(BackupRun& run);
// A storage snapshot that no recorded point uses is removed again.
flow::Task<void> drop_unused_snapshot(BackupRun& run);

// Makes the copy of one level: the storage snapshot itself, the first engine backup, or a
// repository copy of a backup that an earlier level made.
flow::Task<Status> make_copy(BackupRun& run, activities::PlannedCopy copy);

// Reads back what is new in each engine copy (proof level L1).
flow::Task<Status> verify_copies(BackupRun& run);

}  // namespace holdfast::protect
