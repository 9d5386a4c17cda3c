#include "engine/backup/backup.h"

#include <algorithm>

#include "core/crypto/digest.h"
#include "engine/backup/archiver.h"

namespace holdfast::backup {
namespace {

using repo::Snapshot;

std::vector<std::string> paths_of(const BackupOptions& options) {
  std::vector<std::string> paths;
  for (const Target& target : options.targets) {
    paths.push_back(target.live_path);
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

// The snapshot to compare with, if there is one.
Result<std::optional<Snapshot>> find_parent(repo::Repository& repository,
                                            const BackupOptions& options, const Snapshot& fresh) {
  if (options.force) {
    return std::optional<Snapshot>();
  }
  if (options.parent) {
    HF_TRY(Snapshot parent, repository.snapshot(*options.parent));
    return std::optional(std::move(parent));
  }
  HF_TRY(std::vector<Snapshot> all, repository.snapshots());
  std::optional<Snapshot> newest;
  for (Snapshot& snapshot : all) {
    std::vector<std::string> paths = snapshot.paths;
    std::sort(paths.begin(), paths.end());
    if (snapshot.hostname == fresh.hostname && snapshot.time <= fresh.time &&
        paths == fresh.paths) {
      newest = std::move(snapshot);  // they come in order of time
    }
  }
  return newest;
}

Snapshot describe(const repo::Repository& repository, const BackupOptions& options) {
  const repo::Environment& environment = repository.environment();
  Snapshot snapshot;
  snapshot.time = options.time.value_or(environment.clock->now());
  snapshot.paths = paths_of(options);
  snapshot.hostname = options.host.empty() ? environment.host : options.host;
  snapshot.username = environment.user;
  snapshot.uid = environment.uid;
  snapshot.gid = environment.gid;
  snapshot.excludes = options.excludes;
  snapshot.tags = options.tags;
  snapshot.program_version = "holdfast " HOLDFAST_VERSION;
  return snapshot;
}

}  // namespace

Result<BackupSummary> backup(repo::Repository& repository, const BackupOptions& options) {
  if (options.targets.empty()) {
    return Error(Code::kInvalidArgument, "a backup needs at least one path");
  }
  BackupOptions used = options;
  used.writer.dry_run = options.dry_run;
  env::Clock& clock = *repository.environment().clock;
  const UtcTime start = clock.now();
  HF_TRY(const auto lock, repository.lock(repo::LockKind::kShared));
  Snapshot snapshot = describe(repository, used);
  HF_TRY(const std::optional<Snapshot> parent, find_parent(repository, used, snapshot));
  HF_TRY_VOID(repository.load_index());

  Archiver archiver(repository, used);
  HF_TRY(snapshot.tree, archiver.run(parent ? parent->tree : repo::ChunkId()));
  BackupSummary summary;
  summary.tree = snapshot.tree;
  summary.counts = archiver.counts();
  summary.counts.backup_start = start;
  summary.counts.backup_end = clock.now();
  summary.problems = archiver.problems();
  summary.problem_count = archiver.problem_count();
  if (parent) {
    snapshot.parent = parent->id;
    summary.parent = parent->id;
  }
  snapshot.summary = summary.counts;
  if (lock->lost()) {
    return Error(Code::kConflict,
                 "the repository's lock could not be kept; no snapshot was written, try again",
                 Retry::kTransient);
  }
  if (!options.dry_run) {
    HF_TRY(summary.snapshot, repository.save_snapshot(snapshot));
  }
  return summary;
}

std::uint64_t stable_device_id(std::string_view name) {
  const crypto::Digest digest = crypto::digest_of(as_bytes(name));
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(value); ++i) {
    value = value << 8 | digest[i];
  }
  return value;
}

}  // namespace holdfast::backup
