// One walk over two sorted trees. A side lists a folder as nodes and can have a file's bytes
// compared with an open file of the source; the kept copy is a snapshot or a directory, the source
// always a directory. Hard-link groups are the same when each group of one side is one group of the
// other.
#include "engine/backup/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "engine/backup/exclude.h"
#include "engine/backup/list.h"
#include "engine/backup/local_tree.h"
#include "engine/backup/same_bytes.h"

namespace holdfast::backup {
namespace {

using repo::Node;
using repo::NodeType;
using Nodes = std::vector<Node>;

class KeptSide {
 public:
  virtual ~KeptSide() = default;
  // Sorted by name; `folder` is the node of the folder at `path`.
  virtual Result<Nodes> list(const std::string& path, const Node& folder) = 0;
  // Whether the bytes of the kept file equal those behind `source_fd`, `size` bytes each.
  virtual Result<bool> same_bytes(const std::string& path, const Node& node, int source_fd,
                                  const std::string& source_path) = 0;
};

class Directories {
 public:
  Result<Node> entry(const std::string& path, const std::string& name) {
    HF_TRY(const struct stat info, stat_entry(path));
    Node node = node_from_stat(name, info, names_);
    if (node.type == NodeType::kSymlink) {
      HF_TRY(node.link_target, read_link(path));
    }
    HF_TRY(node.extended_attributes, read_attributes(path));
    return node;
  }
  Result<Nodes> list(const std::string& path) {
    HF_TRY(const auto names, list_names(path));
    Nodes nodes;
    for (const std::string& name : names) {
      auto node = entry(join_path(path, name), name);
      if (node) {
        nodes.push_back(std::move(*node));
      } else if (node.error().code() != Code::kNotFound) {
        return node.error();
      }
    }
    return nodes;
  }

 private:
  OwnerNames names_;
};

class SnapshotSide final : public KeptSide {
 public:
  explicit SnapshotSide(repo::Repository& repository) : repository_(repository) {}
  Result<Nodes> list(const std::string&, const Node& folder) override {
    HF_TRY(repo::Tree tree, repository_.load_tree(folder.subtree));
    return std::move(tree.nodes);
  }
  Result<bool> same_bytes(const std::string&, const Node& node, int source_fd,
                          const std::string& source_path) override {
    return has_bytes_of(repository_, node, source_fd, source_path);
  }

 private:
  repo::Repository& repository_;
};

class DirectorySide final : public KeptSide {
 public:
  explicit DirectorySide(std::string root) : root_(std::move(root)) {}
  Result<Nodes> list(const std::string& path, const Node&) override {
    return directories_.list(join_path(root_, path));
  }
  Result<bool> same_bytes(const std::string& path, const Node&, int source_fd,
                          const std::string& source_path) override {
    const std::string own = join_path(root_, path);
    HF_TRY(const Descriptor file, open_for_reading(own));
    return have_same_bytes(file.get(), own, source_fd, source_path);
  }

 private:
  std::string root_;
  Directories directories_;
};

std::string owner_text(const Node& node) { return fmt::format("{}:{}", node.uid, node.gid); }

Nodes without_sockets(Nodes nodes) {
  std::erase_if(nodes, [](const Node& node) {
    return node.type == NodeType::kSocket || node.type == NodeType::kIrregular;
  });
  return nodes;
}

std::vector<repo::ExtendedAttribute> sorted_attributes(const Node& node) {
  auto attributes = node.extended_attributes;
  std::sort(attributes.begin(), attributes.end());
  return attributes;
}

class Comparer {
 public:
  Comparer(KeptSide& kept, std::string source, const CompareOptions& options)
      : kept_(kept), source_(std::move(source)), options_(options), excludes_(options.excludes) {}

  // `root` is the node of the kept folder; its own metadata counts when `compare_root`.
  Result<CompareReport> run(const Node& root, bool compare_root) {
    HF_TRY(const Node source, directories_.entry(source_, root.name));
    if (source.type != NodeType::kDir) {
      return Error(Code::kInvalidArgument, fmt::format("'{}' is no directory", source_));
    }
    if (compare_root) {
      compare_pair("", root, source);
    }
    HF_TRY_VOID(walk("", root, source));
    return std::move(report_);
  }

 private:
  static void note(std::vector<std::string>& paths, const std::string& path) {
    if (paths.size() < kMaxDifferences) {
      paths.push_back(path);
    }
  }
  bool changed_since(const Node& source) const {
    return options_.consistency_time && source.ctime > *options_.consistency_time;
  }
  void unreadable(const std::string& path, const Error& error) {
    if (report_.problems.size() < kMaxProblems) {
      report_.problems.push_back({Problem::Kind::kUnreadable, path, error.to_string()});
    }
  }
  void count_changed(const std::string& path) {
    ++report_.changed_since;
    note(report_.changed_since_paths, path);
  }

  Status walk(const std::string& path, const Node& kept, const Node& source) {
    auto left = kept_.list(path, kept);
    auto right = directories_.list(join_path(source_, path));
    if (!left || !right) {
      unreadable(path, left ? right.error() : left.error());
      return {};
    }
    const Nodes a = without_sockets(std::move(*left));
    const Nodes b = without_sockets(std::move(*right));
    std::size_t i = 0;
    std::size_t k = 0;
    while (i < a.size() || k < b.size()) {
      if (options_.stop.stop_requested()) {
        return Error(Code::kCancelled, "the comparison was stopped");
      }
      const bool only_kept = k == b.size() || (i < a.size() && a[i].name < b[k].name);
      const bool only_source = !only_kept && (i == a.size() || b[k].name < a[i].name);
      const Node& node = only_source ? b[k] : a[i];
      const std::string inner = join_path(path, node.name);
      if (excludes_.matches(inner)) {
        // left out on both sides
      } else if (only_kept) {
        missing(inner, source);
      } else if (only_source) {
        extra(inner, b[k], source);
      } else {
        HF_TRY_VOID(both(inner, a[i], b[k]));
      }
      i += only_source ? 0 : 1;
      k += only_kept ? 0 : 1;
    }
    return {};
  }

