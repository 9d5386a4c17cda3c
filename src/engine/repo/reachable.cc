#include "engine/repo/reachable.h"

namespace holdfast::repo {

Error stopped() { return Error(Code::kCancelled, "the work was stopped"); }

Status walk_trees(Repository& repository, const std::vector<ChunkId>& roots,
                  const WalkOptions& options, Reachable& found) {
  std::vector<ChunkId> open(roots.rbegin(), roots.rend());
  while (!open.empty()) {
    const ChunkId id = open.back();
    open.pop_back();
    if (!found.trees.insert(id).second) {
      continue;
    }
    if (options.stop.stop_requested()) {
      return stopped();
    }
    const auto tree = repository.load_tree(id);
    if (!tree) {
      if (!options.on_error) {
        return tree.error();
      }
      options.on_error(tree.error());
      continue;
    }
    if (options.on_tree) {
      options.on_tree(id, *tree);
    }
    for (auto node = tree->nodes.rbegin(); node != tree->nodes.rend(); ++node) {
      if (node->type == NodeType::kDir) {
        open.push_back(node->subtree);
      } else if (node->content) {
        found.data.insert(node->content->begin(), node->content->end());
      }
    }
  }
  return {};
}

}  // namespace holdfast::repo
