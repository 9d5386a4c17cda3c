// proof.run: proves one copy at the level that is asked for, in a scratch directory that is gone
// afterwards whatever happened; a storage snapshot whose system clones it, on such a clone, which
// is as isolated, needs no room, and goes as well.
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>

#include "core/base/units.h"
#include "core/env/posix/atomic_file.h"
#include "core/env/posix/process.h"
#include "domain/activities/data_activities.h"
#include "domain/activities/directory_copy.h"
#include "domain/activities/engine_work.h"
#include "domain/activities/progress_beat.h"
#include "domain/activities/proof_clone.h"
#include "domain/activities/recovery_types.h"
#include "engine/backup/compare.h"
#include "engine/backup/restore.h"
#include "engine/repo/check.h"

namespace holdfast::activities {
namespace {

namespace fs = std::filesystem;
using flow::ActivityContext;

constexpr Nanoseconds kProbeTime = std::chrono::hours(1);

// The scratch directory of a proof; an earlier attempt's remains are removed first.
class Scratch {
 public:
  explicit Scratch(std::string path) : path_(std::move(path)) { clear(); }
  ~Scratch() { clear(); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  Status make() const { return env::make_directories(path_, 0700); }
  const std::string& path() const { return path_; }

 private:
  void clear() const {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  std::string path_;
};

struct Proof {
  const DataContext& context;
  ActivityContext& activity;
  ProofPlan plan;
  backup::Progress progress{};
  std::vector<std::string> excludes{};  // the driver's own files at the top of the source
};

ProofDone reached(std::string level, Verdict verdict) {
  return {std::move(level), std::move(verdict)};
}

Verdict damaged(std::string detail, std::vector<std::string> sample = {}) {
  Verdict verdict;
  verdict.detail = std::move(detail);
  verdict.different = std::max<std::uint64_t>(1, sample.size());
  sample.resize(std::min(sample.size(), kSample));
  verdict.sample = std::move(sample);
  return verdict;
}

// L1: every pack of the point is read, opened and hashed.
Result<ProofDone> read_back(Proof& proof) {
  HF_TRY(const repo::SnapshotId id, repo::SnapshotId::parse(proof.plan.restore.snapshot_id));
  HF_TRY(const auto repository, proof.context.open(proof.plan.restore.repository));
  HF_TRY(const auto lock, repository->lock(repo::LockKind::kShared));
  HF_TRY_VOID(repository->load_index());
  repo::CheckOptions options;
  options.read_data = repo::CheckOptions::ReadData::kChosen;
  HF_TRY(options.packs, repo::packs_of(*repository, id));
  options.snapshots = {id};
  options.stop = proof.activity.stop_token();
  options.bytes_read = &proof.progress.bytes_done;
  HF_TRY(const repo::CheckReport report, repo::check(*repository, options));
  if (!report.ok()) {
    return reached("L0", damaged(report.errors.front(), report.errors));
  }
  Verdict verdict;
  verdict.good = true;
  verdict.checked = report.packs_read;
  verdict.bytes = report.bytes_read;
  verdict.detail = fmt::format("{} packs ({}) read back and hashed", report.packs_read,
                               format_bytes(report.bytes_read));
  return reached("L1", std::move(verdict));
}

// Restores the point to the scratch directory and reads every file again.
Result<Verdict> restore_to(Proof& proof, const Scratch& scratch) {
  HF_TRY_VOID(scratch.make());
  RestoreRequest request = proof.plan.restore;
  request.target = scratch.path();
  Verdict verdict;
  if (!request.snapshot_path.empty()) {
    HF_TRY_VOID(status_of(copy_directory(request, proof.activity.stop_token())));
    HF_TRY(const Json compared, compare_directory_copy(request, proof.activity.stop_token()));
    verdict = decode<Verdict>(compared);
    verdict.detail = fmt::format("{} entries restored and read", verdict.checked);
    return verdict;
  }
  HF_TRY(const repo::SnapshotId id, repo::SnapshotId::parse(request.snapshot_id));
  HF_TRY(const auto repository, proof.context.open(request.repository));
  HF_TRY(const auto lock, repository->lock(repo::LockKind::kShared));
  HF_TRY_VOID(repository->load_index());
  backup::RestoreOptions options;
  options.snapshot = id;
  options.root = request.source_path;
  options.target = scratch.path();
  options.verify = true;
  options.progress = &proof.progress;
  options.stop = proof.activity.stop_token();
  HF_TRY(const backup::RestoreSummary summary, backup::restore(*repository, options));
  if (summary.partial()) {
    return damaged(fmt::format("{} files could not be restored, the first: {}: {}",
                               summary.problem_count, summary.problems.front().path,
                               summary.problems.front().message));
  }
  verdict.good = true;
  verdict.checked = summary.files_restored;
  verdict.bytes = summary.bytes_restored;
  verdict.detail =
      fmt::format("{} files ({}) restored and read", verdict.checked, format_bytes(verdict.bytes));
  return verdict;
}

// The clone of the snapshot reads as the snapshot does: every byte of both is read.
Result<Verdict> read_clone(Proof& proof, const ProofClone& clone) {
  RestoreRequest request = proof.plan.restore;
  request.target = clone.path();
  HF_TRY(const Json compared, compare_directory_copy(request, proof.activity.stop_token()));
  auto verdict = decode<Verdict>(compared);
  if (verdict.good) {
    verdict.detail = fmt::format("{} entries of a clone read", verdict.checked);
  }
  return verdict;
}

Result<ProofDone> probe(Proof& proof, const std::string& restored_to, Verdict restored) {
  env::CommandOptions options;
  options.directory = restored_to;
  options.environment["HOLDFAST_RESTORED"] = restored_to;
  options.environment["HOLDFAST_POINT"] = proof.plan.point_id;
  options.timeout = kProbeTime;
  options.stop = proof.activity.stop_token();
  HF_TRY(const env::CommandResult result, env::run_shell(proof.plan.probe_command, options));
  if (result.exit_code != 0) {
    restored.detail =
        fmt::format("the probe ended with {}: {}", result.exit_code, result.output.substr(0, 500));
    return reached("L2", std::move(restored));
  }
  restored.detail += "; the application probe passed";
  return reached("L3", std::move(restored));
}

// L4: the restored copy against the live source. What changed since is listed, not failed; when
// more than one file in a hundred has changed, the comparison says too little and L2 is what was
// reached.
Result<ProofDone> compare_with_source(Proof& proof, const std::string& restored_to,
                                      Verdict restored) {
  backup::CompareOptions options;
  options.consistency_time = proof.plan.point_time;
  options.progress = &proof.progress;
  options.stop = proof.activity.stop_token();
  options.excludes = {"/.holdfast"};
  for (const std::string& own : proof.excludes) {
    options.excludes.push_back("/" + own);
  }
  HF_TRY(const auto report,
         backup::compare_directories(restored_to, proof.plan.restore.source_path, options));
  Verdict verdict;
  verdict.checked = report.compared;
  verdict.bytes = report.bytes_compared;
  verdict.changed_since = report.changed_since;
  verdict.different = report.different + report.missing + report.extra + report.problems.size();
  for (const backup::Difference& difference : report.differences) {
    verdict.sample.push_back(in_words(difference));
  }
  for (const auto* paths :
       {&report.missing_paths, &report.extra_paths, &report.changed_since_paths}) {
    verdict.sample.insert(verdict.sample.end(), paths->begin(), paths->end());
  }
  verdict.sample.resize(std::min(verdict.sample.size(), kSample));
  verdict.good = verdict.different == 0;
  if (!verdict.good) {
    verdict.detail = fmt::format("{} entries differ from the source, such as {}", verdict.different,
                                 verdict.sample.empty() ? "?" : verdict.sample.front());
    return reached("L2", std::move(verdict));
  }
  if (report.changed_since * 100 > report.compared) {
    restored.changed_since = report.changed_since;
    restored.sample = std::move(verdict.sample);
    restored.detail += fmt::format("; {} entries changed in the source since, too many to compare",
                                   report.changed_since);
    return reached("L2", std::move(restored));
  }
  verdict.detail = fmt::format(
      "{} entries ({}) equal the source{}", report.equal, format_bytes(report.bytes_compared),
      report.changed_since == 0 ? "" : fmt::format(", {} changed since", report.changed_since));
  return reached("L4", std::move(verdict));
}

// What a restored (or cloned) copy that reads well is worth, at the level that is asked for.
Result<ProofDone> judge(Proof& proof, const std::string& restored_to, Result<Verdict> restored) {
  if (!restored &&
      (restored.error().code() == Code::kDataLoss || restored.error().code() == Code::kPartial)) {
    return reached("L0", damaged(restored.error().to_string()));
  }
  HF_TRY_VOID(status_of(restored));
  if (!restored->good) {
    return reached("L0", *std::move(restored));
  }
  if (proof.plan.level == "L3") {
    return probe(proof, restored_to, *std::move(restored));
  }
  if (proof.plan.level == "L4") {
    return compare_with_source(proof, restored_to, *std::move(restored));
  }
  return reached(proof.plan.level, *std::move(restored));
}

Result<ProofDone> prove_on_scratch(Proof& proof) {
  const Scratch scratch(proof.plan.restore.target);
  return judge(proof, scratch.path(), restore_to(proof, scratch));
}

// On a clone; where the system makes none, in the scratch directory, and the detail says so.
Result<ProofDone> prove_snapshot(Proof& proof) {
  HF_TRY(const OpenVolume open,
         open_volume(proof.context, proof.activity, proof.plan.restore.volume));
  HF_TRY(const storage::ReadView live,
         wait(proof.context, open.driver->read_view(open.volume, "")));
  proof.excludes = live.exclude;
  if (!open.driver->capabilities().clones) {
    return prove_on_scratch(proof);
  }
  auto clone =
      ProofClone::make(proof.context, open, proof.plan.restore.snapshot_id, proof.plan.run_id);
  if (clone) {
    HF_TRY(ProofDone done, judge(proof, (*clone)->path(), read_clone(proof, **clone)));
    return done;
  }
  if (clone.error().retry() == Retry::kTransient) {
    return clone.error();
  }
  HF_TRY(ProofDone done, prove_on_scratch(proof));
  done.verdict.detail += "; copied, as there is no clone: " + clone.error().message();
  return done;
}

Result<ProofDone> prove(Proof& proof) {
  if (proof.plan.level == "L1" && proof.plan.restore.snapshot_path.empty()) {
    return read_back(proof);
  }
  return proof.plan.native ? prove_snapshot(proof) : prove_on_scratch(proof);
}

Result<Json> run_proof(const DataContext& context, ActivityContext& activity, const Json& input) {
  Proof proof{context, activity, decode<ProofPlan>(input)};
  HF_TRY(proof.plan.restore.target, context.scratch(proof.plan.restore.target));
  const ProgressBeat beat(context.clock(), activity, [&proof] {
    return Json(JsonObject{{"files_done", proof.progress.files_done.load()},
                           {"bytes_done", proof.progress.bytes_done.load()}});
  });
  auto done = prove(proof);
  if (!done && done.error().code() == Code::kConflict) {
    return Error(Code::kConflict, done.error().message(), Retry::kTransient);
  }
  HF_TRY_VOID(status_of(done));
  Json answer = encode(*done);
  answer.get_object()["detail"] = fmt::format("{}: {}", done->reached, done->verdict.detail);
  return answer;
}

}  // namespace

void register_proof_activities(flow::ActivityRegistry& registry, const DataContext& context) {
  registry.add("proof.run", [&context](ActivityContext& activity, const Json& input) {
    return run_proof(context, activity, input);
  });
}

}  // namespace holdfast::activities