  void missing(const std::string& path, const Node& source_folder) {
    if (changed_since(source_folder)) {
      count_changed(path);
      return;
    }
    ++report_.missing;
    note(report_.missing_paths, path);
  }

  void extra(const std::string& path, const Node& node, const Node& source_folder) {
    if (changed_since(node) || changed_since(source_folder)) {
      count_changed(path);
      return;
    }
    ++report_.extra;
    note(report_.extra_paths, path);
  }

  Status both(const std::string& path, const Node& kept, const Node& source) {
    compare_pair(path, kept, source);
    if (kept.type == NodeType::kDir && source.type == NodeType::kDir) {
      return walk(path, kept, source);
    }
    return {};
  }

  void compare_pair(const std::string& path, const Node& kept, const Node& source) {
    ++report_.compared;
    std::vector<std::string> what = metadata_differences(kept, source);
    if (what.empty() && kept.type == NodeType::kFile && options_.bytes) {
      if (const Status read = compare_bytes(path, kept, what); !read) {
        if (changed_since(source) || read.error().code() == Code::kNotFound) {
          count_changed(path);
        } else {
          unreadable(path, read.error());
        }
        return;
      }
    }
    if (options_.progress != nullptr && kept.type != NodeType::kDir) {
      ++options_.progress->files_done;
    }
    if (what.empty()) {
      ++report_.equal;
    } else if (changed_since(source)) {
      count_changed(path);
    } else {
      ++report_.different;
      if (report_.differences.size() < kMaxDifferences) {
        report_.differences.push_back({path, fmt::format("{}", fmt::join(what, ", "))});
      }
    }
  }

  std::vector<std::string> metadata_differences(const Node& kept, const Node& source) {
    if (kept.type != source.type) {
      return {fmt::format("type {} instead of {}", repo::to_text(kept.type),
                          repo::to_text(source.type))};
    }
    std::vector<std::string> what;
    const std::uint32_t kept_mode = repo::posix_permissions(kept.mode);
    const std::uint32_t source_mode = repo::posix_permissions(source.mode);
    if (kept_mode != source_mode && kept.type != NodeType::kSymlink) {
      what.push_back(fmt::format("mode {:o} instead of {:o}", kept_mode, source_mode));
    }
    if (options_.owners && (kept.uid != source.uid || kept.gid != source.gid)) {
      what.push_back(fmt::format("owner {} instead of {}", owner_text(kept), owner_text(source)));
    }
    if (kept.mtime != source.mtime) {
      what.push_back(
          fmt::format("mtime {} instead of {}", to_rfc3339(kept.mtime), to_rfc3339(source.mtime)));
    }
    if (sorted_attributes(kept) != sorted_attributes(source)) {
      what.emplace_back("extended attributes");
    }
    if (kept.link_target != source.link_target) {
      what.emplace_back("link target");
    }
    if (kept.type == NodeType::kFile && kept.size != source.size) {
      what.push_back(fmt::format("size {} instead of {}", kept.size, source.size));
    }
    if (kept.device != source.device) {
      what.emplace_back("device number");
    }
    if (!same_link_group(kept, source)) {
      what.emplace_back("hard links");
    }
    return what;
  }

  bool same_link_group(const Node& kept, const Node& source) {
    if (kept.type == NodeType::kDir || (kept.links <= 1 && source.links <= 1)) {
      return true;
    }
    const FileKey a{kept.device_id, kept.inode};
    const FileKey b{source.device_id, source.inode};
    return groups_.emplace(a, b).first->second == b &&
           source_groups_.emplace(b, a).first->second == a;
  }

  Status compare_bytes(const std::string& path, const Node& kept, std::vector<std::string>& what) {
    const std::string source_path = join_path(source_, path);
    HF_TRY(const Descriptor file, open_for_reading(source_path));
    HF_TRY(const bool same, kept_.same_bytes(path, kept, file.get(), source_path));
    if (!same) {
      what.emplace_back("bytes");
    }
    report_.bytes_compared += kept.size;
    if (options_.progress != nullptr) {
      options_.progress->bytes_done += kept.size;
    }
    return {};
  }

  using FileKey = std::pair<std::uint64_t, std::uint64_t>;

  KeptSide& kept_;
  const std::string source_;
  const CompareOptions& options_;
  const Excludes excludes_;
  Directories directories_;
  CompareReport report_;
  std::map<FileKey, FileKey> groups_;
  std::map<FileKey, FileKey> source_groups_;
};

}  // namespace

Result<CompareReport> compare_snapshot(repo::Repository& repository,
                                       const repo::SnapshotId& snapshot, const std::string& root,
                                       const std::string& source, const CompareOptions& options) {
  HF_TRY(const repo::Snapshot found, repository.snapshot(snapshot));
  HF_TRY(const Node folder, find_node(repository, found, root));
  if (folder.type != NodeType::kDir) {
    return Error(Code::kInvalidArgument, fmt::format("'{}' is no folder of the snapshot", root));
  }
  SnapshotSide kept(repository);
  return Comparer(kept, source, options).run(folder, !split_path(root).empty());
}

Result<CompareReport> compare_directories(const std::string& copy, const std::string& source,
                                          const CompareOptions& options) {
  Directories directories;
  HF_TRY(const Node folder, directories.entry(copy, ""));
  DirectorySide kept(copy);
  return Comparer(kept, source, options).run(folder, /*compare_root=*/true);
}

}  // namespace holdfast::backup
