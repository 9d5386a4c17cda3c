// data_recovery: propose, ask where something would be lost, restore, validate, record.
//
// Nothing is written to the target before the proposal stands and, where files would be overwritten
// or deleted, a person has approved exactly that proposal (its hash). Silence denies.
#include "domain/recover/recovery_workflow.h"

#include <fmt/core.h>

#include <algorithm>

#include "domain/activities/fetch_workflow.h"
#include "domain/activities/workflow_options_types.h"
#include "domain/recover/recovery_run_workflow.h"

namespace holdfast::recover {
namespace {

using namespace activities;  // NOLINT: the values this workflow is made of

constexpr Nanoseconds kSilenceDenies = std::chrono::hours(24);

std::int64_t seconds_between(UtcTime from, UtcTime to) {
  return std::chrono::duration_cast<std::chrono::seconds>(to - from).count();
}

bool needs_approval(const RecoveryRun& run) {
  return run.effects.overwrites + run.effects.deletes + run.means.loses > 0;
}

Json make_proposal(const RecoveryRun& run) {
  const RecoveryPlan& plan = run.plan;
  const RestorePlan& effects = run.effects;
  JsonObject proposal{
      {"point", plan.point_id},
      {"point_time", to_rfc3339(plan.point_time)},
      {"resource", plan.resource_name},
      {"copy", plan.copy_level + " in " + plan.copy_where},
      {"target", plan.restore.target},
      {"mode", plan.restore.in_place ? "in_place" : "path"},
      {"paths", activities::detail::encode_field(plan.restore.paths)},
      {"creates", effects.creates},
      {"overwrites", effects.overwrites},
      {"deletes", effects.deletes},
      {"create_sample", activities::detail::encode_field(effects.create_sample)},
      {"overwrite_sample", activities::detail::encode_field(effects.overwrite_sample)},
      {"bytes", effects.bytes},
      {"estimated_seconds", JsonObject{{"p50", plan.estimate_p50_seconds},
                                       {"p90", plan.estimate_p90_seconds},
                                       {"samples", plan.estimate_samples}}},
      {"data_loss_seconds", seconds_between(plan.point_time, plan.requested_at)},
      {"needs_approval", needs_approval(run)},
      {"why", plan.why}};
  if (plan.native) {
    proposal["means"] = run.means.means;
    proposal["means_why"] = run.means.why;
    proposal["delete_sample"] = activities::detail::encode_field(effects.delete_sample);
    proposal["loses_snapshots"] = run.means.loses;
    std::vector<std::string> lost = run.means.lost;
    lost.resize(std::min<size_t>(lost.size(), 20));
    proposal["lost_snapshot_sample"] = activities::detail::encode_field(lost);
  }
  if (!plan.group.empty()) {
    JsonArray targets;
    for (const RestoreRequest& member : plan.members) {
      targets.push_back(Json(member.target));
    }
    proposal["group"] = plan.group;
    proposal["group_targets"] = std::move(targets);
  }
  return proposal;
}

flow::Task<Status> propose(RecoveryRun& run) {
  run.steps.begin("propose", run.ctx.now());
  run.show();
  Status planned = co_await choose_means(run);
  if (planned) {
    auto effects = co_await plan_effects(run);
    planned = status_of(effects);
    run.effects = effects ? *std::move(effects) : RestorePlan();
  }
  if (!planned) {
    run.steps.failed("propose", planned.error(), run.ctx.now());
    co_return planned;
  }
  run.proposal = make_proposal(run);
  run.steps.done("propose",
                 fmt::format("creates {}, overwrites {}, deletes {}{}", run.effects.creates,
                             run.effects.overwrites, run.effects.deletes, run.told_means()),
                 run.ctx.now());
  run.show();
  co_return Status();
}

// An approval may come hours after its proposal: what would be lost must still be what was
// approved.
flow::Task<Status> look_again(RecoveryRun& run) {
  HF_CO_TRY(const RestorePlan effects, co_await plan_effects(run));
  if (effects.overwrites == run.effects.overwrites && effects.deletes == run.effects.deletes) {
    co_return Status();
  }
  Error changed(Code::kConflict,
                fmt::format("{} changed while the approval was awaited: it would now overwrite {} "
                            "(approved: {}) and delete {} ({}); start the recovery again",
                            run.plan.restore.target, effects.overwrites, run.effects.overwrites,
                            effects.deletes, run.effects.deletes));
  run.steps.failed("approval", changed, run.ctx.now());
  co_return changed;
}

// What somebody would approve, in one sentence.
std::string question(const RecoveryRun& run) {
  const RecoveryPlan& plan = run.plan;
  std::string text = fmt::format("restore {} of {} to {}: overwrites {} files", plan.point_id,
                                 plan.group.empty() ? plan.resource_name : "group " + plan.group,
                                 plan.restore.target, run.effects.overwrites);
  if (run.effects.deletes > 0) {
    text += fmt::format(", deletes {}", run.effects.deletes);
  }
  if (run.means.loses > 0) {
    text += fmt::format(", throws away {} newer snapshots, such as {}", run.means.loses,
                        run.means.lost.empty() ? "?" : run.means.lost.front());
  }
  return text;
}

// Ends the approval that nobody decided: silence denies; a cancelled run takes its question back.
flow::Task<Status> end_undecided(RecoveryRun& run, const std::string& approval,
                                 const Status& waited) {
  Json ending = JsonObject{{"approval", approval}, {"expired", waited.has_value()}};
  HF_CO_TRY_VOID(co_await run.ctx.shielded().activity("recover.end_approval", std::move(ending),
                                                      control_options()));
  const Error why = waited ? Error(Code::kPermissionDenied,
                                   "nobody approved within 24 hours, so the recovery was denied")
                           : waited.error();
  run.steps.failed("approval", why, run.ctx.now());
  co_return why;
}

// Waits for the person who may decide; returns when the proposal may be carried out.
flow::Task<Status> ask(RecoveryRun& run) {
  if (!needs_approval(run)) {
    run.steps.not_applicable("approval", "nothing is overwritten or deleted");
    co_return Status();
  }
  run.steps.begin("approval", run.ctx.now());
  Json request = JsonObject{{"run_id", run.plan.run_id},
                            {"workflow", "data_recovery"},
                            {"proposal", run.proposal},
                            {"four_eyes", run.plan.four_eyes},
                            {"requested_by", run.plan.requested_by},
                            {"summary", question(run)}};
  HF_CO_TRY(const Json asked, co_await run.ctx.activity("recover.request_approval",
                                                        std::move(request), control_options()));
  const std::string approval = get_string(asked, "approval");
  const std::string hash = get_string(asked, "proposal_hash");
  run.ctx.upsert_search_attributes(JsonObject{{"waiting_for", approval}});
  run.show(Json(approval));
  Result<std::optional<Json>> decision = co_await run.ctx.wait_signal("decision", kSilenceDenies);
  run.ctx.upsert_search_attributes(JsonObject{{"waiting_for", nullptr}});
  if (!decision || !decision->has_value()) {
    co_return co_await end_undecided(run, approval, status_of(decision));
  }
  const Json answer = **decision;
  const std::string by = get_string(answer, "by");
  if (!get_bool(answer, "approved") || get_string(answer, "proposal_hash") != hash) {
    const std::string comment = get_string(answer, "comment");
    Error denied(Code::kPermissionDenied, fmt::format("the recovery was denied by {}{}{}", by,
                                                      comment.empty() ? "" : ": ", comment));
    run.steps.failed("approval", denied, run.ctx.now());
    co_return denied;
  }
  run.steps.done("approval",
                 fmt::format("approved by {}{}", by,
                             get_bool(answer, "self_approval") ? " (own request)" : ""),
                 run.ctx.now());
  co_return co_await look_again(run);
}

Json summary(const RecoveryRun& run, bool carried_out) {
  const std::int64_t rto = seconds_between(run.plan.requested_at, run.ctx.now());
  JsonObject result{{"proposal", run.proposal},
                    {"point", run.plan.point_id},
                    {"resource", run.plan.resource_name}};
  if (run.plan.native) {
    result["means"] = run.means.means;
    result["means_why"] = run.means.why;
  }
  if (carried_out) {
    result["restored"] = encode(run.restored);
    result["validation"] = run.plan.validate ? encode(run.validation) : Json();
    result["rpo_achieved_seconds"] = seconds_between(run.plan.point_time, run.plan.requested_at);
    result["rto_achieved_seconds"] = rto;
    result["rto_target_seconds"] = run.plan.rto_target_seconds;
    result["rto_met"] = run.plan.rto_target_seconds == 0 || rto <= run.plan.rto_target_seconds;
  }
  return result;
}

flow::Task<void> notify(RecoveryRun& run, Status outcome) {
  if (!run.plan.notify) {
    run.steps.skipped("notify");
    co_return;
  }
  if (run.plan.channels.empty()) {
    run.steps.not_applicable("notify", "the policy names no channel");
    co_return;
  }
  Json message = JsonObject{
      {"channels", activities::detail::encode_field(run.plan.channels)},
      {"event", outcome ? "recovery.completed" : "recovery.failed"},
      {"severity", outcome ? "info" : "error"},
      {"subject",
       fmt::format("Recovery of {} {}", run.plan.resource_name, outcome ? "completed" : "failed")},
      {"text", outcome ? fmt::format("{} files to {}", run.restored.files, run.plan.restore.target)
                       : outcome.error().to_string()},
      {"fields", JsonObject{{"run", run.plan.run_id}, {"point", run.plan.point_id}}}};
  Result<Json> sent =
      co_await run.ctx.shielded().activity("notify.send", std::move(message), control_options());
  if (sent) {
    run.steps.done("notify", get_string(*sent, "detail"), run.ctx.now());
  } else {
    run.steps.failed("notify", sent.error(), run.ctx.now());
  }
}

// The signed-off record of what was restored from where: kept as evidence by its hash.
flow::Task<Result<Json>> keep_manifest(RecoveryRun& run, Json result) {
  result.get_object()["run_id"] = run.plan.run_id;
  result.get_object()["requested_by"] = run.plan.requested_by;
  result.get_object()["requested_at"] = to_rfc3339(run.plan.requested_at);
  result.get_object()["ended_at"] = to_rfc3339(run.ctx.now());
  co_return co_await run_step(run, "manifest", "recover.write_manifest", std::move(result),
                              control_options());
}

// A copy on another system is brought to where it can be read.
flow::Task<Status> fetch(RecoveryRun& run) {
  if (run.plan.restore.mirror.empty()) {
    co_return Status();
  }
  run.steps.begin("fetch", run.ctx.now());
  run.show();
  const Result<Json> fetched =
      co_await fetch_copy(run.ctx, run.plan.restore, run.plan.run_id, kRecoveryPriority);
  if (!fetched) {
    run.steps.failed("fetch", fetched.error(), run.ctx.now());
    co_return fetched.error();
  }
  run.plan.restore.snapshot_path = get_string(*fetched, "path");
  run.steps.done("fetch", get_string(*fetched, "detail"), run.ctx.now());
  co_return Status();
}

flow::Task<Result<Json>> carry_out(RecoveryRun& run) {
  HF_CO_TRY_VOID(co_await fetch(run));
  HF_CO_TRY_VOID(co_await propose(run));
  if (run.plan.dry_run) {
    co_return summary(run, false);
  }
  HF_CO_TRY_VOID(co_await ask(run));
  run.show();
  HF_CO_TRY_VOID(co_await restore_parts(run));
  Json result = summary(run, true);
  HF_CO_TRY(const Json manifest, co_await keep_manifest(run, result));
  result.get_object()["manifest"] = manifest;
  co_return result;
}

}  // namespace

flow::Task<Result<Json>> data_recovery(flow::WorkflowContext& ctx) {
  RecoveryRun run(ctx);
  Json begin = ctx.input();
  begin.get_object()["run_id"] = ctx.info().workflow_id.text();
  begin.get_object()["requested_at"] = to_rfc3339(ctx.info().started);
  HF_CO_TRY(const Json plan,
            co_await ctx.activity("recover.begin", std::move(begin), control_options()));
  run.plan = decode<RecoveryPlan>(plan);
  const bool fetches = !run.plan.restore.mirror.empty();
  if (fetches) {
    run.steps.announce("recovery", "fetch");
  }
  for (const std::string_view name :
       {"propose", "approval", "restore", "validate", "manifest", "notify"}) {
    run.steps.announce("recovery", name);
  }
  Result<Json> result = co_await carry_out(run);
  if (fetches) {
    co_await drop_fetched(run.ctx, run.plan.restore, run.plan.run_id);
  }
  if (!run.plan.dry_run) {
    co_await notify(run, status_of(result));
  }
  run.show();
  if (result) {
    result->get_object()["steps"] = run.steps.to_json();
  }
  co_return result;
}

}  // namespace holdfast::recover
