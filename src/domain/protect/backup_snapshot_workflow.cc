// The storage snapshot of a backup: of one volume, or of all volumes of its group at one instant.
#include <fmt/core.h>

#include <algorithm>

#include "domain/activities/workflow_options_types.h"
#include "domain/protect/backup_run_workflow.h"

namespace holdfast::protect {

using namespace activities;  // NOLINT: the values this workflow is made of

namespace {

// Cleaning up does not wait longer for an agent that has gone.
constexpr Nanoseconds kAwayFor = std::chrono::minutes(10);

// Shows group and quiesce as what they are for this resource, before the snapshot is taken.
void show_consistency(BackupRun& run) {
  if (!run.plan.use_consistency_group) {
    run.steps.skipped("consistency_group");
  } else if (run.plan.consistency_group.empty()) {
    run.steps.not_applicable("consistency_group", "the resource is in no consistency group");
  } else {
    run.steps.not_applicable("consistency_group", fmt::format("group '{}' has one volume here",
                                                              run.plan.consistency_group));
  }
  if (!run.plan.application_quiesce) {
    run.steps.skipped("application_quiesce");
  } else if (run.plan.quiesce_command.empty()) {
    run.steps.not_applicable("application_quiesce", "the resource has no quiesce command");
  }
}

bool quiesces(const BackupPlan& plan) {
  return plan.application_quiesce && !plan.quiesce_command.empty();
}

bool any_quiesces(const BackupRun& run) {
  return quiesces(run.plan) ||
         std::any_of(run.members.begin(), run.members.end(),
                     [](const auto& member) { return quiesces(member->plan); });
}

JsonObject snapshot_input(const BackupPlan& plan) {
  JsonObject input{{"volume", encode(plan.volume)}};
  if (quiesces(plan)) {
    input["quiesce_command"] = plan.quiesce_command;
    input["release_command"] = plan.release_command;
  }
  return input;
}

// What the snapshot was taken of: the volume, or its whole group.
JsonObject snapshot_request(const BackupRun& run) {
  JsonObject input = snapshot_input(run.plan);
  input["point_id"] = run.plan.point_id;
  for (const PlannedCopy& copy : run.plan.copies) {
    if (copy.method == "ontap_snapshot" && copy.lock_seconds > 0) {
      input["lock_seconds"] = copy.lock_seconds;
    }
  }
  if (run.plan.use_consistency_group && !run.plan.consistency_group.empty()) {
    JsonArray members;
    for (const auto& member : run.members) {
      members.push_back(snapshot_input(member->plan));
    }
    input["group"] = run.plan.consistency_group;
    input["members"] = std::move(members);
  }
  return input;
}

// Takes what the activity told of each member; false where it told of fewer.
bool take_answers(BackupRun& run, const Json& answer) {
  run.snapshot = decode<SnapshotTaken>(answer);
  const Json* members = find(answer, "members");
  for (size_t i = 0; i < run.members.size(); ++i) {
    if (members == nullptr || i >= members->get_array().size()) {
      return false;
    }
    run.members[i]->snapshot = decode<SnapshotTaken>(members->get_array()[i]);
  }
  return true;
}

}  // namespace

flow::Task<Status> take_snapshot(BackupRun& run) {
  show_consistency(run);
  const bool quiet = any_quiesces(run);
  if (quiet) {
    run.steps.begin("application_quiesce", run.ctx.now());
  }
  Json input(snapshot_request(run));
  Result<Json> answer = co_await run_step(run, "snapshot", "storage.snapshot", std::move(input),
                                          data_options_at(run.plan.volume.agent));
  if (answer && !take_answers(run, *answer)) {
    answer = Error(Code::kPartial, "the group's snapshot lacks a member");
    run.steps.failed("snapshot", answer.error(), run.ctx.now());
  }
  if (!answer) {
    if (quiet) {
      run.steps.failed("application_quiesce", answer.error(), run.ctx.now());
    }
    if (!run.members.empty()) {
      run.steps.failed("consistency_group", answer.error(), run.ctx.now());
    }
    co_return answer.error();
  }
  if (const std::string group = get_string(*answer, "group_detail"); !group.empty()) {
    run.steps.done("consistency_group", group, run.ctx.now());
  }
  if (quiet && get_bool(*answer, "quiesced")) {
    run.steps.done("application_quiesce", get_string(*answer, "quiesce_detail"), run.ctx.now());
  } else if (quiet) {
    run.steps.not_applicable("application_quiesce", get_string(*answer, "quiesce_detail"));
  }
  if (run.snapshot.name.empty()) {
    run.steps.not_applicable("snapshot", get_string(*answer, "detail"));
  }
  co_return Status();
}

flow::Task<void> drop_unused_snapshot(BackupRun& run) {
  if (run.snapshot.name.empty()) {
    co_return;
  }
  Json input =
      JsonObject{{"volume", encode(run.plan.volume)}, {"names", JsonArray{run.snapshot.name}}};
  flow::ActivityOptions how = data_options_at(run.plan.volume.agent);
  how.schedule_to_start = run.plan.volume.agent.empty() ? Nanoseconds(0) : kAwayFor;
  Result<Json> dropped =
      co_await run.ctx.shielded().activity("storage.delete_snapshots", std::move(input), how);
  if (!dropped) {
    run.ctx.log_warn("snapshot.not_removed", {{"error", dropped.error().to_string()}});
  }
}

}  // namespace holdfast::protect
