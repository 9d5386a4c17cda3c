#include "engine/backup/restore_plan.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "engine/backup/exclude.h"
#include "engine/backup/list.h"
#include "engine/backup/local_tree.h"
#include "engine/backup/same_bytes.h"

namespace holdfast::backup {
namespace {

using repo::Node;
using repo::NodeType;
using Parts = std::vector<std::string>;

class Planner {
 public:
  Planner(repo::Repository& repository, const RestoreOptions& options)
      : repository_(repository), options_(options) {
    for (const std::string& path : options.include) {
      includes_.push_back(split_path(path));
    }
    matched_.resize(includes_.size());
  }

  Result<RestoreWork> run() {
    HF_TRY(const repo::Snapshot snapshot, repository_.snapshot(options_.snapshot));
    HF_TRY(Node root, find_node(repository_, snapshot, options_.root));
    if (root.type != NodeType::kDir) {
      return Error(Code::kInvalidArgument,
                   fmt::format("'{}' is no folder of the snapshot; restore its folder and include "
                               "the file's name",
                               options_.root));
    }
    const repo::ChunkId tree = root.subtree;
    if (!split_path(options_.root).empty() && includes_.empty()) {
      add("", std::move(root));  // the target takes the folder's own metadata
    }
    HF_TRY_VOID(collect(tree, "", {}, includes_.empty()));
    for (std::size_t i = 0; i < includes_.size(); ++i) {
      if (!matched_[i]) {
        return Error(Code::kNotFound,
                     fmt::format("the snapshot {} has no '{}'", snapshot.id.short_hex(),
                                 join_path(options_.root, options_.include[i])));
      }
    }
    return std::move(work_);
  }

 private:
  enum class Wanted { kNo, kAbove, kYes };

  // Whether `parts` is included, lies above something included, or neither.
  Wanted wanted(const Parts& parts) {
    Wanted best = Wanted::kNo;
    for (std::size_t i = 0; i < includes_.size(); ++i) {
      const Parts& include = includes_[i];
      const std::size_t common = std::min(include.size(), parts.size());
      if (!std::equal(parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(common),
                      include.begin())) {
        continue;
      }
      if (include.size() <= parts.size()) {
        matched_[i] = true;
        return Wanted::kYes;
      }
      best = Wanted::kAbove;
    }
    return best;
  }

  Status collect(const repo::ChunkId& id, const std::string& path, const Parts& parts,
                 bool everything) {
    HF_TRY(repo::Tree tree, repository_.load_tree(id));
    if (everything && options_.delete_extra) {
      find_extra(path, tree);
    }
    for (Node& node : tree.nodes) {
      if (options_.stop.stop_requested()) {
        return Error(Code::kCancelled, "the restore was stopped");
      }
      Parts below = parts;
      below.push_back(node.name);
      const Wanted want = everything ? Wanted::kYes : wanted(below);
      if (want == Wanted::kNo || (want == Wanted::kAbove && node.type != NodeType::kDir)) {
        continue;
      }
      const std::string inner = join_path(path, node.name);
      const bool is_folder = node.type == NodeType::kDir;
      const repo::ChunkId subtree = node.subtree;
      add(inner, std::move(node), want == Wanted::kAbove);
      if (is_folder) {
        HF_TRY_VOID(collect(subtree, inner, below, want == Wanted::kYes));
      }
    }
    return {};
  }

  void add(const std::string& path, Node node, bool above = false) {
    if (node.type == NodeType::kSocket || node.type == NodeType::kIrregular) {
      return;
    }
    RestoreItem item;
    item.path = path;
    item.action = action_for(join_path(options_.target, path), node, above);
    if (node.links > 1 && node.type != NodeType::kDir) {
      const auto key = std::pair(node.device_id, node.inode);
      item.leader = leaders_.emplace(key, work_.items.size()).first->second;
    }
    item.node = std::move(node);
    work_.items.push_back(std::move(item));
  }

