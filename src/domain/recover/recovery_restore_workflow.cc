// How the data of a recovery comes back: by the storage system itself where that was chosen, else,
// and where the system refuses, by copying files. Compared with the point either way.
#include <fmt/core.h>

#include <algorithm>

#include "domain/activities/workflow_options_types.h"
#include "domain/recover/recovery_run_workflow.h"

namespace holdfast::recover {

using namespace activities;  // NOLINT: the values this workflow is made of

namespace {

constexpr size_t kSample = 20;

void take_means(RecoveryRun& run, Means means) {
  const bool copies = means.means == "files_copied";
  run.plan.restore.means = copies ? "" : means.means;
  run.plan.restore.excludes = means.excludes;
  for (RestoreRequest& member : run.plan.members) {
    member.means = run.plan.restore.means;
    member.excludes = means.excludes;
  }
  run.means = std::move(means);
}

void add_sample(const std::vector<std::string>& more, std::vector<std::string>& sample) {
  sample.insert(sample.end(), more.begin(), more.end());
  sample.resize(std::min(sample.size(), kSample));
}

Json native_input(const RecoveryRun& run) {
  JsonArray requests;
  for (const RestoreRequest& part : run.parts()) {
    requests.push_back(encode(part));
  }
  return JsonObject{{"requests", std::move(requests)},
                    {"group", !run.plan.group.empty()},
                    {"wanted", run.plan.wanted_means},
                    {"loses", run.means.loses},
                    {"files", run.effects.creates + run.effects.overwrites},
                    {"bytes", run.effects.bytes}};
}

// Points whose snapshot was thrown away have lost that copy.
flow::Task<Status> mark_lost(RecoveryRun& run) {
  if (run.means.lost.empty()) {
    co_return Status();
  }
  JsonArray paths;
  for (const RestoreRequest& part : run.parts()) {
    paths.push_back(Json(part.source_path));
  }
  Json lost = JsonObject{{"run_id", run.plan.run_id},
                         {"paths", std::move(paths)},
                         {"agent", run.plan.agent},
                         {"snapshots", activities::detail::encode_field(run.means.lost)}};
  co_return status_of(
      co_await run.ctx.activity("recover.copies_lost", std::move(lost), control_options()));
}

// True when the storage system did it; false when it refused, and nothing has happened.
flow::Task<Result<bool>> restore_natively(RecoveryRun& run) {
  HF_CO_TRY(const Json done, co_await run_step(run, "restore", "storage.restore", native_input(run),
                                               data_options_at(run.plan.agent, kRecoveryPriority)));
  const std::string refused = get_string(done, "refused");
  if (refused.empty()) {
    run.restored = decode<RestoreDone>(done);
    HF_CO_TRY_VOID(co_await mark_lost(run));
    co_return true;
  }
  Means means;
  means.why = fmt::format("the storage system refused {}: {}", run.means.means, refused);
  take_means(run, std::move(means));
  co_return false;
}

flow::Task<Status> copy_files(RecoveryRun& run) {
  std::string detail;
  const std::vector<RestoreRequest> parts = run.parts();
  for (const RestoreRequest& part : parts) {
    HF_CO_TRY(const Json answer,
              co_await run_step(run, "restore", "engine.restore", encode(part),
                                data_options_at(run.plan.agent, kRecoveryPriority)));
    const auto done = decode<RestoreDone>(answer);
    run.restored.files += done.files;
    run.restored.bytes += done.bytes;
    add_sample(done.problems, run.restored.problems);
    detail += (detail.empty() ? "" : "; ") + get_string(answer, "detail");
  }
  run.steps.done("restore", detail + run.told_means(), run.ctx.now());
  co_return Status();
}

flow::Task<Status> validate(RecoveryRun& run) {
  std::string detail;
  run.validation.good = true;
  const std::vector<RestoreRequest> parts = run.parts();
  for (const RestoreRequest& part : parts) {
    HF_CO_TRY(const Json checked,
              co_await run_step(run, "validate", "engine.compare_restored", encode(part),
                                data_options_at(run.plan.agent, kRecoveryPriority)));
    const auto verdict = decode<Verdict>(checked);
    run.validation.good = run.validation.good && verdict.good;
    run.validation.checked += verdict.checked;
    run.validation.bytes += verdict.bytes;
    run.validation.different += verdict.different;
    add_sample(verdict.sample, run.validation.sample);
    detail += (detail.empty() ? "" : "; ") + verdict.detail;
  }
  run.validation.detail = detail;
  if (!run.validation.good) {
    Error wrong(Code::kDataLoss, "the restored data differs from the recovery point: " + detail);
    run.steps.failed("validate", wrong, run.ctx.now());
    co_return wrong;
  }
  run.steps.done("validate", detail, run.ctx.now());
  co_return Status();
}

}  // namespace

flow::Task<Status> choose_means(RecoveryRun& run) {
  if (!run.plan.native) {
    co_return Status();
  }
  HF_CO_TRY(const Json chosen,
            co_await run.ctx.activity("storage.choose_means", native_input(run),
                                      data_options_at(run.plan.agent, kRecoveryPriority)));
  take_means(run, decode<Means>(chosen));
  co_return Status();
}

flow::Task<Result<RestorePlan>> plan_effects(RecoveryRun& run) {
  RestorePlan effects;
  const std::vector<RestoreRequest> parts = run.parts();
  for (const RestoreRequest& part : parts) {
    HF_CO_TRY(const Json answer,
              co_await run.ctx.activity("engine.plan_restore", encode(part),
                                        data_options_at(run.plan.agent, kRecoveryPriority)));
    const auto one = decode<RestorePlan>(answer);
    effects.creates += one.creates;
    effects.overwrites += one.overwrites;
    effects.deletes += one.deletes;
    effects.bytes += one.bytes;
    add_sample(one.create_sample, effects.create_sample);
    add_sample(one.overwrite_sample, effects.overwrite_sample);
    add_sample(one.delete_sample, effects.delete_sample);
  }
  co_return effects;
}

flow::Task<Status> restore_parts(RecoveryRun& run) {
  bool restored = false;
  if (!run.plan.restore.means.empty()) {
    HF_CO_TRY(restored, co_await restore_natively(run));
  }
  if (!restored) {
    HF_CO_TRY_VOID(co_await copy_files(run));
  }
  if (!run.plan.validate) {
    run.steps.skipped("validate");
    co_return Status();
  }
  co_return co_await validate(run);
}

}  // namespace holdfast::recover
