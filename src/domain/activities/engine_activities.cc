// Data activities on repositories: thin shells around the engine's own functions.
//
// Idempotence. A backup looks for a snapshot that carries its point's tag before it makes one; a
// copy skips what the destination has; forgetting what is gone is success; a restore overwrites
// what differs. So every attempt after the first finds what an earlier one did.
#include <fmt/core.h>

#include <algorithm>

#include "core/base/units.h"
#include "domain/activities/add_activities.h"
#include "domain/activities/data_activities.h"
#include "domain/activities/engine_work.h"
#include "domain/activities/progress_beat.h"
#include "engine/backup/backup.h"
#include "engine/repo/check.h"
#include "engine/repo/maintain.h"

namespace holdfast::activities {
namespace {

constexpr size_t kPage = 50;  // snapshots with their tags stay below the payload limit

using flow::ActivityContext;

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
  const auto summary =
      patiently(context, activity, [&] { return backup::backup(*repository, options); });
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
  const auto report = patiently(
      context, activity, [&] { return repo::copy(*from, *to, {id}, activity.stop_token()); });
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
  return Json(JsonObject{
      {"snapshot_id", made.hex()},
      {"added_bytes", report->stored_bytes},
      {"detail", fmt::format("{} copied to {}, snapshot {}", format_bytes(report->stored_bytes),
                             request.to.name, made.short_hex())}});
}

Result<Json> run_verify(const DataContext& context, ActivityContext& activity, const Json& input) {
  HF_TRY(const auto repository, context.open(decode<RepositoryRef>(*find(input, "repository"))));
  HF_TRY(const repo::SnapshotId id, repo::SnapshotId::parse(get_string(input, "snapshot_id")));
  const auto parent = parse_snapshot(get_string(input, "parent_snapshot"));
  const auto lock =
      patiently(context, activity, [&] { return repository->lock(repo::LockKind::kShared); });
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
  const AddActivities add(registry, context);
  add("engine.backup", run_backup);
  add("engine.copy", run_copy);
  add("engine.verify", run_verify);
  add("engine.forget", run_forget);
  add("engine.list_points", run_list_points);
}

}  // namespace holdfast::activities
