// A tree of nodes under one mutex. Each file keeps its bytes as of the last sync beside the live
// ones, each folder its names as of the last sync_directory; crash() makes the live state from the
// two by chance. A generation number tells open files that the machine went down under them.
#include "core/env/sim/sim_file_system.h"

#include <algorithm>
#include <cerrno>
#include <set>

namespace holdfast::env {

struct SimFileSystem::Node {
  bool directory = false;
  std::uint32_t permissions = 0;
  Buffer data;
  Buffer synced;
  std::map<std::string, std::shared_ptr<Node>> entries;
  std::map<std::string, std::shared_ptr<Node>> synced_entries;
};

struct SimFileSystem::Shared {
  std::mutex mutex;
  std::shared_ptr<Node> root = std::make_shared<Node>();
  std::uint64_t generation = 0;
  std::uint64_t capacity = 0;  // 0: unlimited

  static std::uint64_t bytes_in(const Node& node) {
    std::uint64_t bytes = node.data.size();
    for (const auto& [name, child] : node.entries) {
      bytes += bytes_in(*child);
    }
    return bytes;
  }
  std::uint64_t available() const {
    const std::uint64_t used = bytes_in(*root);
    return used < capacity ? capacity - used : 0;
  }

  std::shared_ptr<Node> find(const std::string& path) {
    std::shared_ptr<Node> node = root;
    for (const std::string& part : split(path)) {
      const auto next = node->entries.find(part);
      if (next == node->entries.end()) {
        return nullptr;
      }
      node = next->second;
    }
    return node;
  }

  std::shared_ptr<Node> folder_of(const std::string& path) {
    const auto folder = find(parent_path(path));
    return folder && folder->directory ? folder : nullptr;
  }

  static std::vector<std::string> split(const std::string& path) {
    std::vector<std::string> parts;
    std::string part;
    for (const char c : path + "/") {
      if (c != '/') {
        part += c;
      } else if (!part.empty()) {
        if (part != ".") {
          parts.push_back(part);
        }
        part.clear();
      }
    }
    return parts;
  }
};

namespace {

using Shared = SimFileSystem::Shared;
using Node = SimFileSystem::Node;

std::string last_name(const std::string& path) { return Shared::split(path).back(); }

class SimFile final : public File {
 public:
  SimFile(std::shared_ptr<Shared> shared, std::shared_ptr<Node> node)
      : shared_(std::move(shared)), node_(std::move(node)), generation_(shared_->generation) {}

  Result<std::size_t> read_at(std::uint64_t offset, MutableByteSpan out) override {
    const std::lock_guard lock(shared_->mutex);
    HF_TRY_VOID(alive());
    const std::size_t size = node_->data.size();
    const std::size_t count = offset >= size ? 0 : std::min<std::size_t>(out.size(), size - offset);
    std::copy_n(node_->data.begin() + static_cast<std::ptrdiff_t>(count == 0 ? 0 : offset), count,
                out.begin());
    return count;
  }
  Status append(ByteSpan data) override {
    const std::lock_guard lock(shared_->mutex);
    HF_TRY_VOID(alive());
    if (shared_->capacity != 0 && data.size() > shared_->available()) {
      return io_error(ENOSPC, "write", "a file of the simulated disk");
    }
    node_->data.insert(node_->data.end(), data.begin(), data.end());
    return {};
  }
  Status sync() override {
    const std::lock_guard lock(shared_->mutex);
    HF_TRY_VOID(alive());
    node_->synced = node_->data;
    return {};
  }
  Status close() override {
    const std::lock_guard lock(shared_->mutex);
    return alive();
  }
  Result<std::uint64_t> size() override {
    const std::lock_guard lock(shared_->mutex);
    HF_TRY_VOID(alive());
    return node_->data.size();
  }

 private:
  Status alive() const {
    return generation_ == shared_->generation
               ? Status()
               : Error(Code::kUnavailable, "the simulated machine lost power");
  }
  std::shared_ptr<Shared> shared_;
  std::shared_ptr<Node> node_;
  std::uint64_t generation_;
};

// What is left of a file whose tail was not synced.
Buffer after_crash(const Node& file, Random& random) {
  const Buffer& live = file.data;
  const Buffer& safe = file.synced;
  const bool grown =
      live.size() > safe.size() && std::equal(safe.begin(), safe.end(), live.begin());
  if (!grown) {
    return random.below(2) == 0 ? safe : live;
  }
  const std::size_t kept = safe.size() + random.below(live.size() - safe.size() + 1);
  Buffer left(live.begin(), live.begin() + static_cast<std::ptrdiff_t>(kept));
  if (random.below(3) == 0) {
    std::fill(left.begin() + static_cast<std::ptrdiff_t>(safe.size()), left.end(), 0);
  }
  return left;
}

void crash_node(Node& node, Random& random) {
  if (!node.directory) {
    node.data = after_crash(node, random);
    node.synced = node.data;
    return;
  }
  std::set<std::string> names;
  for (const auto& [name, child] : node.entries) {
    names.insert(name);
  }
  for (const auto& [name, child] : node.synced_entries) {
    names.insert(name);
  }
  std::map<std::string, std::shared_ptr<Node>> left;
  for (const std::string& name : names) {
    const auto& source = random.below(2) == 0 ? node.entries : node.synced_entries;
    if (const auto found = source.find(name); found != source.end()) {
      left.emplace(name, found->second);
    }
  }
  node.entries = left;
  node.synced_entries = left;
  for (const auto& [name, child] : left) {
    crash_node(*child, random);
  }
}

}  // namespace

SimFileSystem::SimFileSystem() : shared_(std::make_shared<Shared>()) {
  shared_->root->directory = true;
}

Result<std::unique_ptr<File>> SimFileSystem::open(const std::string& path, OpenMode mode,
                                                  std::uint32_t permissions) {
  const std::lock_guard lock(shared_->mutex);
  std::shared_ptr<Node> node = shared_->find(path);
  if (node && node->directory) {
    return io_error(EISDIR, "open", path);
  }
  if (node && mode == OpenMode::kCreateNew) {
    return io_error(EEXIST, "open", path);
  }
  if (!node) {
    const auto folder = shared_->folder_of(path);
    if (mode == OpenMode::kRead || !folder) {
      return io_error(ENOENT, "open", path);
    }
    node = std::make_shared<Node>();
    node->permissions = permissions;
    folder->entries[last_name(path)] = node;
  }
  if (mode == OpenMode::kTruncate) {
    node->data.clear();
  }
  return std::make_unique<SimFile>(shared_, node);
}

Status SimFileSystem::rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(shared_->mutex);
  const auto source = shared_->folder_of(from);
  const auto target = shared_->folder_of(to);
  if (!source || !target || !source->entries.contains(last_name(from))) {
    return io_error(ENOENT, "rename", from);
  }
  const auto node = source->entries.extract(last_name(from)).mapped();
  target->entries[last_name(to)] = node;
  return {};
}

