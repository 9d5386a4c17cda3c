// Verbs that only look: snapshots, ls, stats, cat.
#include <fmt/format.h>

#include "core/base/units.h"
#include "edge/cli/repo_session.h"
#include "engine/backup/list.h"
#include "engine/repo/maintain.h"
#include "engine/repo/pack.h"

namespace holdfast::cli {
namespace {

std::string permissions_text(const repo::Node& node) {
  static constexpr std::string_view kLetters = "rwxrwxrwx";
  static constexpr std::string_view kTypes = "-dlbcpsi";
  const std::uint32_t mode = repo::posix_permissions(node.mode);
  std::string text(1, kTypes[static_cast<std::size_t>(node.type)]);
  for (std::size_t i = 0; i < 9; ++i) {
    text += (mode >> (8 - i) & 1) != 0 ? kLetters[i] : '-';
  }
  return text;
}

Json node_json(const backup::ListedNode& listed) {
  const repo::Node& node = listed.node;
  JsonObject json{{"message_type", "node"},
                  {"name", node.name},
                  {"type", repo::to_text(node.type)},
                  {"path", listed.path},
                  {"uid", node.uid},
                  {"gid", node.gid},
                  {"mode", node.mode},
                  {"permissions", permissions_text(node)},
                  {"mtime", to_rfc3339(node.mtime)},
                  {"atime", to_rfc3339(node.atime)},
                  {"ctime", to_rfc3339(node.ctime)},
                  {"inode", node.inode},
                  {"struct_type", "node"}};
  if (node.type == repo::NodeType::kFile) {
    json["size"] = node.size;
  }
  return json;
}

Status print_object(RepoSession& session, blob::ObjectType type, const std::string& id) {
  HF_TRY(const std::string text, session.repository->load_unpacked({type, id}));
  HF_TRY(const Json json, parse_json(text, std::size_t{1} << 32));
  fmt::print("{}", to_pretty_text(json));
  return {};
}

Status print_blob(RepoSession& session, const std::string& id) {
  HF_TRY(const repo::ChunkId chunk, repo::ChunkId::parse(id));
  HF_TRY_VOID(session.repository->load_index());
  const bool is_tree = session.repository->has_chunk(repo::ChunkKind::kTree, chunk);
  HF_TRY(const Buffer bytes, session.repository->load_chunk(
                                 is_tree ? repo::ChunkKind::kTree : repo::ChunkKind::kData, chunk));
  std::fwrite(bytes.data(), 1, bytes.size(), stdout);
  return {};
}

}  // namespace

Result<int> repo_snapshots(RepoSession& session) {
  HF_TRY(const std::vector<repo::Snapshot> all, session.repository->snapshots());
  const std::vector<std::string> tags = session.args.all("tag");
  JsonArray list;
  for (const repo::Snapshot& snapshot : all) {
    const auto has_tag = [&](const std::string& tag) {
      return std::find(snapshot.tags.begin(), snapshot.tags.end(), tag) != snapshot.tags.end();
    };
    const bool host_fits =
        !session.args.has("host") || snapshot.hostname == session.args.get("host");
    if (!host_fits || (!tags.empty() && std::none_of(tags.begin(), tags.end(), has_tag))) {
      continue;
    }
    if (session.json()) {
      list.push_back(snapshot_json(snapshot));
    } else {
      session.print(fmt::format("{}  {:<30} {:<16} {}", snapshot.id.short_hex(),
                                to_rfc3339(snapshot.time), snapshot.hostname,
                                fmt::join(snapshot.paths, " ")));
    }
  }
  if (session.json()) {
    session.print_json(Json(list));
  }
  return kExitOk;
}

Result<int> repo_ls(RepoSession& session) {
  if (session.args.words.empty()) {
    return Error(Code::kInvalidArgument, "ls needs a snapshot: ls latest [/path]");
  }
  HF_TRY(const repo::Snapshot snapshot, session.repository->find_snapshot(session.args.words[0]));
  HF_TRY_VOID(session.repository->load_index());
  if (session.json()) {
    JsonObject head = snapshot_json(snapshot);
    head["message_type"] = "snapshot";
    head["struct_type"] = "snapshot";
    session.print_json(Json(head));
  }
  const auto show = [&](const backup::ListedNode& listed) {
    if (session.json()) {
      session.print_json(node_json(listed));
    } else if (session.args.has("long")) {
      const repo::Node& node = listed.node;
      session.print(fmt::format("{} {:>5} {:>5} {:>12} {} {}", permissions_text(node), node.uid,
                                node.gid, node.size, to_rfc3339(node.mtime), listed.path));
    } else {
      session.print(listed.path);
    }
    return true;
  };
  if (session.args.words.size() > 1 && !session.args.has("recursive")) {
    HF_TRY(const auto entries,
           backup::list_folder(*session.repository, snapshot, session.args.words[1]));
    for (const backup::ListedNode& entry : entries) {
      show(entry);
    }
    return kExitOk;
  }
  const std::string path = session.args.words.size() > 1 ? session.args.words[1] : "/";
  HF_TRY_VOID(backup::walk_snapshot(*session.repository, snapshot, path, show));
  return kExitOk;
}

Result<int> repo_stats(RepoSession& session) {
  HF_TRY(const auto chosen, session.snapshots_of_words(0));
  std::vector<repo::SnapshotId> ids;
  for (const repo::Snapshot& snapshot : chosen) {
    ids.push_back(snapshot.id);
  }
  HF_TRY(const repo::Stats stats, repo::stats(*session.repository, ids));
  const double ratio = stats.raw_stored_bytes == 0
                           ? 1.0
                           : static_cast<double>(stats.raw_plain_bytes) /
                                 static_cast<double>(stats.raw_stored_bytes);
  if (session.json()) {
    session.print_json(JsonObject{{"total_size", stats.restore_bytes},
                                  {"total_file_count", stats.restore_files},
                                  {"snapshots_count", stats.snapshots},
                                  {"total_blob_count", stats.raw_chunks},
                                  {"total_uncompressed_size", stats.raw_plain_bytes},
                                  {"compression_ratio", ratio},
                                  {"raw_size", stats.raw_stored_bytes},
                                  {"repository_size", stats.repository_bytes}});
    return kExitOk;
  }
  session.print(fmt::format("{} snapshots, {} files, {} to restore", stats.snapshots,
                            stats.restore_files, format_bytes(stats.restore_bytes)));
  session.print(fmt::format("{} chunks, {} stored in {}, compressed {:.2f} times", stats.raw_chunks,
                            format_bytes(stats.raw_plain_bytes),
                            format_bytes(stats.raw_stored_bytes), ratio));
  return kExitOk;
}

Result<int> repo_cat(RepoSession& session) {
  const auto& words = session.args.words;
  const std::string what = words.empty() ? "" : words[0];
  const std::string id = words.size() > 1 ? words[1] : "";
  if (what == "config") {
    const repo::Config& config = session.repository->config();
    fmt::print("{}", to_pretty_text(JsonObject{
                         {"version", config.version},
                         {"id", config.id},
                         {"chunker_polynomial", fmt::format("{:x}", config.polynomial)}}));
    return kExitOk;
  }
  if (what == "snapshot") {
    HF_TRY(const repo::Snapshot snapshot, session.repository->find_snapshot(id));
    HF_TRY_VOID(print_object(session, blob::ObjectType::kSnapshot, snapshot.id.hex()));
    return kExitOk;
  }
  if (!blob::is_object_name(id)) {
    return Error(Code::kInvalidArgument,
                 "cat needs one of config, snapshot, index, lock, key, blob, pack and a full id");
  }
  if (what == "index" || what == "lock") {
    HF_TRY_VOID(print_object(
        session, what == "index" ? blob::ObjectType::kIndex : blob::ObjectType::kLock, id));
    return kExitOk;
  }
  if (what == "blob") {
    HF_TRY_VOID(print_blob(session, id));
    return kExitOk;
  }
  const bool pack = what == "pack";
  if (!pack && what != "key") {
    return Error(Code::kInvalidArgument, fmt::format("cat does not know '{}'", what));
  }
  HF_TRY(const Buffer bytes,
         session.repository->get({pack ? blob::ObjectType::kPack : blob::ObjectType::kKey, id}));
  std::fwrite(bytes.data(), 1, bytes.size(), stdout);
  return kExitOk;
}

}  // namespace holdfast::cli
