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

constexpr std::array<std::string_view, 3> kChecks{"check_space", "verify_connectivity",
                                                  "validate_snapmirror"};

void announce_steps(BackupRun& run) {
  const auto everyone = [&run](auto announce) {
    announce(run);
    for (const auto& member : run.members) {
      announce(*member);
    }
  };
  everyone([](BackupRun& one) {
    for (const std::string_view name : kChecks) {
      one.steps.announce(kPre, one.step(name));
    }
  });
  for (const std::string_view name : {"consistency_group", "application_quiesce", "snapshot"}) {
    run.steps.announce(kExecute, name);
  }
  everyone([](BackupRun& one) {
    for (const PlannedCopy& copy : one.plan.copies) {
      one.steps.announce(kExecute, one.step(copy));
    }
  });
  everyone([](BackupRun& one) {
    for (const std::string_view name : {"verify_integrity", "update_catalog", "retention"}) {
      one.steps.announce(kPost, one.step(name));
    }
  });
  run.steps.announce(kPost, "send_notifications");
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
    std::string_view name;
    const char* activity;
    bool wanted;
  };
  const std::array<Check, 3> checks{{
      {kChecks[0], "storage.check_space", run.plan.check_space},
      {kChecks[1], "storage.verify_connectivity", run.plan.verify_connectivity},
      {kChecks[2], "storage.replica_state", run.plan.validate_snapmirror},
  }};
  for (const Check& check : checks) {
    if (!check.wanted) {
      run.steps.skipped(run.step(check.name));
      continue;
    }
    Json input = JsonObject{{"volume", encode(run.plan.volume)},
                            {"repositories", repositories_of(run.plan)}};
    const Result<Json> answer =
        co_await run_step(run, run.step(check.name), check.activity, std::move(input),
                          data_options_at(run.plan.volume.agent));
    HF_CO_TRY_VOID(status_of(answer));
    if (get_bool(*answer, "not_applicable")) {
      run.steps.not_applicable(run.step(check.name), get_string(*answer, "detail"));
    }
  }
  co_return Status();
}