Status SimFileSystem::remove(const std::string& path) {
  const std::lock_guard lock(shared_->mutex);
  const auto node = shared_->find(path);
  const auto folder = shared_->folder_of(path);
  if (!node || !folder) {
    return io_error(ENOENT, "remove", path);
  }
  if (node->directory && !node->entries.empty()) {
    return io_error(ENOTEMPTY, "remove", path);
  }
  folder->entries.erase(last_name(path));
  return {};
}

Result<std::vector<DirectoryEntry>> SimFileSystem::list(const std::string& path) {
  const std::lock_guard lock(shared_->mutex);
  const auto node = shared_->find(path);
  if (!node || !node->directory) {
    return io_error(node ? ENOTDIR : ENOENT, "list", path);
  }
  std::vector<DirectoryEntry> entries;
  for (const auto& [name, child] : node->entries) {
    entries.push_back({name, child->directory ? FileKind::kDirectory : FileKind::kFile});
  }
  return entries;
}

Result<FileInfo> SimFileSystem::stat(const std::string& path) {
  const std::lock_guard lock(shared_->mutex);
  const auto node = shared_->find(path);
  if (!node) {
    return io_error(ENOENT, "stat", path);
  }
  return FileInfo{.kind = node->directory ? FileKind::kDirectory : FileKind::kFile,
                  .size = node->data.size(),
                  .permissions = node->permissions,
                  .modified = UtcTime()};
}

Status SimFileSystem::make_directories(const std::string& path, std::uint32_t permissions) {
  const std::lock_guard lock(shared_->mutex);
  std::shared_ptr<Node> node = shared_->root;
  for (const std::string& part : Shared::split(path)) {
    std::shared_ptr<Node>& next = node->entries[part];
    if (!next) {
      next = std::make_shared<Node>();
      next->directory = true;
      next->permissions = permissions;
    }
    if (!next->directory) {
      return io_error(ENOTDIR, "make directory", path);
    }
    node = next;
  }
  return {};
}

Status SimFileSystem::sync_directory(const std::string& path) {
  const std::lock_guard lock(shared_->mutex);
  const auto node = shared_->find(path);
  if (!node || !node->directory) {
    return io_error(ENOENT, "sync directory", path);
  }
  node->synced_entries = node->entries;
  return {};
}

Status SimFileSystem::set_permissions(const std::string& path, std::uint32_t permissions) {
  const std::lock_guard lock(shared_->mutex);
  const auto node = shared_->find(path);
  if (!node) {
    return io_error(ENOENT, "chmod", path);
  }
  node->permissions = permissions;
  return {};
}

Result<FileSystemSpace> SimFileSystem::space(const std::string& path) {
  const std::lock_guard lock(shared_->mutex);
  if (!shared_->find(path)) {
    return io_error(ENOENT, "read the free space of", path);
  }
  if (shared_->capacity == 0) {
    return FileSystemSpace();
  }
  return FileSystemSpace{.total_bytes = shared_->capacity, .available_bytes = shared_->available()};
}

void SimFileSystem::set_capacity(std::uint64_t bytes) {
  const std::lock_guard lock(shared_->mutex);
  shared_->capacity = bytes;
}

std::uint64_t SimFileSystem::used_bytes() const {
  const std::lock_guard lock(shared_->mutex);
  return Shared::bytes_in(*shared_->root);
}

void SimFileSystem::crash(Random& random) {
  const std::lock_guard lock(shared_->mutex);
  ++shared_->generation;
  crash_node(*shared_->root, random);
}

Status SimFileSystem::corrupt(const std::string& path, std::uint64_t byte_offset) {
  const std::lock_guard lock(shared_->mutex);
  const auto node = shared_->find(path);
  if (!node || byte_offset >= node->data.size()) {
    return io_error(ENOENT, "corrupt", path);
  }
  node->data[byte_offset] ^= 1;
  node->synced = node->data;
  return {};
}

}  // namespace holdfast::env
