// The copies of a backup: by which means each level gets its own, and reading them back.
#include <fmt/core.h>

#include "domain/activities/workflow_options_types.h"
#include "domain/protect/backup_run_workflow.h"

namespace holdfast::protect {

using namespace activities;  // NOLINT: the values this workflow is made of

namespace {

std::vector<std::string> snapshot_tags(const BackupRun& run) {
  const BackupPlan& plan = run.plan;
  std::vector<std::string> tags{plan.point_id,
                                plan.resource_id,
                                "resource=" + plan.resource_name,
                                "driver=" + plan.volume.driver,
                                "time=" + to_rfc3339(run.snapshot.time),
                                "consistency=" + run.snapshot.consistency,
                                "timezone=" + plan.timezone,
                                "run=" + plan.run_id};
  for (const PlannedLabel& label : plan.labels) {
    tags.push_back("label=" + label.label + ":" + label.retention);
  }
  if (plan.manual) {
    tags.emplace_back("manual");
  }
  if (!plan.volume.agent.empty()) {
    tags.push_back("agent=" + plan.volume.agent);
  }
  return tags;
}

flow::Task<Status> engine_backup(BackupRun& run, PlannedCopy copy) {
  BackupRequest request;
  request.repository = copy.repository;
  request.read_path = run.snapshot.read_path;
  request.live_path = run.plan.volume.path;
  request.device_id = run.snapshot.device_id;
  request.excludes = run.snapshot.excludes;
  request.parent_snapshot = copy.parent_snapshot;
  request.tags = snapshot_tags(run);
  request.host = run.plan.host;
  request.time = run.snapshot.time;
  HF_CO_TRY(const Json answer,
            co_await run_step(run, run.step(copy), "engine.backup", encode(request),
                              data_options_at(run.plan.volume.agent)));
  run.backup = decode<BackupDone>(answer);
  MadeCopy made{copy.level,
                copy.method,
                copy.repository.name,
                copy.repository.location,
                run.backup.snapshot_id,
                run.backup.added_bytes,
                false,
                ""};
  run.copies.push_back(std::move(made));
  co_return Status();
}

flow::Task<Status> engine_copy(BackupRun& run, PlannedCopy copy, PlannedCopy source,
                               std::string snapshot_id) {
  const CopyRequest request{source.repository, copy.repository, std::move(snapshot_id)};
  HF_CO_TRY(const Json answer,
            co_await run_step(run, run.step(copy), "engine.copy", encode(request), data_options()));
  run.copies.push_back({copy.level, copy.method, copy.repository.name, copy.repository.location,
                        get_string(answer, "snapshot_id"),
                        static_cast<std::uint64_t>(get_int(answer, "added_bytes")), false, ""});
  co_return Status();
}

// The storage system carries the snapshot over by itself.
flow::Task<Status> replicate(BackupRun& run, PlannedCopy copy) {
  Json input =
      JsonObject{{"volume", encode(run.plan.volume)},
                 {"level", copy.level},
                 {"destination", copy.destination},
                 {"snapshot", run.snapshot.name},
                 {"lock_seconds", copy.lock_seconds},
                 {"lock", copy.lock_seconds == 0 ? "" : fmt::format("PT{}S", copy.lock_seconds)}};
  if (!copy.mirror_policy.empty()) {
    input.get_object()["mirror_policy"] = copy.mirror_policy;
  }
  if (!copy.transfer_schedule.empty()) {
    input.get_object()["transfer_schedule"] = copy.transfer_schedule;
  }
  HF_CO_TRY(const Json answer,
            co_await run_step(run, run.step(copy), "storage.replicate", std::move(input),
                              data_options_at(run.plan.volume.agent)));
  run.copies.push_back({copy.level, copy.method, "", get_string(answer, "location"),
                        run.snapshot.name,
                        static_cast<std::uint64_t>(get_int(answer, "added_bytes")), false, ""});
  co_return Status();
}

}  // namespace

flow::Task<Status> make_copy(BackupRun& run, PlannedCopy copy) {
  if (copy.method.starts_with("snapmirror")) {
    co_return co_await replicate(run, std::move(copy));
  }
  if (copy.method.ends_with("_snapshot")) {
    run.copies.push_back(
        {copy.level, copy.method, "", run.snapshot.read_path, run.snapshot.name, 0, false, ""});
    run.steps.done(run.step(copy), "the snapshot is the copy: " + run.snapshot.read_path,
                   run.ctx.now());
    co_return Status();
  }
  for (size_t i = 0; i < run.copies.size(); ++i) {
    if (run.copies[i].method != "restic") {
      continue;
    }
    for (const PlannedCopy& source : run.plan.copies) {
      if (source.level == run.copies[i].level &&
          source.repository.name == run.copies[i].repository) {
        const std::string snapshot_id = run.copies[i].snapshot_id;
        co_return co_await engine_copy(run, copy, source, snapshot_id);
      }
    }
  }
  co_return co_await engine_backup(run, copy);
}

flow::Task<Status> verify_copies(BackupRun& run) {
  if (!run.plan.verify_integrity) {
    run.steps.skipped(run.step("verify_integrity"));
    co_return Status();
  }
  run.steps.begin(run.step("verify_integrity"), run.ctx.now());
  run.show();
  std::string detail;
  for (MadeCopy& copy : run.copies) {
    if (copy.method != "restic") {
      continue;
    }
    RepositoryRef repository;
    std::string parent;
    for (const PlannedCopy& planned : run.plan.copies) {
      if (planned.level == copy.level && planned.repository.name == copy.repository) {
        repository = planned.repository;
        parent = planned.parent_snapshot;
      }
    }
    Json input = JsonObject{{"repository", encode(repository)},
                            {"snapshot_id", copy.snapshot_id},
                            {"parent_snapshot", parent}};
    Result<Json> answer =
        co_await run.ctx.activity("engine.verify", std::move(input), data_options());
    if (!answer) {
      run.steps.failed(run.step("verify_integrity"), answer.error(), run.ctx.now());
      run.show();
      co_return answer.error();
    }
    const Verdict verdict = decode<Verdict>(*answer);
    copy.read_back = verdict.good;
    copy.read_back_detail = verdict.detail;
    detail += (detail.empty() ? "" : "; ") + copy.level + ": " + verdict.detail;
    if (!verdict.good) {
      Error damaged(Code::kDataLoss, "what was stored does not read back: " + verdict.detail);
      run.steps.failed(run.step("verify_integrity"), damaged, run.ctx.now());
      run.show();
      co_return damaged;
    }
  }
  if (detail.empty()) {
    run.steps.not_applicable(run.step("verify_integrity"), "no copy in a repository");
  } else {
    run.steps.done(run.step("verify_integrity"), "L1: " + detail, run.ctx.now());
  }
  co_return Status();
}

}  // namespace holdfast::protect
