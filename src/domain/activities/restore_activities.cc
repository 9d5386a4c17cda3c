// Data activities of recoveries: planning, restoring, and comparing with the point.
#include <fmt/core.h>

#include "core/base/units.h"
#include "domain/activities/add_activities.h"
#include "domain/activities/data_activities.h"
#include "domain/activities/directory_copy.h"
#include "domain/activities/engine_work.h"
#include "domain/activities/progress_beat.h"
#include "engine/backup/compare.h"
#include "engine/backup/restore.h"

namespace holdfast::activities {
namespace {

using flow::ActivityContext;

backup::RestoreOptions restore_options(const RestoreRequest& request, const repo::SnapshotId& id) {
  backup::RestoreOptions options;
  options.snapshot = id;
  options.root = request.source_path;
  options.include = request.paths;
  options.target = request.target;
  options.verify = request.verify;
  options.overwrite = backup::Overwrite::kIfDifferent;
  return options;
}

Json plan_answer(const backup::RestorePlan& plan) {
  RestorePlan answer;
  answer.creates = plan.creates;
  answer.overwrites = plan.overwrites;
  answer.deletes = plan.deletes;
  answer.bytes = plan.bytes;
  answer.create_sample = first(plan.create_paths);
  answer.overwrite_sample = first(plan.overwrite_paths);
  return encode(answer);
}

Result<Json> run_plan_restore(const DataContext& context, ActivityContext&, const Json& input) {
  const auto request = decode<RestoreRequest>(input);
  if (!request.snapshot_path.empty()) {
    return plan_directory_copy(request);
  }
  HF_TRY(const repo::SnapshotId id, repo::SnapshotId::parse(request.snapshot_id));
  HF_TRY(const auto repository, context.open(request.repository));
  HF_TRY_VOID(repository->load_index());
  HF_TRY(const backup::RestorePlan plan,
         backup::plan_restore(*repository, restore_options(request, id)));
  return plan_answer(plan);
}

Result<Json> run_restore(const DataContext& context, ActivityContext& activity, const Json& input) {
  const auto request = decode<RestoreRequest>(input);
  backup::Progress progress;
  const ProgressBeat beat(context.clock(), activity,
                          [&progress] { return beat_details(progress); });
  if (!request.snapshot_path.empty()) {
    return copy_directory(request, activity.stop_token());
  }
  HF_TRY(const repo::SnapshotId id, repo::SnapshotId::parse(request.snapshot_id));
  HF_TRY(const auto repository, context.open(request.repository));
  const auto lock =
      patiently(context, activity, [&] { return repository->lock(repo::LockKind::kShared); });
  if (!lock) {
    return transient_conflict(lock.error());
  }
  HF_TRY_VOID(repository->load_index());
  backup::RestoreOptions options = restore_options(request, id);
  options.progress = &progress;
  options.stop = activity.stop_token();
  HF_TRY(const backup::RestoreSummary summary, backup::restore(*repository, options));
  RestoreDone done;
  done.files = summary.files_restored;
  done.bytes = summary.bytes_restored;
  done.problems = problem_texts(summary.problems);
  if (summary.partial()) {
    return Error(Code::kPartial,
                 fmt::format("{} of {} files could not be restored, the first: {}",
                             summary.problem_count, summary.total_files, done.problems.front()));
  }
  Json answer = encode(done);
  answer.get_object()["detail"] = fmt::format(
      "{} files, {} to {}{}", done.files, format_bytes(done.bytes), request.target,
      summary.files_skipped == 0 ? ""
                                 : fmt::format(", {} were already right", summary.files_skipped));
  return answer;
}

// Compares what was restored with the point. Files beside it in the target are none of its
// business; single paths are compared by what a second restore would still have to do.
Result<Json> run_compare(const DataContext& context, ActivityContext& activity, const Json& input) {
  auto request = decode<RestoreRequest>(input);
  if (!request.snapshot_path.empty()) {
    return compare_directory_copy(request, activity.stop_token());
  }
  HF_TRY(const repo::SnapshotId id, repo::SnapshotId::parse(request.snapshot_id));
  HF_TRY(const auto repository, context.open(request.repository));
  HF_TRY_VOID(repository->load_index());
  Verdict verdict;
  if (!request.paths.empty()) {
    HF_TRY(const backup::RestorePlan plan,
           backup::plan_restore(*repository, restore_options(request, id)));
    verdict.checked = plan.unchanged;
    verdict.different = plan.creates + plan.overwrites;
    verdict.sample = first(plan.overwrite_paths);
  } else {
    backup::Progress progress;
    const ProgressBeat beat(context.clock(), activity,
                            [&progress] { return beat_details(progress); });
    backup::CompareOptions options;
    options.progress = &progress;
    options.stop = activity.stop_token();
    HF_TRY(const auto report,
           backup::compare_snapshot(*repository, id, request.source_path, request.target, options));
    verdict.checked = report.compared;
    verdict.bytes = report.bytes_compared;
    verdict.different = report.different + report.missing + report.problems.size();
    for (const backup::Difference& difference : report.differences) {
      verdict.sample.push_back(difference.path + ": " + difference.what);
    }
    verdict.sample = first(verdict.sample);
  }
  verdict.good = verdict.different == 0;
  verdict.detail = verdict.good
                       ? fmt::format("{} files equal the recovery point", verdict.checked)
                       : fmt::format("{} files differ, such as {}", verdict.different,
                                     verdict.sample.empty() ? "?" : verdict.sample.front());
  return encode(verdict);
}

}  // namespace

void register_restore_activities(flow::ActivityRegistry& registry, const DataContext& context) {
  const AddActivities add(registry, context);
  add("engine.plan_restore", run_plan_restore);
  add("engine.restore", run_restore);
  add("engine.compare_restored", run_compare);
}

}  // namespace holdfast::activities
