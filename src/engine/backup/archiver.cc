// The walker and the completion of directories.
//
// A directory holds one slot per entry and counts the slots still open, plus one for the walker
// while it is inside. Whoever fills the last slot writes the tree and fills the slot in the parent,
// up to the root. An entry that cannot be read leaves its slot empty and is listed as a problem; a
// failure of the repository ends the run.
#include "engine/backup/archiver.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "core/base/check.h"
#include "engine/backup/archiver_parts.h"

namespace holdfast::backup {

using repo::ChunkKind;
using repo::Node;
using repo::NodeType;
using repo::Tree;

namespace {

const Node* find_node(const Tree* tree, const std::string& name) {
  if (tree == nullptr) {
    return nullptr;
  }
  const auto found = std::lower_bound(
      tree->nodes.begin(), tree->nodes.end(), name,
      [](const Node& node, const std::string& wanted) { return node.name < wanted; });
  return found != tree->nodes.end() && found->name == name ? &*found : nullptr;
}

}  // namespace

Archiver::Archiver(repo::Repository& repository, const BackupOptions& options)
    : repository_(repository),
      options_(options),
      excludes_(options.excludes),
      tables_(repository.config().polynomial),
      writer_(repository, options.writer) {}

Archiver::~Archiver() {
  files_.close();
  for (std::thread& reader : readers_) {
    reader.join();
  }
}

Result<repo::ChunkId> Archiver::run(const repo::ChunkId& parent_tree) {
  Place top;
  for (const Target& target : options_.targets) {
    top.add(target);
  }
  for (int i = 0; i < options_.readers; ++i) {
    readers_.emplace_back([this] { read_files(); });
  }
  std::optional<Tree> old;
  if (!parent_tree.is_zero()) {
    if (auto loaded = repository_.load_tree(parent_tree)) {
      old = std::move(*loaded);
    }
  }
  const auto root = std::make_shared<Directory>();
  Status walked = walk_virtual(root, top, old ? &*old : nullptr);
  if (walked && targets_found_ == 0) {
    walked = Error(Code::kNotFound, "none of the paths to back up can be read")
                 .with("path", options_.targets.empty() ? "" : options_.targets[0].live_path);
  }
  if (!walked) {
    fail(walked.error());
  }
  files_.close();
  for (std::thread& reader : readers_) {
    reader.join();
  }
  readers_.clear();
  const Status stored = writer_.finish();
  HF_TRY_VOID(failure());
  HF_TRY_VOID(stored);
  if (!root_) {
    HF_BUG("a backup ended without a root tree");
    return Error(Code::kInternal, "the backup ended without a root tree");
  }
  return *root_;
}

// --- walker

Status Archiver::walk_virtual(const DirectoryPtr& into, const Place& place, const Tree* old) {
  into->open(place.children.size());
  std::size_t slot = 0;
  for (const auto& [name, child] : place.children) {
    HF_TRY_VOID(walk_place(into, slot++, child, find_node(old, name)));
  }
  complete(into, Directory::kWalker, std::nullopt);
  return {};
}

Status Archiver::walk_place(const DirectoryPtr& into, std::size_t slot, const Place& place,
                            const Node* old) {
  if (!place.target) {
    const auto directory = std::make_shared<Directory>();
    directory->parent = into;
    directory->slot = slot;
    directory->node = virtual_node(place);
    directory->path = place.live_path;
    const auto tree = old_tree(old);
    directory->old_subtree = old == nullptr ? repo::ChunkId() : old->subtree;
    return walk_virtual(directory, place, tree ? &*tree : nullptr);
  }
  const Target& target = *place.target;
  const std::string read_path = target.read_path.empty() ? target.live_path : target.read_path;
  HF_TRY(auto node, read_entry(read_path, target.live_path, place.name));
  if (!node) {
    if (problem_count_ == 0) {
      problem(Problem::Kind::kUnreadable, target.live_path, "it does not exist");
    }
    complete(into, slot, std::nullopt);
    return {};
  }
  ++targets_found_;
  target_device_ = node->device_id;
  return walk_entry(into, slot, std::move(*node), read_path, old);
}

Status Archiver::walk_directory(const DirectoryPtr& directory, const std::string& read_path,
                                const Tree* old) {
  const auto names = list_names(read_path);
  if (!names) {
    problem(Problem::Kind::kUnreadable, directory->path, names.error().to_string());
    directory->open(0);
    complete(directory, Directory::kWalker, std::nullopt);
    return {};
  }
  directory->open(names->size());
  for (std::size_t slot = 0; slot < names->size(); ++slot) {
    if (options_.stop.stop_requested()) {
      return Error(Code::kCancelled, "the backup was stopped");
    }
    HF_TRY_VOID(failure());
    const std::string& name = (*names)[slot];
    const std::string live_path = join_path(directory->path, name);
    if (excludes_.matches(live_path)) {
      complete(directory, slot, std::nullopt);
      continue;
    }
    const std::string path = join_path(read_path, name);
    HF_TRY(auto node, read_entry(path, live_path, name));
    const bool foreign = node && options_.one_file_system && node->device_id != target_device_;
    if (!node || foreign) {
      complete(directory, slot, std::nullopt);
      continue;
    }
    HF_TRY_VOID(walk_entry(directory, slot, std::move(*node), path, find_node(old, name)));
  }
  complete(directory, Directory::kWalker, std::nullopt);
  return {};
}

Status Archiver::walk_entry(const DirectoryPtr& into, std::size_t slot, Node node,
                            const std::string& read_path, const Node* old) {
  const std::string live_path = join_path(into->path, node.name);
  if (node.type == NodeType::kDir) {
    const auto directory = std::make_shared<Directory>();
    directory->parent = into;
    directory->slot = slot;
    directory->path = live_path;
    apply_device(node);
    directory->node = std::move(node);
    const auto tree = old_tree(old);
    directory->old_subtree = old == nullptr ? repo::ChunkId() : old->subtree;
    return walk_directory(directory, read_path, tree ? &*tree : nullptr);
  }
  if (node.type != NodeType::kFile) {
    apply_device(node);
    complete(into, slot, std::move(node));
    return {};
  }
  if (old != nullptr && is_unchanged(node, *old)) {
    node.content = old->content;
    count_file(node, /*known=*/true, /*unmodified=*/true);
    apply_device(node);
    complete(into, slot, std::move(node));
    return {};
  }
  auto job = std::make_shared<FileJob>();
  job->directory = into;
  job->slot = slot;
  job->node = std::move(node);
  job->read_path = read_path;
  job->live_path = live_path;
  job->known = old != nullptr;
  files_.push(std::move(job));
  return {};
}

// The entry with all its metadata; nothing when it is left out: vanished, a socket, unreadable.
Result<std::optional<Node>> Archiver::read_entry(const std::string& read_path,
                                                 const std::string& live_path,
                                                 const std::string& name) {
  const auto info = stat_entry(read_path);
  if (!info) {
    if (info.error().code() != Code::kNotFound) {
      problem(Problem::Kind::kUnreadable, live_path, info.error().to_string());
    }
    return std::optional<Node>();
  }
  Node node = node_from_stat(name, *info, names_);
  if (node.type == NodeType::kSocket || node.type == NodeType::kIrregular) {
    return std::optional<Node>();
  }
  if (options_.with_atime) {
    node.atime = time_of(info->st_atim);
  }
  if (node.type == NodeType::kSymlink) {
    auto target = read_link(read_path);
    if (!target) {
      problem(Problem::Kind::kUnreadable, live_path, target.error().to_string());
      return std::optional<Node>();
    }
    node.link_target = std::move(*target);
  }
  auto attributes = read_attributes(read_path);
  if (attributes) {
    node.extended_attributes = std::move(*attributes);
  } else if (attributes.error().code() != Code::kNotFound) {
    problem(Problem::Kind::kUnreadable, live_path, attributes.error().to_string());
  }
  return std::optional(std::move(node));
}

std::optional<Tree> Archiver::old_tree(const Node* old) {
  if (old == nullptr || old->type != NodeType::kDir ||
      !repository_.has_chunk(ChunkKind::kTree, old->subtree)) {
    return std::nullopt;
  }
  auto tree = repository_.load_tree(old->subtree);
  return tree ? std::optional(std::move(*tree)) : std::nullopt;  // damage: read everything anew
}

bool Archiver::is_unchanged(const Node& node, const Node& old) const {
  return old.type == NodeType::kFile && old.content && node.size == old.size &&
         node.mtime == old.mtime && node.ctime == old.ctime && node.inode == old.inode &&
         std::all_of(old.content->begin(), old.content->end(), [this](const repo::ChunkId& id) {
           return repository_.has_chunk(ChunkKind::kData, id);
         });
}

// A folder above the targets: its metadata is that of the live one, if there is one.
Node Archiver::virtual_node(const Place& place) {
  struct stat info{};
  if (::stat(place.live_path.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
    info = {};
    info.st_mode = S_IFDIR | 0755;
  }
  Node node = node_from_stat(place.name, info, names_);
  if (auto attributes = read_attributes(place.live_path)) {
    node.extended_attributes = std::move(*attributes);
  }
  return node;
}

void Archiver::apply_device(Node& node) const {
  if (options_.device_id && node.device_id == target_device_) {
    node.device_id = *options_.device_id;
  }
}

// --- completion

void Archiver::complete(DirectoryPtr directory, std::size_t slot, std::optional<Node> node) {
  while (directory) {
    if (slot != Directory::kWalker) {
      directory->nodes[slot] = std::move(node);
    }
    if (--directory->pending != 0 || !save_directory(*directory)) {
      return;
    }
    slot = directory->slot;
    node = std::move(directory->node);
    directory = std::move(directory->parent);
  }
}

// Stores the tree; false after a failure or when this was the root.
bool Archiver::save_directory(Directory& directory) {
  Tree tree;
  tree.nodes.reserve(directory.nodes.size());
  for (std::optional<Node>& node : directory.nodes) {
    if (node) {
      tree.nodes.push_back(std::move(*node));
    }
  }
  directory.nodes = {};
  const std::string text = encode_tree(tree);
  const auto saved = writer_.save(ChunkKind::kTree, as_bytes(text));
  if (!saved) {
    fail(saved.error());
    return false;
  }
  if (!directory.parent) {
    const std::lock_guard lock(mutex_);
    root_ = saved->id;
    return false;
  }
  directory.node.subtree = saved->id;
  if (directory.old_subtree.is_zero()) {
    ++counters_.dirs_new;
  } else {
    ++(directory.old_subtree == saved->id ? counters_.dirs_unmodified : counters_.dirs_changed);
  }
  return true;
}

void Archiver::count_file(const Node& node, bool known, bool unmodified) {
  ++(unmodified ? counters_.files_unmodified
     : known    ? counters_.files_changed
                : counters_.files_new);
  ++counters_.files;
  counters_.bytes += node.size;
  if (options_.progress != nullptr) {
    ++options_.progress->files_done;
    options_.progress->bytes_done += unmodified ? node.size : 0;
  }
}

void Archiver::problem(Problem::Kind kind, const std::string& path, const std::string& message) {
  ++problem_count_;
  if (options_.progress != nullptr) {
    ++options_.progress->errors;
  }
  const std::lock_guard lock(mutex_);
  if (problems_.size() < kMaxProblems) {
    problems_.push_back({kind, path, message});
  }
}

void Archiver::fail(const Error& error) {
  const std::lock_guard lock(mutex_);
  if (!error_) {
    error_ = error;
  }
  failed_ = true;
}

Status Archiver::failure() {
  if (!failed_) {
    return {};
  }
  const std::lock_guard lock(mutex_);
  return *error_;
}

repo::SnapshotSummary Archiver::counts() const {
  const repo::WriterTotals totals = writer_.totals();
  repo::SnapshotSummary summary;
  summary.files_new = counters_.files_new;
  summary.files_changed = counters_.files_changed;
  summary.files_unmodified = counters_.files_unmodified;
  summary.dirs_new = counters_.dirs_new;
  summary.dirs_changed = counters_.dirs_changed;
  summary.dirs_unmodified = counters_.dirs_unmodified;
  summary.data_blobs = totals.data_chunks;
  summary.tree_blobs = totals.tree_chunks;
  summary.data_added = totals.plain_bytes;
  summary.data_added_packed = totals.stored_bytes;
  summary.total_files_processed = counters_.files;
  summary.total_bytes_processed = counters_.bytes;
  return summary;
}

}  // namespace holdfast::backup
