// Everything that snapshots reach: the walk that check, prune, copy and stats share.
#pragma once

#include <functional>
#include <stop_token>
#include <unordered_set>
#include <vector>

#include "engine/repo/repository.h"

namespace holdfast::repo {

struct Reachable {
  std::unordered_set<ChunkId> trees;
  std::unordered_set<ChunkId> data;
};

struct WalkOptions {
  std::stop_token stop;
  // A tree that cannot be read: report it and go on; none: the walk fails with it.
  std::function<void(const Error&)> on_error;
  // Each tree once, parents before children.
  std::function<void(const ChunkId&, const Tree&)> on_tree;
};

// Adds what the trees below `roots` reach to `found`; trees that are in `found` already are not
// walked again. Loads each tree once.
Status walk_trees(Repository& repository, const std::vector<ChunkId>& roots,
                  const WalkOptions& options, Reachable& found);

Error stopped();  // kCancelled

}  // namespace holdfast::repo