flow::Task<Status> record(BackupRun& run) {
  if (!run.plan.update_catalog) {
    run.steps.skipped(run.step("update_catalog"));
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
  const Result<Json> recorded = co_await run_step(
      run, run.step("update_catalog"), "protect.record_point", encode(point), control_options());
  co_return status_of(recorded);
}

// The copies of a batch that are gone: all of them, but those whose snapshot was kept.
Json gone_copies(const Json& batch, const Json& done) {
  const JsonArray& copies = find(batch, "copies")->get_array();
  const Json* names = find(batch, "names");
  const Json* kept = find(done, "kept");
  JsonArray gone;
  for (size_t i = 0; i < copies.size(); ++i) {
    const bool stays = kept != nullptr && names != nullptr && i < names->get_array().size() &&
                       std::find(kept->get_array().begin(), kept->get_array().end(),
                                 names->get_array()[i]) != kept->get_array().end();
    if (!stays) {
      gone.push_back(copies[i]);
    }
  }
  return gone;
}

// Retention is a promise of its own: what it removes is planned from the catalog, removed by data
// activities, and then marked in the catalog.
flow::Task<Status> retain(BackupRun& run) {
  run.steps.begin(run.step("retention"), run.ctx.now());
  run.show();
  Json input = JsonObject{{"resource_id", run.plan.resource_id}};
  Result<Json> planned =
      co_await run.ctx.activity("protect.plan_retention", input, control_options());
  Status outcome = status_of(planned);
  std::int64_t removed = 0;
  std::string remarks;
  if (planned) {
    const Json* batches = find(*planned, "batches");
    for (size_t i = 0; batches != nullptr && i < batches->get_array().size() && outcome; ++i) {
      const Json batch = batches->get_array()[i];
      const std::string activity = get_string(batch, "activity");
      const Json* volume = find(batch, "volume");
      const std::string agent = volume == nullptr ? "" : get_string(*volume, "agent");
      Result<Json> done = co_await run.ctx.activity(activity, batch, data_options_at(agent));
      const std::string told = done ? get_string(*done, "detail") : "";
      if (done && get_bool(*done, "postponed")) {
        remarks += "; " + told;
      } else if (done) {
        Json gone = gone_copies(batch, *done);
        removed += static_cast<std::int64_t>(gone.get_array().size());
        remarks += find(*done, "kept") == nullptr || told.empty() ? "" : "; " + told;
        Json mark = JsonObject{{"copies", std::move(gone)}};
        done =
            co_await run.ctx.activity("protect.copies_expired", std::move(mark), control_options());
      }
      outcome = status_of(done);
    }
  }
  if (!outcome) {
    run.steps.failed(run.step("retention"), outcome.error(), run.ctx.now());
    co_return outcome;
  }
  run.steps.done(
      run.step("retention"),
      fmt::format("{} copies removed; {}{}", removed, get_string(*planned, "detail"), remarks),
      run.ctx.now());
  co_return Status();
}

// The copies of one member of the group, its point, and what retention lets go.
flow::Task<Status> keep_point(BackupRun& run) {
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
  co_return verified;
}

flow::Task<Status> make_points(BackupRun& run) {
  HF_CO_TRY_VOID(co_await validate(run));
  for (const auto& member : run.members) {
    HF_CO_TRY_VOID(co_await validate(*member));
  }
  HF_CO_TRY_VOID(co_await take_snapshot(run));
  // One member's trouble takes nothing from the others: they have the same instant.
  Status outcome = co_await keep_point(run);
  for (const auto& member : run.members) {
    Status its = co_await keep_point(*member);
    if (outcome && !its) {
      outcome = std::move(its).error().with("resource", member->plan.resource_name);
    }
  }
  HF_CO_TRY_VOID(std::move(outcome));
  HF_CO_TRY_VOID(co_await retain(run));
  for (const auto& member : run.members) {
    HF_CO_TRY_VOID(co_await retain(*member));
  }
  co_return Status();
}

JsonArray members_of(const BackupRun& run) {
  JsonArray members;
  for (const auto& member : run.members) {
    members.push_back(JsonObject{{"resource", member->plan.resource_name},
                                 {"point", member->plan.point_id},
                                 {"files", member->backup.files},
                                 {"added_bytes", member->backup.added_bytes},
                                 {"consistency", member->snapshot.consistency}});
  }
  return members;
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

bool keeps_snapshot(const BackupRun& run) {
  return std::any_of(run.copies.begin(), run.copies.end(),
                     [](const MadeCopy& copy) { return copy.method.ends_with("_snapshot"); }) ||
         std::any_of(run.members.begin(), run.members.end(),
                     [](const auto& member) { return keeps_snapshot(*member); });
}

bool is_partial(const BackupRun& run) {
  return run.backup.partial ||
         std::any_of(run.members.begin(), run.members.end(),
                     [](const auto& member) { return member->backup.partial; });
}

// What the run protects, for people.
std::string subject_of(const BackupRun& run) {
  return run.members.empty() ? run.plan.resource_name
                             : fmt::format("group {}", run.plan.consistency_group);
}

// Tells the channels and closes the ledger row; runs also when the run was cancelled.
flow::Task<void> conclude(BackupRun& run, Status outcome) {
  WorkflowContext shielded = run.ctx.shielded();
  const std::string status = !outcome ? "failed" : is_partial(run) ? "partial" : "completed";
  if (!run.plan.send_notifications) {
    run.steps.skipped("send_notifications");
  } else if (run.plan.channels.empty()) {
    run.steps.not_applicable("send_notifications", "the policy names no channel");
  } else {
    run.steps.begin("send_notifications", run.ctx.now());
    Json message = JsonObject{{"channels", detail::encode_field(run.plan.channels)},
                              {"event", "backup." + status},
                              {"severity", status == "completed" ? "info"
                                           : status == "partial" ? "warning"
                                                                 : "error"},
                              {"subject", fmt::format("Backup of {} {}", subject_of(run), status)},
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

}  // namespace

flow::Task<Result<Json>> scheduled_backup(flow::WorkflowContext& ctx) {
  BackupRun run(ctx);
  Json begin = ctx.input();
  begin.get_object()["run_id"] = ctx.info().workflow_id.text();
  HF_CO_TRY(const Json plan,
            co_await ctx.activity("protect.begin_backup", std::move(begin), control_options()));
  run.plan = decode<BackupPlan>(plan);
  for (BackupPlan& member : run.plan.members) {
    run.members.push_back(std::make_unique<BackupRun>(run, std::move(member)));
  }
  run.plan.members.clear();
  announce_steps(run);
  run.show();

  Status outcome = co_await make_points(run);
  if (!outcome && !keeps_snapshot(run)) {
    co_await drop_unused_snapshot(run);
  }
  co_await conclude(run, outcome);
  if (!outcome) {
    co_return outcome.error();
  }
  Json result = summary(run);
  if (!run.members.empty()) {
    result.get_object()["members"] = members_of(run);
  }
  result.get_object()["steps"] = run.steps.to_json();
  co_return result;
}

}  // namespace holdfast::protect
