// Looking into a snapshot.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/repo/repository.h"

namespace holdfast::backup {

struct ListedNode {
  std::string path;  // absolute in the snapshot
  repo::Node node;
};

// The node at an absolute path of the snapshot; kNotFound. "/" has type dir and the root tree.
Result<repo::Node> find_node(repo::Repository& repository, const repo::Snapshot& snapshot,
                             const std::string& path);

// Calls `visit` for every node below `path` in order (directories before their content); `visit`
// answers false to end early. The index is loaded.
Status walk_snapshot(repo::Repository& repository, const repo::Snapshot& snapshot,
                     const std::string& path, const std::function<bool(const ListedNode&)>& visit);

// One folder's entries, or the entry itself when the path names no folder.
Result<std::vector<ListedNode>> list_folder(repo::Repository& repository,
                                            const repo::Snapshot& snapshot,
                                            const std::string& path);

}  // namespace holdfast::backup
