// Verbs that look after a repository: check, forget, prune, copy, unlock, key.
#include <fmt/core.h>

#include <map>

#include "core/base/units.h"
#include "edge/cli/repo_session.h"
#include "engine/repo/check.h"
#include "engine/repo/maintain.h"

namespace holdfast::cli {
namespace {

Result<repo::KeepPolicy> keep_policy(const RepoArguments& args) {
  repo::KeepPolicy policy;
  HF_TRY(policy.last, args.number("keep-last", 0));
  HF_TRY(policy.hourly, args.number("keep-hourly", 0));
  HF_TRY(policy.daily, args.number("keep-daily", 0));
  HF_TRY(policy.weekly, args.number("keep-weekly", 0));
  HF_TRY(policy.monthly, args.number("keep-monthly", 0));
  HF_TRY(policy.yearly, args.number("keep-yearly", 0));
  policy.tags = args.all("keep-tag");
  if (args.has("keep-within")) {
    HF_TRY(policy.within, parse_duration(args.get("keep-within")));
  }
  return policy;
}

Result<double> max_unused(const RepoArguments& args) {
  std::string text = args.get("max-unused", "10%");
  if (!text.ends_with('%') && text != "0") {
    return Error(Code::kInvalidArgument, "--max-unused takes a percentage such as 10%");
  }
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (end == text.c_str() || value < 0) {
    return Error(Code::kInvalidArgument, "--max-unused takes a percentage such as 10%");
  }
  return value / 100;
}

Status run_prune(RepoSession& session) {
  repo::PruneOptions options;
  HF_TRY(options.max_unused_ratio, max_unused(session.args));
  options.dry_run = session.args.has("dry-run");
  options.stop = session.stop_token;
  HF_TRY(const repo::PruneReport report, repo::prune(*session.repository, options));
  if (session.json()) {
    session.print_json(
        JsonObject{{"message_type", "summary"},
                   {"dry_run", options.dry_run},
                   {"bytes", JsonObject{{"used", report.used_bytes},
                                        {"unused", report.unused_bytes},
                                        {"repack", report.repacked_bytes},
                                        {"remove_total", report.removed_bytes},
                                        {"remaining_unused", report.unused_bytes_after}}},
                   {"packfiles", JsonObject{{"keep", report.packs_kept},
                                            {"repack", report.packs_repacked},
                                            {"remove", report.packs_removed}}}});
  } else if (!session.quiet()) {
    session.print(fmt::format("{}freed {}; {} packs removed, {} rewritten, {} kept",
                              options.dry_run ? "would have " : "",
                              format_bytes(report.removed_bytes), report.packs_removed,
                              report.packs_repacked, report.packs_kept));
  }
  return {};
}

JsonArray ids_json(const std::vector<repo::Snapshot>& snapshots) {
  JsonArray list;
  for (const repo::Snapshot& snapshot : snapshots) {
    list.push_back(snapshot_json(snapshot));
  }
  return list;
}

// Groups by host and paths, decides in each group; the groups go to `report`.
Result<std::vector<repo::SnapshotId>> choose_by_policy(RepoSession& session,
                                                       const repo::KeepPolicy& policy,
                                                       JsonArray& report) {
  HF_TRY(const std::vector<repo::Snapshot> all, session.repository->snapshots());
  std::map<std::pair<std::string, std::vector<std::string>>, std::vector<repo::Snapshot>> groups;
  for (const repo::Snapshot& snapshot : all) {
    groups[{snapshot.hostname, snapshot.paths}].push_back(snapshot);
  }
  std::vector<repo::SnapshotId> ids;
  for (const auto& [group, members] : groups) {
    const repo::KeepDecision decision = repo::apply_keep_policy(members, policy);
    for (const repo::Snapshot& snapshot : decision.remove) {
      ids.push_back(snapshot.id);
    }
    report.push_back(JsonObject{{"host", group.first},
                                {"paths", JsonArray(group.second.begin(), group.second.end())},
                                {"keep", ids_json(decision.keep)},
                                {"remove", ids_json(decision.remove)}});
  }
  return ids;
}

}  // namespace

Result<int> repo_check(RepoSession& session) {
  repo::CheckOptions options;
  options.stop = session.stop_token;
  if (session.args.has("read-data")) {
    options.read_data = repo::CheckOptions::ReadData::kAll;
  }
  HF_TRY(const auto lock, session.repository->lock(repo::LockKind::kExclusive));
  HF_TRY(const repo::CheckReport report, repo::check(*session.repository, options));
  for (const std::string& error : report.errors) {
    session.warn("error: " + error);
  }
  if (session.json()) {
    JsonArray broken;
    for (const repo::PackId& id : report.broken_packs) {
      broken.push_back(boost::json::string(id.hex()));
    }
    session.print_json(JsonObject{{"message_type", "summary"},
                                  {"num_errors", report.errors.size()},
                                  {"broken_packs", broken},
                                  {"packs_read", report.packs_read},
                                  {"hints", report.hints.size()}});
  } else if (!session.quiet()) {
    for (const std::string& hint : report.hints) {
      session.print("hint: " + hint);
    }
    session.print(report.ok() ? fmt::format("no errors: {} snapshots, {} packs, {} chunks, {} read",
                                            report.snapshots, report.packs, report.chunks,
                                            format_bytes(report.bytes_read))
                              : fmt::format("{} errors", report.errors.size()));
  }
  return report.ok() ? kExitOk : kExitError;
}

Result<int> repo_forget(RepoSession& session) {
  HF_TRY(const repo::KeepPolicy policy, keep_policy(session.args));
  std::vector<repo::SnapshotId> ids;
  JsonArray groups;
  if (!session.args.words.empty()) {
    HF_TRY(const auto chosen, session.snapshots_of_words(0));
    for (const repo::Snapshot& snapshot : chosen) {
      ids.push_back(snapshot.id);
    }
  } else if (policy.empty()) {
    return Error(Code::kInvalidArgument, "forget needs snapshot ids or --keep-* options");
  } else {
    HF_TRY(ids, choose_by_policy(session, policy, groups));
  }
  if (!session.args.has("dry-run") && !ids.empty()) {
    HF_TRY_VOID(repo::forget(*session.repository, ids));
  }
  if (session.json()) {
    session.print_json(Json(groups));
  } else if (!session.quiet()) {
    session.print(fmt::format("{} snapshots {}", ids.size(),
                              session.args.has("dry-run") ? "would be removed" : "removed"));
  }
  if (session.args.has("prune")) {
    HF_TRY_VOID(run_prune(session));
  }
  return kExitOk;
}

Result<int> repo_prune(RepoSession& session) {
  HF_TRY_VOID(run_prune(session));
  return kExitOk;
}

Result<int> repo_copy(RepoSession& session) {
  if (!session.args.has("from-repo")) {
    return Error(Code::kInvalidArgument,
                 "copy needs --from-repo DIR and --from-password-file FILE");
  }
  HF_TRY(const SecretString password, session.password("from-"));
  HF_TRY(const auto from, session.open_at(session.args.get("from-repo"), password));
  std::vector<repo::SnapshotId> ids;
  for (const std::string& word : session.args.words) {
    HF_TRY(const repo::Snapshot snapshot, from->find_snapshot(word));
    ids.push_back(snapshot.id);
  }
  if (session.args.words.empty()) {
    HF_TRY(const auto all, from->snapshots());
    for (const repo::Snapshot& snapshot : all) {
      ids.push_back(snapshot.id);
    }
  }
  HF_TRY(const repo::CopyReport report,
         repo::copy(*from, *session.repository, ids, session.stop_token));
  if (session.json()) {
    session.print_json(JsonObject{{"message_type", "summary"},
                                  {"snapshots_copied", report.copied.size()},
                                  {"snapshots_skipped", report.skipped.size()},
                                  {"chunks", report.chunks},
                                  {"bytes", report.bytes}});
  } else if (!session.quiet()) {
    session.print(fmt::format("copied {} snapshots, {} were there; {} chunks, {}",
                              report.copied.size(), report.skipped.size(), report.chunks,
                              format_bytes(report.bytes)));
  }
  return kExitOk;
}

Result<int> repo_unlock(RepoSession& session) {
  HF_TRY(const int removed, session.repository->unlock(session.args.has("remove-all")));
  if (!session.quiet()) {
    session.print(fmt::format("{} locks removed", removed));
  }
  return kExitOk;
}

Result<int> repo_key(RepoSession& session) {
  const auto& words = session.args.words;
  const std::string action = words.empty() ? "list" : words[0];
  if (action == "add") {
    HF_TRY(const SecretString password, session.password("new-"));
    HF_TRY(const std::string id, session.repository->add_key(password, repo::InitOptions().cost));
    session.print(fmt::format("added key {}", id.substr(0, 8)));
    return kExitOk;
  }
  if (action == "remove" && words.size() == 2) {
    HF_TRY_VOID(session.repository->remove_key(words[1]));
    session.print("removed the key");
    return kExitOk;
  }
  if (action != "list") {
    return Error(Code::kInvalidArgument, "key takes list, add or remove ID");
  }
  HF_TRY(const auto keys, session.repository->keys());
  JsonArray list;
  for (const repo::KeyInfo& key : keys) {
    list.push_back(JsonObject{{"current", key.current},
                              {"id", key.id.substr(0, 8)},
                              {"userName", key.user},
                              {"hostName", key.host},
                              {"created", to_rfc3339(key.created)}});
    if (!session.json()) {
      session.print(fmt::format("{}{}  {} {} {}", key.current ? '*' : ' ', key.id.substr(0, 8),
                                key.user, key.host, to_rfc3339(key.created)));
    }
  }
  if (session.json()) {
    session.print_json(Json(list));
  }
  return kExitOk;
}

}  // namespace holdfast::cli
