// The pieces that walker, readers and completion hand to one another; private to the archiver.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/backup/archiver.h"

namespace holdfast::backup {

// The folders above the targets, and the targets, as one tree of names.
struct Archiver::Place {
  std::string name;
  std::string live_path;
  std::map<std::string, Place> children;
  std::optional<Target> target;

  void add(const Target& wanted) {
    Place* place = this;
    std::string path = wanted.live_path.starts_with('/') ? "/" : "";
    for (const std::string& part : split_path(wanted.live_path)) {
      if (part == ".") {
        continue;
      }
      path = join_path(path, part);
      place = &place->children[part];
      place->name = part;
      place->live_path = path;
    }
    place->target = wanted;
  }
};

struct Archiver::Directory {
  static constexpr std::size_t kWalker = SIZE_MAX;

  std::shared_ptr<Directory> parent;  // none: the root
  std::size_t slot = 0;               // in the parent
  repo::Node node;
  std::string path;  // live
  repo::ChunkId old_subtree;
  std::vector<std::optional<repo::Node>> nodes;
  std::atomic<std::size_t> pending{0};

  void open(std::size_t entries) {
    nodes.resize(entries);
    pending = entries + 1;
  }
};

struct Archiver::FileJob {
  std::shared_ptr<Directory> directory;
  std::size_t slot = 0;
  repo::Node node;
  std::string read_path;
  std::string live_path;
  bool known = false;  // the parent snapshot has a file of this name
};

// One reading of a file: its chunks come back from several threads, in any order.
struct Archiver::Attempt {
  std::shared_ptr<FileJob> job;
  std::mutex mutex;
  std::vector<repo::ChunkId> ids;
  std::size_t pending = 1;  // chunks on their way, and one for the reader
  bool discarded = false;   // the file changed meanwhile; another attempt counts
};

}  // namespace holdfast::backup
