// The storage port on btrfs.
//
// A volume is one subvolume, found by climbing from the protected path. Subvolumes and other
// filesystems mounted below it are not in its snapshots; resolve() lists them, so that nobody
// believes them protected. What a snapshot holds is compared by transaction numbers: a volume is
// unchanged while its last change is not younger than the snapshot.

#include "drivers/storage/btrfs/btrfs_driver.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <fstream>

#include "core/async/run.h"
#include "drivers/storage/btrfs/snapshot_store.h"
#include "drivers/storage/btrfs/subvolume.h"

namespace holdfast::storage {
namespace {

using async::Co;
using btrfs::SnapshotStore;

constexpr std::string_view kKind = "btrfs";

bool is_below(std::string_view path, std::string_view directory) {
  return directory == "/" || (path.starts_with(directory) && path.size() > directory.size() &&
                              path[directory.size()] == '/');
}

// `path` relative to `directory`, which is above it or the same; empty for the same.
std::string relative_to(std::string_view path, std::string_view directory) {
  std::string_view rest = path.substr(directory.size());
  if (rest.starts_with('/')) {
    rest.remove_prefix(1);
  }
  return std::string(rest);
}

// The top directory of the subvolume that holds `path`.
Result<std::string> subvolume_root(const std::string& path) {
  HF_TRY(const auto filesystem, btrfs::filesystem_uuid(path));
  std::string root = path;
  while (!btrfs::is_subvolume(root)) {
    const size_t slash = root.rfind('/');
    const std::string above = slash == 0 ? "/" : root.substr(0, slash);
    const auto other = btrfs::filesystem_uuid(above);
    if (above == root || !other || *other != filesystem) {
      return Error(Code::kFailedPrecondition,
                   "only a part of the btrfs subvolume is mounted here: mount all of it, or use "
                   "the directory driver")
          .with("path", path);
    }
    root = above;
  }
  return root;
}

// A mount point as /proc/self/mountinfo writes it: blanks and backslashes are \ooo.
std::string unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                               (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::vector<std::string> mounts_below(const std::string& path) {
  std::vector<std::string> points;
  std::ifstream table("/proc/self/mountinfo");
  for (std::string line; std::getline(table, line);) {
    size_t at = 0;
    for (int field = 0; field < 4 && at != std::string::npos; ++field) {
      at = line.find(' ', at + (field == 0 ? 0 : 1));
    }
    if (at == std::string::npos) {
      continue;
    }
    std::string point =
        unescape(std::string_view(line).substr(at + 1, line.find(' ', at + 1) - at - 1));
    if (is_below(point, path)) {
      points.push_back(std::move(point));
    }
  }
  return points;
}

Result<std::vector<std::string>> trees_not_included(const SnapshotStore& store,
                                                    const std::string& root,
                                                    const std::string& path) {
  std::vector<std::string> trees = mounts_below(path);
  HF_TRY(const auto nested, btrfs::nested_subvolumes(root));
  for (const std::string& name : nested) {
    const std::string tree = (root == "/" ? "" : root) + "/" + name;
    if (is_below(tree, path) && !is_below(tree, store.top())) {
      trees.push_back(tree);
    }
  }
  std::sort(trees.begin(), trees.end());
  trees.erase(std::unique(trees.begin(), trees.end()), trees.end());
  return trees;
}

Result<Volume> find_volume(const std::string& given) {
  HF_TRY(auto path, real_directory(given));
  HF_TRY(auto root, subvolume_root(path));
  HF_TRY(const auto store, SnapshotStore::open(root));
  HF_TRY(auto trees, trees_not_included(store, root, path));
  return Volume{.id = store.volume_id(),
                .root = std::move(root),
                .path = std::move(path),
                .not_included = std::move(trees)};
}

Result<SystemInfo> describe_filesystem(const std::string& given) {
  HF_TRY(const auto path, real_directory(given));
  HF_TRY(const auto uuid, btrfs::filesystem_uuid(path));
  return SystemInfo{.kind = std::string(kKind),
                    .id = btrfs::to_text(uuid),
                    .detail = fmt::format("btrfs filesystem {}", btrfs::to_text(uuid))};
}

// The store of a volume, after making sure that the subvolume at its root is still the same one.
Result<SnapshotStore> open_store(const Volume& volume) {
  HF_TRY(auto store, SnapshotStore::open(volume.root));
  if (store.volume_id() != volume.id) {
    return Error(Code::kConflict,
                 "another subvolume lies where the volume was: resolve the resource again")
        .with("path", volume.root)
        .with("found", store.volume_id())
        .with("expected", volume.id);
  }
  return store;
}

Result<bool> is_unchanged(const Volume& volume, const std::string& name) {
  HF_TRY(const auto store, open_store(volume));
  HF_TRY(const auto snapshot, store.find(name));
  HF_TRY(const auto live, store.live());
  return live.changed <= snapshot.second.created;
}

Result<ReadView> view(const Volume& volume, const std::string& name) {
  HF_TRY(const auto store, open_store(volume));
  ReadView view{.read_path = volume.path,
                .live_path = volume.path,
                .device_id = store.device_id(),
                .consistency = name.empty() ? Consistency::kNone : Consistency::kCrash,
                .exclude = {}};
  if (!name.empty()) {
    HF_TRY(const auto snapshot, store.find(name));
    const std::string inside = relative_to(volume.path, volume.root);
    view.read_path = snapshot.first + (inside.empty() ? "" : "/" + inside);
    struct stat status{};
    if (::stat(view.read_path.c_str(), &status) != 0) {
      return io_error(errno, "find the protected path in the snapshot", view.read_path);
    }
  }
  if (is_below(store.top(), volume.path)) {
    view.exclude.push_back(relative_to(store.top(), volume.path));
  }
  return view;
}

// Runs f(store) -> Result on the pool.
template <class F>
Co<std::invoke_result_t<F, const SnapshotStore&>> with_store(async::Pool& pool, Volume volume,
                                                             F f) {
  using Outcome = std::invoke_result_t<F, const SnapshotStore&>;
  return async::run_on(pool, [volume = std::move(volume), f = std::move(f)]() -> Outcome {
    HF_TRY(const auto store, open_store(volume));
    return f(store);
  });
}

class BtrfsDriver final : public Driver {
 public:
  explicit BtrfsDriver(async::Pool& pool) : pool_(pool) {}

  std::string_view kind() const override { return kKind; }
  const Capabilities& capabilities() const override {
    static constexpr Capabilities kCapabilities{.consistency = Consistency::kCrash,
                                                .snapshots = true,
                                                .change_detection = true,
                                                .clones = true,
                                                .space = true};
    return kCapabilities;
  }

  Co<Result<SystemInfo>> describe(std::string path) override {
    return async::run_on(pool_, [path = std::move(path)] { return describe_filesystem(path); });
  }
  Co<Result<Volume>> resolve(std::string path) override {
    return async::run_on(pool_, [path = std::move(path)] { return find_volume(path); });
  }
  Co<Status> verify_connectivity(Volume volume) override {
    return async::run_on(pool_, [volume = std::move(volume)]() -> Status {
      HF_TRY(const auto store, open_store(volume));
      return store.check_writable();
    });
  }
  Co<Result<Space>> space(Volume volume) override {
    return async::run_on(pool_, [root = std::move(volume.root)] { return filesystem_space(root); });
  }
  Co<Result<std::vector<Replica>>> replicas(Volume) override { co_return std::vector<Replica>(); }

  Co<Result<Snapshot>> create_snapshot(Volume volume, SnapshotSpec spec) override {
    return with_store(
        pool_, std::move(volume),
        [spec = std::move(spec)](const SnapshotStore& store) { return store.create(spec); });
  }
  Co<Result<std::vector<Snapshot>>> list_snapshots(Volume volume) override {
    return with_store(pool_, std::move(volume),
                      [](const SnapshotStore& store) { return store.list(); });
  }
  Co<Status> delete_snapshot(Volume volume, std::string name) override {
    return with_store(
        pool_, std::move(volume),
        [name = std::move(name)](const SnapshotStore& store) { return store.remove(name); });
  }
  Co<Result<bool>> unchanged_since(Volume volume, std::string name) override {
    return async::run_on(pool_, [volume = std::move(volume), name = std::move(name)] {
      return is_unchanged(volume, name);
    });
  }
  Co<Result<ReadView>> read_view(Volume volume, std::string name) override {
    return async::run_on(
        pool_, [volume = std::move(volume), name = std::move(name)] { return view(volume, name); });
  }
  Co<Result<Clone>> create_clone(Volume volume, std::string snapshot,
                                 std::string clone_name) override {
    return with_store(
        pool_, std::move(volume),
        [snapshot = std::move(snapshot), clone = std::move(clone_name)](
            const SnapshotStore& store) { return store.create_clone(snapshot, clone); });
  }
  Co<Status> delete_clone(Volume volume, std::string clone_name) override {
    return with_store(pool_, std::move(volume),
                      [clone = std::move(clone_name)](const SnapshotStore& store) {
                        return store.remove_clone(clone);
                      });
  }

 private:
  async::Pool& pool_;
};

}  // namespace

std::unique_ptr<Driver> make_btrfs_driver(async::Pool& pool) {
  return std::make_unique<BtrfsDriver>(pool);
}

bool is_on_btrfs(const std::string& path) {
  const auto real = real_directory(path);
  return real && subvolume_root(*real).has_value();
}

}  // namespace holdfast::storage
