// scheduled_backup: validate, snapshot, copy to each level, verify, record, retain, notify.
//
// A switch that is off shows its step as skipped; what the resource does not have is not
// applicable; nothing else is shown as done than what was done. A level that fails does not take
// back the levels that were made: the point is recorded with the copies it has, and the run fails.
// Whatever happens, the ledger row is closed and the channels are told, also after a cancel.
#include "domain/protect/backup_workflow.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "core/base/units.h"
#include "domain/activities/workflow_options_types.h"
#include "domain/protect/backup_run_workflow.h"

namespace holdfast::protect {
namespace {

using namespace activities;  // NOLINT: the values this workflow is made of
using flow::WorkflowContext;

constexpr std::string_view kPre = "pre_backup_validation";
constexpr std::string_view kExecute = "execute_backup";
constexpr std::string_view kPost = "post_backup_verification";
// Cleaning up does not wait longer for an agent that has gone.
constexpr Nanoseconds kAwayFor = std::chrono::minutes(10);

void announce_steps(BackupRun& run) {
  for (const std::string_view name :
       {"check_space", "verify_connectivity", "validate_snapmirror"}) {
    run.steps.announce(kPre, name);
  }
  for (const std::string_view name : {"consistency_group", "application_quiesce", "snapshot"}) {
    run.steps.announce(kExecute, name);
  }
  for (const PlannedCopy& copy : run.plan.copies) {
    run.steps.announce(kExecute, copy.level);
  }
  for (const std::string_view name :
       {"verify_integrity", "update_catalog", "retention", "send_notifications"}) {
    run.steps.announce(kPost, name);
  }
}

// The repositories that the checks look at: an agent only knows the one that it backs up to.
JsonArray repositories_of(const BackupPlan& plan) {
  JsonArray list;
  for (const PlannedCopy& copy : plan.copies) {
    if (!copy.repository.location.empty() && (plan.volume.agent.empty() || list.empty())) {
      list.push_back(encode(copy.repository));
    }
  }
  return list;
}

flow::Task<Status> validate(BackupRun& run) {
  struct Check {
    const char* name;
    const char* activity;
    bool wanted;
  };
  const std::array<Check, 3> checks{{
      {"check_space", "storage.check_space", run.plan.check_space},
      {"verify_connectivity", "storage.verify_connectivity", run.plan.verify_connectivity},
      {"validate_snapmirror", "storage.replica_state", run.plan.validate_snapmirror},
  }};
  for (const Check& check : checks) {
    if (!check.wanted) {
      run.steps.skipped(check.name);
      continue;
    }
    Json input = JsonObject{{"volume", encode(run.plan.volume)},
                            {"repositories", repositories_of(run.plan)}};
    const Result<Json> answer = co_await run_step(run, check.name, check.activity, std::move(input),
                                                  data_options_at(run.plan.volume.agent));
    HF_CO_TRY_VOID(status_of(answer));
    if (get_bool(*answer, "not_applicable")) {
      run.steps.not_applicable(check.name, get_string(*answer, "detail"));
    }
  }
  co_return Status();
}

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

flow::Task<Status> take_snapshot(BackupRun& run) {
  show_consistency(run);
  Json input = JsonObject{{"volume", encode(run.plan.volume)}, {"point_id", run.plan.point_id}};
  for (const PlannedCopy& copy : run.plan.copies) {
    if (copy.method == "ontap_snapshot" && copy.lock_seconds > 0) {
      input.get_object()["lock_seconds"] = copy.lock_seconds;
    }
  }
  if (quiesces(run.plan)) {
    run.steps.begin("application_quiesce", run.ctx.now());
    input.get_object()["quiesce_command"] = run.plan.quiesce_command;
    input.get_object()["release_command"] = run.plan.release_command;
  }
  Result<Json> answer = co_await run_step(run, "snapshot", "storage.snapshot", std::move(input),
                                          data_options_at(run.plan.volume.agent));
  if (!answer) {
    if (quiesces(run.plan)) {
      run.steps.failed("application_quiesce", answer.error(), run.ctx.now());
    }
    co_return answer.error();
  }
  run.snapshot = decode<SnapshotTaken>(*answer);
  if (quiesces(run.plan) && get_bool(*answer, "quiesced")) {
    run.steps.done("application_quiesce", get_string(*answer, "quiesce_detail"), run.ctx.now());
  } else if (quiesces(run.plan)) {
    run.steps.not_applicable("application_quiesce", get_string(*answer, "quiesce_detail"));
  }
  if (run.snapshot.name.empty()) {
    run.steps.not_applicable("snapshot", get_string(*answer, "detail"));
  }
  co_return Status();
}

flow::Task<Status> record(BackupRun& run) {
  if (!run.plan.update_catalog) {
    run.steps.skipped("update_catalog");
    co_return Status();
  }
  PointRecord point;
  point.plan = run.plan;
  point.time = run.snapshot.time;
  point.consistency = run.snapshot.consistency;
  point.files = run.backup.files;
  point.bytes = run.backup.bytes;
  point.partial = run.backup.partial;
  point.copies = run.copies;
  const Result<Json> recorded = co_await run_step(run, "update_catalog", "protect.record_point",
                                                  encode(point), control_options());
  co_return status_of(recorded);
}

// Retention is a promise of its own: what it removes is planned from the catalog, removed by data
// activities, and then marked in the catalog.
flow::Task<Status> retain(BackupRun& run) {
  run.steps.begin("retention", run.ctx.now());
  run.show();
  Json input = JsonObject{{"resource_id", run.plan.resource_id}};
  Result<Json> planned =
      co_await run.ctx.activity("protect.plan_retention", input, control_options());
  Status outcome = status_of(planned);
  std::int64_t removed = 0;
  std::string postponed;
  if (planned) {
    const Json* batches = find(*planned, "batches");
    for (size_t i = 0; batches != nullptr && i < batches->get_array().size() && outcome; ++i) {
      const Json batch = batches->get_array()[i];
      const std::string activity = get_string(batch, "activity");
      const Json* volume = find(batch, "volume");
      const std::string agent = volume == nullptr ? "" : get_string(*volume, "agent");
      Result<Json> done = co_await run.ctx.activity(activity, batch, data_options_at(agent));
      if (done && get_bool(*done, "postponed")) {
        postponed = "; " + get_string(*done, "detail");
      } else if (done) {
        Json mark = JsonObject{{"copies", *find(batch, "copies")}};
        done =
            co_await run.ctx.activity("protect.copies_expired", std::move(mark), control_options());
        removed += static_cast<std::int64_t>(find(batch, "copies")->get_array().size());
      }
      outcome = status_of(done);
    }
  }
  if (!outcome) {
    run.steps.failed("retention", outcome.error(), run.ctx.now());
    co_return outcome;
  }
  run.steps.done(
      "retention",
      fmt::format("{} copies removed; {}{}", removed, get_string(*planned, "detail"), postponed),
      run.ctx.now());
  co_return Status();
}

flow::Task<Status> make_point(BackupRun& run) {
  HF_CO_TRY_VOID(co_await validate(run));
  HF_CO_TRY_VOID(co_await take_snapshot(run));
  Status levels;
  for (size_t i = 0; i < run.plan.copies.size() && levels; ++i) {
    levels = co_await make_copy(run, run.plan.copies[i]);
  }
  if (run.copies.empty()) {
    co_return levels;
  }
  Status verified = levels ? co_await verify_copies(run) : levels;
  // A copy that does not read back stays out of the catalog; what was made before it is worth
  // keeping.
  if (verified || verified.error().code() != Code::kDataLoss) {
    HF_CO_TRY_VOID(co_await record(run));
  }
  HF_CO_TRY_VOID(std::move(verified));
  co_return co_await retain(run);
}

Json summary(const BackupRun& run) {
  JsonArray copies;
  for (const MadeCopy& copy : run.copies) {
    copies.push_back(encode(copy));
  }
  return JsonObject{
      {"point", run.copies.empty() ? Json() : Json(run.plan.point_id)},
      {"resource", run.plan.resource_name},
      {"snapshot_id", run.backup.snapshot_id},
      {"files", run.backup.files},
      {"files_new", run.backup.files_new},
      {"files_changed", run.backup.files_changed},
      {"bytes", run.backup.bytes},
      {"added_bytes", run.backup.added_bytes},
      {"seconds",
       std::chrono::duration_cast<std::chrono::seconds>(run.ctx.now() - run.started).count()},
      {"partial", run.backup.partial},
      {"problem_count", run.backup.problem_count},
      {"problems", detail::encode_field(run.backup.problems)},
      {"consistency", run.snapshot.consistency},
      {"copies", std::move(copies)}};
}

// Tells the channels and closes the ledger row; runs also when the run was cancelled.
flow::Task<void> conclude(BackupRun& run, Status outcome) {
  WorkflowContext shielded = run.ctx.shielded();
  const std::string status = !outcome ? "failed" : run.backup.partial ? "partial" : "completed";
  if (!run.plan.send_notifications) {
    run.steps.skipped("send_notifications");
  } else if (run.plan.channels.empty()) {
    run.steps.not_applicable("send_notifications", "the policy names no channel");
  } else {
    run.steps.begin("send_notifications", run.ctx.now());
    Json message =
        JsonObject{{"channels", detail::encode_field(run.plan.channels)},
                   {"event", "backup." + status},
                   {"severity", status == "completed" ? "info"
                                : status == "partial" ? "warning"
                                                      : "error"},
                   {"subject", fmt::format("Backup of {} {}", run.plan.resource_name, status)},
                   {"text", outcome ? fmt::format("{} files, {} added", run.backup.files,
                                                  format_bytes(run.backup.added_bytes))
                                    : outcome.error().to_string()},
                   {"fields", JsonObject{{"run", run.plan.run_id},
                                         {"point", run.plan.point_id},
                                         {"resource", run.plan.resource_name}}}};
    Result<Json> sent =
        co_await shielded.activity("notify.send", std::move(message), control_options());
    if (sent) {
      run.steps.done("send_notifications", get_string(*sent, "detail"), run.ctx.now());
    } else {
      run.steps.failed("send_notifications", sent.error(), run.ctx.now());
    }
  }
  run.show();
  Json end = JsonObject{{"run_id", run.plan.run_id},
                        {"status", status},
                        {"detail", outcome ? "" : outcome.error().to_string()}};
  Result<Json> closed =
      co_await shielded.activity("protect.finish_run", std::move(end), control_options());
  if (!closed) {
    run.ctx.log_warn("ledger.not_closed", {{"error", closed.error().to_string()}});
  }
}

// A storage snapshot that no recorded point uses is removed again.
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

}  // namespace

flow::Task<Result<Json>> scheduled_backup(flow::WorkflowContext& ctx) {
  BackupRun run(ctx);
  Json begin = ctx.input();
  begin.get_object()["run_id"] = ctx.info().workflow_id.text();
  HF_CO_TRY(const Json plan,
            co_await ctx.activity("protect.begin_backup", std::move(begin), control_options()));
  run.plan = decode<BackupPlan>(plan);
  announce_steps(run);
  run.show();

  Status outcome = co_await make_point(run);
  const bool keeps_snapshot =
      std::any_of(run.copies.begin(), run.copies.end(),
                  [](const MadeCopy& copy) { return copy.method.ends_with("_snapshot"); });
  if (!outcome && !keeps_snapshot) {
    co_await drop_unused_snapshot(run);
  }
  co_await conclude(run, outcome);
  if (!outcome) {
    co_return outcome.error();
  }
  Json result = summary(run);
  result.get_object()["steps"] = run.steps.to_json();
  co_return result;
}

}  // namespace holdfast::protect