  Action action_for(const std::string& path, const Node& node, bool above) const {
    const auto info = stat_entry(path);
    if (!info) {
      return Action::kCreate;
    }
    const bool same_type = type_of(info->st_mode) == node.type;
    if (same_type && node.type == NodeType::kDir) {
      return above ? Action::kTraverse : Action::kKeep;
    }
    if (options_.overwrite == Overwrite::kNever) {
      return Action::kKeep;
    }
    const bool looks =
        same_type && options_.overwrite != Overwrite::kAlways && looks_the_same(path, *info, node);
    const bool kept = looks && (options_.overwrite == Overwrite::kIfChanged || is_same(path, node));
    return kept ? Action::kKeep : Action::kReplace;
  }

  // What cannot be read is not the same.
  bool is_same(const std::string& path, const Node& node) const {
    auto attributes = read_attributes(path);
    auto wanted = node.extended_attributes;
    if (!attributes) {
      return false;
    }
    std::sort(attributes->begin(), attributes->end());
    std::sort(wanted.begin(), wanted.end());
    if (*attributes != wanted || node.type != NodeType::kFile) {
      return *attributes == wanted;
    }
    const auto file = open_for_reading(path);
    return file && has_bytes_of(repository_, node, file->get(), path).value_or(false);
  }

  bool looks_the_same(const std::string& path, const struct stat& info, const Node& node) const {
    const bool owner = !options_.owners || (info.st_uid == node.uid && info.st_gid == node.gid);
    if (!owner || time_of(info.st_mtim) != node.mtime) {
      return false;
    }
    if (node.type == NodeType::kSymlink) {
      const auto target = read_link(path);
      return target && *target == node.link_target;
    }
    const bool mode = (info.st_mode & 07777) == repo::posix_permissions(node.mode);
    const bool size =
        node.type != NodeType::kFile || static_cast<std::uint64_t>(info.st_size) == node.size;
    return mode && size && info.st_rdev == node.device;
  }

  void find_extra(const std::string& path, const repo::Tree& tree) {
    const auto names = list_names(join_path(options_.target, path));
    if (!names) {
      return;  // not there: nothing extra
    }
    std::set<std::string> kept;
    for (const Node& node : tree.nodes) {
      kept.insert(node.name);
    }
    for (const std::string& name : *names) {
      if (!kept.contains(name)) {
        work_.deletes.push_back(join_path(path, name));
      }
    }
  }

  repo::Repository& repository_;
  const RestoreOptions& options_;
  std::vector<Parts> includes_;
  std::vector<bool> matched_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::size_t> leaders_;
  RestoreWork work_;
};

void note(std::vector<std::string>& paths, const std::string& path) {
  if (paths.size() < kMaxPlanPaths) {
    paths.push_back(path);
  }
}

}  // namespace

Result<RestoreWork> plan_work(repo::Repository& repository, const RestoreOptions& options) {
  if (options.target.empty()) {
    return Error(Code::kInvalidArgument, "a restore needs a target directory");
  }
  return Planner(repository, options).run();
}

Result<RestorePlan> plan_restore(repo::Repository& repository, const RestoreOptions& options) {
  HF_TRY(const RestoreWork work, plan_work(repository, options));
  RestorePlan plan;
  for (std::size_t i = 0; i < work.items.size(); ++i) {
    const RestoreItem& item = work.items[i];
    const bool has_bytes = item.leader == SIZE_MAX || item.leader == i;
    const std::uint64_t bytes = has_bytes ? item.node.size : 0;
    switch (item.action) {
      case Action::kCreate:
        ++plan.creates;
        plan.bytes += bytes;
        note(plan.create_paths, item.path);
        break;
      case Action::kReplace:
        ++plan.overwrites;
        plan.bytes += bytes;
        note(plan.overwrite_paths, item.path);
        break;
      case Action::kKeep:
      case Action::kTraverse:
        ++plan.unchanged;
        break;
    }
  }
  plan.deletes = work.deletes.size();
  plan.delete_paths.assign(work.deletes.begin(),
                           work.deletes.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                      work.deletes.size(), kMaxPlanPaths)));
  return plan;
}

}  // namespace holdfast::backup
