// Verbs that move files: init, backup, restore.
#include <fmt/core.h>

#include <optional>

#include "core/base/units.h"
#include "edge/cli/repo_session.h"
#include "edge/cli/repo_status.h"
#include "engine/backup/backup.h"
#include "engine/backup/restore.h"

namespace holdfast::cli {
namespace {

Json problem_json(const backup::Problem& problem, std::string_view during) {
  return JsonObject{{"message_type", "error"},
                    {"error", JsonObject{{"message", problem.message}}},
                    {"during", during},
                    {"item", problem.path}};
}

void show_problems(const RepoSession& session, const std::vector<backup::Problem>& problems,
                   std::string_view during) {
  for (const backup::Problem& problem : problems) {
    session.warn(session.json() ? to_text(problem_json(problem, during))
                                : fmt::format("{}: {}", problem.path, problem.message));
  }
}

Result<backup::BackupOptions> backup_options(RepoSession& session) {
  backup::BackupOptions options;
  const RepoArguments& args = session.args;
  for (const std::string& path : args.words) {
    options.targets.push_back({path, args.words.size() == 1 ? args.get("read-path") : ""});
  }
  options.tags = args.all("tag");
  options.excludes = args.all("exclude");
  options.host = args.get("host");
  options.force = args.has("force");
  options.dry_run = args.has("dry-run");
  options.one_file_system = args.has("one-file-system");
  options.with_atime = args.has("with-atime");
  options.stop = session.stop_token;
  if (args.has("time")) {
    HF_TRY(options.time, parse_rfc3339(args.get("time"), /*assume_utc=*/true));
  }
  if (args.has("device-id")) {
    options.device_id = backup::stable_device_id(args.get("device-id"));
  }
  if (args.has("parent")) {
    HF_TRY(const repo::Snapshot parent, session.repository->find_snapshot(args.get("parent")));
    options.parent = parent.id;
  }
  return options;
}

JsonObject summary_json(const backup::BackupSummary& summary, bool dry_run) {
  const repo::SnapshotSummary& c = summary.counts;
  const double seconds = std::chrono::duration<double>(c.backup_end - c.backup_start).count();
  JsonObject json{{"message_type", "summary"},
                  {"dry_run", dry_run},
                  {"files_new", c.files_new},
                  {"files_changed", c.files_changed},
                  {"files_unmodified", c.files_unmodified},
                  {"dirs_new", c.dirs_new},
                  {"dirs_changed", c.dirs_changed},
                  {"dirs_unmodified", c.dirs_unmodified},
                  {"data_blobs", c.data_blobs},
                  {"tree_blobs", c.tree_blobs},
                  {"data_added", c.data_added},
                  {"data_added_packed", c.data_added_packed},
                  {"total_files_processed", c.total_files_processed},
                  {"total_bytes_processed", c.total_bytes_processed},
                  {"backup_start", to_rfc3339(c.backup_start)},
                  {"backup_end", to_rfc3339(c.backup_end)},
                  {"total_duration", seconds}};
  if (!dry_run) {
    json["snapshot_id"] = summary.snapshot.hex();
  }
  return json;
}

void show_summary(const RepoSession& session, const backup::BackupSummary& summary) {
  const repo::SnapshotSummary& c = summary.counts;
  session.print(fmt::format("Files: {} new, {} changed, {} unmodified", c.files_new,
                            c.files_changed, c.files_unmodified));
  session.print(fmt::format("Dirs:  {} new, {} changed, {} unmodified", c.dirs_new, c.dirs_changed,
                            c.dirs_unmodified));
  session.print(fmt::format("Added: {} ({} stored)", format_bytes(c.data_added),
                            format_bytes(c.data_added_packed)));
  session.print(fmt::format("processed {} files, {} in {}", c.total_files_processed,
                            format_bytes(c.total_bytes_processed),
                            format_duration(c.backup_end - c.backup_start)));
  session.print(summary.snapshot.is_zero()
                    ? "dry run: no snapshot written"
                    : fmt::format("snapshot {} saved", summary.snapshot.short_hex()));
}

Result<backup::RestoreOptions> restore_options(RepoSession& session) {
  const RepoArguments& args = session.args;
  if (args.words.size() != 1 || args.get("target").empty()) {
    return Error(Code::kInvalidArgument,
                 "restore needs a snapshot and --target DIR: restore latest --target /tmp/back");
  }
  // "id:/path" restores the content of that folder, as in restic.
  const std::string& word = args.words[0];
  const std::size_t colon = word.find(':');
  HF_TRY(const repo::Snapshot snapshot, session.repository->find_snapshot(word.substr(0, colon)));
  backup::RestoreOptions options;
  options.snapshot = snapshot.id;
  options.root = colon == std::string::npos ? "" : word.substr(colon + 1);
  options.include = args.all("include");
  options.target = args.get("target");
  options.delete_extra = args.has("delete");
  options.verify = args.has("verify");
  options.stop = session.stop_token;
  const std::string overwrite = args.get("overwrite", "always");
  if (overwrite != "always" && overwrite != "if-changed" && overwrite != "never") {
    return Error(Code::kInvalidArgument, "--overwrite takes always, if-changed or never");
  }
  options.overwrite = overwrite == "always"  ? backup::Overwrite::kAlways
                      : overwrite == "never" ? backup::Overwrite::kNever
                                             : backup::Overwrite::kIfChanged;
  return options;
}

}  // namespace

Result<int> repo_init(RepoSession& session) {
  HF_TRY(const std::string where, session.location());
  HF_TRY(const SecretString password, session.password());
  repo::InitOptions options;
  if (session.args.has("copy-chunker-params")) {
    HF_TRY(const SecretString other, session.password("from-"));
    HF_TRY(const auto from, session.open_at(session.args.get("from-repo"), other));
    options.polynomial = from->config().polynomial;
  }
  HF_TRY(const auto made, session.init_at(where, password, options));
  if (session.json()) {
    session.print_json(JsonObject{
        {"message_type", "initialized"}, {"id", made->config().id}, {"repository", where}});
  } else {
    session.print(fmt::format("made repository {} at {}", made->config().id.substr(0, 10), where));
  }
  return kExitOk;
}

Result<int> repo_backup(RepoSession& session) {
  HF_TRY(backup::BackupOptions options, backup_options(session));
  backup::Progress progress;
  options.progress = &progress;
  std::optional<StatusLines> status;
  if (session.json() && !session.quiet()) {
    status.emplace(session.clock, options, [&](const Json& line) { session.print_json(line); });
  }
  const auto done = backup::backup(*session.repository, options);
  status.reset();  // before anything else is printed
  HF_TRY(const backup::BackupSummary summary, done);
  show_problems(session, summary.problems, "archival");
  if (session.json()) {
    session.print_json(summary_json(summary, options.dry_run));
  } else if (!session.quiet()) {
    show_summary(session, summary);
  }
  return summary.partial() ? kExitPartial : kExitOk;
}

Result<int> repo_restore(RepoSession& session) {
  HF_TRY(const backup::RestoreOptions options, restore_options(session));
  HF_TRY_VOID(session.repository->load_index());
  if (session.args.has("dry-run")) {
    HF_TRY(const backup::RestorePlan plan, backup::plan_restore(*session.repository, options));
    if (session.json()) {
      session.print_json(JsonObject{{"message_type", "summary"},
                                    {"dry_run", true},
                                    {"files_created", plan.creates},
                                    {"files_overwritten", plan.overwrites},
                                    {"files_deleted", plan.deletes},
                                    {"files_unchanged", plan.unchanged},
                                    {"total_bytes", plan.bytes}});
    } else {
      session.print(fmt::format("would create {}, overwrite {}, delete {}, leave {}; {} to write",
                                plan.creates, plan.overwrites, plan.deletes, plan.unchanged,
                                format_bytes(plan.bytes)));
    }
    return kExitOk;
  }
  HF_TRY(const backup::RestoreSummary summary, backup::restore(*session.repository, options));
  show_problems(session, summary.problems, "restore");
  if (session.json()) {
    session.print_json(JsonObject{{"message_type", "summary"},
                                  {"total_files", summary.total_files},
                                  {"files_restored", summary.files_restored},
                                  {"files_skipped", summary.files_skipped},
                                  {"files_deleted", summary.files_deleted},
                                  {"total_bytes", summary.total_bytes},
                                  {"bytes_restored", summary.bytes_restored},
                                  {"bytes_skipped", summary.total_bytes - summary.bytes_restored}});
  } else if (!session.quiet()) {
    session.print(fmt::format("restored {} of {} files, {} to {}", summary.files_restored,
                              summary.total_files, format_bytes(summary.bytes_restored),
                              options.target));
  }
  return summary.partial() ? kExitPartial : kExitOk;
}

}  // namespace holdfast::cli
