#include "domain/recover/proof_workflow.h"

#include <fmt/core.h>

#include "domain/activities/fetch_workflow.h"
#include "domain/activities/recovery_types.h"
#include "domain/activities/step_types.h"
#include "domain/activities/workflow_options_types.h"

namespace holdfast::recover {
namespace {

using namespace activities;  // NOLINT: the values this workflow is made of

struct ProofRun {
  ProofPlan plan;
  StepLog steps;
};

void show(flow::WorkflowContext& ctx, const ProofRun& run) {
  ctx.set_progress(JsonObject{{"step", run.steps.current()},
                              {"resource", run.plan.resource_name},
                              {"steps", run.steps.to_json()}});
}

flow::Task<void> report_failure(flow::WorkflowContext& ctx, ProofRun& run, Error why) {
  if (run.plan.channels.empty()) {
    run.steps.not_applicable("notify", "the policy names no channel");
    co_return;
  }
  Json message =
      JsonObject{{"channels", activities::detail::encode_field(run.plan.channels)},
                 {"event", "proof.failed"},
                 {"severity", "error"},
                 {"subject", fmt::format("Proof of {} failed", run.plan.resource_name)},
                 {"text", why.to_string()},
                 {"fields", JsonObject{{"run", run.plan.run_id}, {"point", run.plan.point_id}}}};
  const Result<Json> sent =
      co_await ctx.shielded().activity("notify.send", std::move(message), control_options());
  if (sent) {
    run.steps.done("notify", get_string(*sent, "detail"), ctx.now());
  } else {
    run.steps.failed("notify", sent.error(), ctx.now());
  }
}

flow::Task<Result<Json>> prove(flow::WorkflowContext& ctx, ProofRun& run) {
  run.steps.begin("prove", ctx.now());
  show(ctx, run);
  if (!run.plan.restore.mirror.empty()) {
    const Result<Json> fetched =
        co_await fetch_copy(ctx, run.plan.restore, run.plan.run_id, kProofPriority);
    if (!fetched) {
      run.steps.failed("prove", fetched.error(), ctx.now());
      co_return fetched;
    }
    run.plan.restore.snapshot_path = get_string(*fetched, "path");
  }
  Result<Json> answer = co_await ctx.activity("proof.run", encode(run.plan),
                                              data_options_at(run.plan.agent, kProofPriority));
  if (!answer) {
    run.steps.failed("prove", answer.error(), ctx.now());
    co_return answer;
  }
  const ProofDone done = decode<ProofDone>(*answer);
  run.steps.done("prove", fmt::format("{}: {}", done.reached, done.verdict.detail), ctx.now());
  Json record = JsonObject{{"copy_id", run.plan.copy_id},
                           {"run_id", run.plan.run_id},
                           {"level", done.reached},
                           {"at", to_rfc3339(ctx.now())},
                           {"detail", done.verdict.detail}};
  run.steps.begin("record", ctx.now());
  Result<Json> recorded =
      co_await ctx.activity("recover.record_proof", std::move(record), control_options());
  if (!recorded) {
    run.steps.failed("record", recorded.error(), ctx.now());
    co_return recorded;
  }
  run.steps.done("record", "", ctx.now());
  if (!done.verdict.good) {
    co_return Error(Code::kDataLoss, "the recovery point cannot be trusted: " + done.verdict.detail)
        .with("point", run.plan.point_id);
  }
  if (done.reached != run.plan.level) {
    co_return Error(Code::kTargetMissed,
                    fmt::format("the proof reached {}, not {}: {}", done.reached, run.plan.level,
                                done.verdict.detail))
        .with("point", run.plan.point_id);
  }
  co_return Json(JsonObject{{"point", run.plan.point_id},
                            {"resource", run.plan.resource_name},
                            {"copy", run.plan.copy_level},
                            {"level", done.reached},
                            {"wanted", run.plan.level},
                            {"verdict", encode(done.verdict)},
                            {"detail", done.verdict.detail}});
}

// The proof removes its clone itself; one that it could not remove is removed here, also after a
// cancel. What stays even then is a finding of its storage system.
flow::Task<void> drop_clone(flow::WorkflowContext& ctx, ProofPlan plan) {
  Json input = JsonObject{{"volume", encode(plan.restore.volume)}, {"name", plan.run_id}};
  const Result<Json> dropped = co_await ctx.shielded().activity(
      "storage.drop_clone", std::move(input), data_options_at(plan.agent, kProofPriority));
  if (!dropped) {
    ctx.log_warn("clone.not_removed", {{"error", dropped.error().to_string()}});
  }
}

}  // namespace

flow::Task<Result<Json>> recovery_proof(flow::WorkflowContext& ctx) {
  ProofRun run;
  Json begin = ctx.input();
  begin.get_object()["run_id"] = ctx.info().workflow_id.text();
  HF_CO_TRY(const Json plan,
            co_await ctx.activity("recover.begin_proof", std::move(begin), control_options()));
  run.plan = decode<ProofPlan>(plan);
  for (const std::string_view name : {"prove", "record", "notify"}) {
    run.steps.announce("proof", name);
  }
  Result<Json> result = co_await prove(ctx, run);
  if (run.plan.native) {
    co_await drop_clone(ctx, run.plan);
  }
  if (!run.plan.restore.mirror.empty()) {
    co_await drop_fetched(ctx, run.plan.restore, run.plan.run_id);
  }
  if (result) {
    run.steps.not_applicable("notify", "the proof holds");
    result->get_object()["steps"] = run.steps.to_json();
  } else {
    co_await report_failure(ctx, run, result.error());
  }
  show(ctx, run);
  co_return result;
}

}  // namespace holdfast::recover
