#include "engine/backup/list.h"

#include <fmt/core.h>

#include <algorithm>

#include "engine/backup/exclude.h"
#include "engine/backup/local_tree.h"

namespace holdfast::backup {
namespace {

using repo::Node;
using repo::NodeType;

// False once the visitor has had enough.
Result<bool> walk(repo::Repository& repository, const repo::ChunkId& id, const std::string& path,
                  const std::function<bool(const ListedNode&)>& visit) {
  HF_TRY(repo::Tree tree, repository.load_tree(id));
  for (Node& node : tree.nodes) {
    ListedNode listed{join_path(path, node.name), std::move(node)};
    if (!visit(listed)) {
      return false;
    }
    if (listed.node.type == NodeType::kDir) {
      HF_TRY(const bool more, walk(repository, listed.node.subtree, listed.path, visit));
      if (!more) {
        return false;
      }
    }
  }
  return true;
}

std::string normal_path(const std::string& path) {
  std::string normal;
  for (const std::string& part : split_path(path)) {
    normal += "/" + part;
  }
  return normal.empty() ? "/" : normal;
}

}  // namespace

Result<Node> find_node(repo::Repository& repository, const repo::Snapshot& snapshot,
                       const std::string& path) {
  Node node;
  node.type = NodeType::kDir;
  node.mode = repo::go_mode(NodeType::kDir, 0755);
  node.subtree = snapshot.tree;
  for (const std::string& part : split_path(path)) {
    const Error absent(Code::kNotFound,
                       fmt::format("the snapshot {} has no '{}'", snapshot.id.short_hex(), path));
    if (node.type != NodeType::kDir) {
      return absent;
    }
    HF_TRY(repo::Tree tree, repository.load_tree(node.subtree));
    const auto found = std::find_if(tree.nodes.begin(), tree.nodes.end(),
                                    [&](const Node& entry) { return entry.name == part; });
    if (found == tree.nodes.end()) {
      return absent;
    }
    node = std::move(*found);
  }
  return node;
}

Status walk_snapshot(repo::Repository& repository, const repo::Snapshot& snapshot,
                     const std::string& path, const std::function<bool(const ListedNode&)>& visit) {
  HF_TRY(Node node, find_node(repository, snapshot, path));
  if (node.type != NodeType::kDir) {
    visit({normal_path(path), std::move(node)});
    return {};
  }
  return status_of(walk(repository, node.subtree, normal_path(path), visit));
}

Result<std::vector<ListedNode>> list_folder(repo::Repository& repository,
                                            const repo::Snapshot& snapshot,
                                            const std::string& path) {
  HF_TRY(Node node, find_node(repository, snapshot, path));
  std::vector<ListedNode> entries;
  if (node.type != NodeType::kDir) {
    entries.push_back({normal_path(path), std::move(node)});
    return entries;
  }
  HF_TRY(repo::Tree tree, repository.load_tree(node.subtree));
  for (Node& entry : tree.nodes) {
    entries.push_back({join_path(normal_path(path), entry.name), std::move(entry)});
  }
  return entries;
}

}  // namespace holdfast::backup
