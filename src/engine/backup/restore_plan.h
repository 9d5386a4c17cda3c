// What a restore has to do, entry by entry; made by looking at snapshot and target, touching
// nothing.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/backup/restore.h"

namespace holdfast::backup {

enum class Action {
  kCreate,
  kReplace,
  kKeep,      // as the snapshot has it, or not to be overwritten
  kTraverse,  // a folder above an included path that exists: left alone
};

struct RestoreItem {
  std::string path;  // relative to the target; empty: the target itself
  repo::Node node;
  Action action = Action::kCreate;
  // Of a hard-link group: which item has the bytes; this one's own index when it is the first.
  std::size_t leader = SIZE_MAX;
};

struct RestoreWork {
  std::vector<RestoreItem> items;    // folders before what is in them
  std::vector<std::string> deletes;  // relative, in order of the tree
};

Result<RestoreWork> plan_work(repo::Repository& repository, const RestoreOptions& options);

}  // namespace holdfast::backup
