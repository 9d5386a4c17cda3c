// Data activities on repositories: thin shells around the engine's own functions.
//
// Idempotence. A backup looks for a snapshot that carries its point's tag before it makes one; a
// copy skips what the destination has; forgetting what is gone is success; a restore overwrites
// what differs. So every attempt after the first finds what an earlier one did.
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>

#include "core/base/units.h"
#include "domain/activities/data_activities.h"
#include "domain/activities/directory_copy.h"
#include "domain/activities/progress_beat.h"
#include "engine/backup/backup.h"
#include "engine/backup/compare.h"
#include "engine/backup/list.h"
#include "engine/backup/restore.h"
#include "engine/repo/check.h"
#include "engine/repo/maintain.h"

namespace holdfast::activities {
namespace {

constexpr size_t kSample = 20;
constexpr size_t kPage = 50;  // snapshots with their tags stay below the payload limit

using flow::ActivityContext;

// Somebody else's lock goes away by itself: worth another attempt.
Error transient_conflict(Error error) {
  if (error.code() != Code::kConflict) {
    return error;
  }
  return Error(Code::kConflict, error.message(), Retry::kTransient).caused_by(std::move(error));
}

Json beat_details(const backup::Progress& progress) {
  return JsonObject{{"files_done", progress.files_done.load()},
                    {"bytes_done", progress.bytes_done.load()},
                    {"errors", progress.errors.load()}};
}

std::vector<std::string> first(const std::vector<std::string>& texts) {
  return {texts.begin(),
          texts.begin() + static_cast<std::ptrdiff_t>(std::min(kSample, texts.size()))};
}

std::vector<std::string> problem_texts(const std::vector<backup::Problem>& problems) {
  std::vector<std::string> texts;
  for (size_t i = 0; i < std::min(kSample, problems.size()); ++i) {
    texts.push_back(problems[i].path + ": " + problems[i].message);
  }
  return texts;
}

std::optional<repo::SnapshotId> parse_snapshot(const std::string& text) {
  const auto id = repo::SnapshotId::parse(text);
  return id ? std::optional(*id) : std::nullopt;
}

Json describe(const BackupDone& done) {
  Json answer = encode(done);
  answer.get_object()["detail"] = fmt::format(
      "{} files ({} new, {} changed), {} stored, snapshot {}{}", done.files, done.files_new,
      done.files_changed, format_bytes(done.added_bytes), done.snapshot_id.substr(0, 8),
      done.partial ? fmt::format(", {} files with problems", done.problem_count) : "");
  return answer;
}

BackupDone from_counts(const repo::SnapshotId& id, const repo::SnapshotSummary& counts) {
  BackupDone done;
  done.snapshot_id = id.hex();
  done.files = counts.total_files_processed;
  done.files_new = counts.files_new;
  done.files_changed = counts.files_changed;
  done.bytes = counts.total_bytes_processed;
  done.added_bytes = counts.data_added_packed;
  return done;
}

// The snapshot that an earlier attempt of this backup made.
Result<std::optional<BackupDone>> made_before(repo::Repository& repository,
                                              const std::string& point_tag) {
  HF_TRY(const auto snapshots, repository.snapshots());
  for (auto snapshot = snapshots.rbegin(); snapshot != snapshots.rend(); ++snapshot) {
    if (std::find(snapshot->tags.begin(), snapshot->tags.end(), point_tag) !=
        snapshot->tags.end()) {
      return std::optional(
          from_counts(snapshot->id, snapshot->summary.value_or(repo::SnapshotSummary())));
    }
  }
  return std::optional<BackupDone>();
}

Result<Json> run_backup(const DataContext& context, ActivityContext& activity, const Json& input) {
  const auto request = decode<BackupRequest>(input);
  HF_TRY(const auto repository, context.open(request.repository));
  HF_TRY(const auto before,
         made_before(*repository, request.tags.empty() ? "" : request.tags.front()));
  if (before) {
    return describe(*before);
  }
  backup::Progress progress;
  const ProgressBeat beat(context.clock(), activity,
                          [&progress] { return beat_details(progress); });
  backup::BackupOptions options;
  options.targets = {{request.live_path, request.read_path}};
  options.device_id = request.device_id == 0 ? std::nullopt : std::optional(request.device_id);
  options.parent = parse_snapshot(request.parent_snapshot);
  options.force = !options.parent;
  options.tags = request.tags;
  options.excludes = request.excludes;
  options.host = request.host;
  options.time = request.time;
  options.progress = &progress;
  options.stop = activity.stop_token();
  const auto summary = backup::backup(*repository, options);
  if (!summary) {
    return transient_conflict(summary.error());
  }
  BackupDone done = from_counts(summary->snapshot, summary->counts);
  done.partial = summary->partial();
  done.problem_count = summary->problem_count;
  done.problems = problem_texts(summary->problems);
  return describe(done);
}

Result<Json> run_copy(const DataContext& context, ActivityContext& activity, const Json& input) {
  const auto request = decode<CopyRequest>(input);
  HF_TRY(const repo::SnapshotId id, repo::SnapshotId::parse(request.snapshot_id));
  HF_TRY(const auto from, context.open(request.from));
  HF_TRY(const auto to, context.open(request.to));
  const ProgressBeat beat(context.clock(), activity, [] { return Json(JsonObject{}); });
  const auto report = repo::copy(*from, *to, {id}, activity.stop_token());
  if (!report) {
    return transient_conflict(report.error());
  }
  repo::SnapshotId made;
  if (!report->copied.empty()) {
    made = report->copied.front();
  } else {
    HF_TRY(const auto snapshots, to->snapshots());
    for (const repo::Snapshot& snapshot : snapshots) {
      made = snapshot.original == id ? snapshot.id : made;
    }
  }
  return Json(
      JsonObject{{"snapshot_id", made.hex()},
                 {"added_bytes", report->bytes},
                 {"detail", fmt::format("{} copied to {}, snapshot {}", format_bytes(report->bytes),
                                        request.to.name, made.short_hex())}});
}

Result<Json> run_verify(const DataContext& context, ActivityContext& activity, const Json& input) {
  HF_TRY(const auto repository, context.open(decode<RepositoryRef>(*find(input, "repository"))));
  HF_TRY(const repo::SnapshotId id, repo::SnapshotId::parse(get_string(input, "snapshot_id")));
  const auto parent = parse_snapshot(get_string(input, "parent_snapshot"));
  const auto lock = repository->lock(repo::LockKind::kShared);
  if (!lock) {
    return transient_conflict(lock.error());
  }
  HF_TRY_VOID(repository->load_index());
  auto packs = repo::packs_of(*repository, id,
                              parent ? std::vector{*parent} : std::vector<repo::SnapshotId>());
  if (!packs && packs.error().code() == Code::kNotFound && parent) {
    packs = repo::packs_of(*repository, id);  // the parent was forgotten meanwhile
  }
  HF_TRY_VOID(status_of(packs));
  std::atomic<std::uint64_t> bytes_read = 0;
  const ProgressBeat beat(context.clock(), activity, [&bytes_read] {
    return Json(JsonObject{{"bytes_done", bytes_read.load()}});
  });
  repo::CheckOptions options;
  options.read_data = repo::CheckOptions::ReadData::kChosen;
  options.packs = *std::move(packs);
  options.snapshots = {id};
  options.stop = activity.stop_token();
  options.bytes_read = &bytes_read;
  HF_TRY(const repo::CheckReport report, repo::check(*repository, options));
  Verdict verdict;
  verdict.good = report.ok();
  verdict.checked = report.packs_read;
  verdict.bytes = report.bytes_read;
  verdict.different = report.errors.size();
  verdict.sample = first(report.errors);
  verdict.detail = report.ok() ? fmt::format("{} packs ({}) read back and hashed",
                                             report.packs_read, format_bytes(report.bytes_read))
                               : report.errors.front();
  return encode(verdict);
}

// Exclusive work that cannot get its lock now is left to the next run: the catalog still lists what
// should go.
Result<Json> run_forget(const DataContext& context, ActivityContext& activity, const Json& input) {
  HF_TRY(const auto repository, context.open(decode<RepositoryRef>(*find(input, "repository"))));
  std::vector<repo::SnapshotId> ids;
  for (const Json& text : find(input, "snapshot_ids")->get_array()) {
    HF_TRY(const repo::SnapshotId id, repo::SnapshotId::parse(std::string(text.get_string())));
    ids.push_back(id);
  }
  const ProgressBeat beat(context.clock(), activity, [] { return Json(JsonObject{}); });
  const Status forgotten = repo::forget(*repository, ids);
  if (!forgotten && forgotten.error().code() == Code::kConflict) {
    return Json(JsonObject{{"postponed", true},
                           {"detail", "the repository is in use: left to the next run"}});
  }
  HF_TRY_VOID(forgotten);
  repo::PruneOptions options;
  options.stop = activity.stop_token();
  const auto pruned = repo::prune(*repository, options);
  if (!pruned && pruned.error().code() != Code::kConflict) {
    return pruned.error();
  }
  return Json(JsonObject{
      {"detail", pruned ? fmt::format("{} given back", format_bytes(pruned->removed_bytes))
                        : "space is given back later"}});
}

backup::RestoreOptions restore_options(const RestoreRequest& request, const repo::SnapshotId& id) {
  backup::RestoreOptions options;
  options.snapshot = id;
  options.root = request.source_path;
  options.include = request.paths;
  options.target = request.target;
  options.verify = request.verify;
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
  const auto lock = repository->lock(repo::LockKind::kShared);
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

JsonObject snapshot_row(const repo::Snapshot& snapshot) {
  const auto counts = snapshot.summary.value_or(repo::SnapshotSummary());
  return {{"id", snapshot.id.hex()},
          {"time", to_rfc3339(snapshot.time)},
          {"path", snapshot.paths.empty() ? "" : snapshot.paths.front()},
          {"host", snapshot.hostname},
          {"tags", JsonArray(snapshot.tags.begin(), snapshot.tags.end())},
          {"files", counts.total_files_processed},
          {"bytes", counts.total_bytes_processed},
          {"added_bytes", counts.data_added_packed}};
}

// Pages by snapshot id: {"after": last id of the page before} -> {"snapshots", "next"}.
Result<Json> run_list_points(const DataContext& context, ActivityContext&, const Json& input) {
  HF_TRY(const auto repository, context.open(decode<RepositoryRef>(*find(input, "repository"))));
  HF_TRY(auto snapshots, repository->snapshots());
  std::sort(snapshots.begin(), snapshots.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  const std::string after = get_string(input, "after");
  JsonArray rows;
  std::string next;
  for (const repo::Snapshot& snapshot : snapshots) {
    if (snapshot.id.hex() <= after) {
      continue;
    }
    if (rows.size() == kPage) {
      next = get_string(rows.back(), "id");
      break;
    }
    rows.push_back(snapshot_row(snapshot));
  }
  return Json(JsonObject{{"snapshots", std::move(rows)}, {"next", next}});
}

}  // namespace

void register_engine_activities(flow::ActivityRegistry& registry, const DataContext& context) {
  using Activity = Result<Json> (*)(const DataContext&, ActivityContext&, const Json&);
  const auto add = [&](const char* name, Activity run) {
    registry.add(name, [&context, run](ActivityContext& activity, const Json& input) {
      return run(context, activity, input);
    });
  };
  add("engine.backup", run_backup);
  add("engine.copy", run_copy);
  add("engine.verify", run_verify);
  add("engine.forget", run_forget);
  add("engine.plan_restore", run_plan_restore);
  add("engine.restore", run_restore);
  add("engine.compare_restored", run_compare);
  add("engine.list_points", run_list_points);
}

}  // namespace holdfast::activities
