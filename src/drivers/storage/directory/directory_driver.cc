#include "drivers/storage/directory/directory_driver.h"

#include <dirent.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "core/async/run.h"

namespace holdfast::storage {
namespace {

using async::Co;

constexpr std::string_view kKind = "directory";

Result<SystemInfo> describe_host(const std::string& path) {
  HF_TRY(const auto real, real_directory(path));
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) {
    return io_error(errno, "read the name of", "this machine");
  }
  struct statfs status{};
  if (::statfs(real.c_str(), &status) != 0) {
    return io_error(errno, "look at the filesystem of", real);
  }
  return SystemInfo{.kind = std::string(kKind),
                    .id = name.data(),
                    .detail = fmt::format("plain directories on {} (filesystem type 0x{:x})",
                                          name.data(), static_cast<unsigned long>(status.f_type))};
}

// The path is the identity: a directory has no other that survives a copy to a new disk.
Result<Volume> find_directory(const std::string& path) {
  HF_TRY(auto real, real_directory(path));
  return Volume{.id = real, .root = real, .path = real, .not_included = {}};
}

Status read_some(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), &::closedir);
  if (!directory) {
    return io_error(errno, "open", path);
  }
  errno = 0;
  if (::readdir(directory.get()) == nullptr && errno != 0) {
    return io_error(errno, "read", path);
  }
  return {};
}

class DirectoryDriver final : public Driver {
 public:
  explicit DirectoryDriver(async::Pool& pool) : pool_(pool) {}

  std::string_view kind() const override { return kKind; }
  const Capabilities& capabilities() const override {
    static constexpr Capabilities kCapabilities{.consistency = Consistency::kNone, .space = true};
    return kCapabilities;
  }

  Co<Result<SystemInfo>> describe(std::string path) override {
    return async::run_on(pool_, [path = std::move(path)] { return describe_host(path); });
  }
  Co<Result<Volume>> resolve(std::string path) override {
    return async::run_on(pool_, [path = std::move(path)] { return find_directory(path); });
  }
  Co<Status> verify_connectivity(Volume volume) override {
    return async::run_on(pool_, [path = std::move(volume.path)] { return read_some(path); });
  }
  Co<Result<Space>> space(Volume volume) override {
    return async::run_on(pool_, [path = std::move(volume.path)] { return filesystem_space(path); });
  }
  Co<Result<std::vector<Replica>>> replicas(Volume) override { co_return std::vector<Replica>(); }

  Co<Result<Snapshot>> create_snapshot(Volume, SnapshotSpec) override { co_return no_snapshots(); }
  Co<Result<std::vector<Snapshot>>> list_snapshots(Volume) override { co_return no_snapshots(); }
  Co<Status> delete_snapshot(Volume, std::string) override { co_return no_snapshots(); }
  Co<Result<bool>> unchanged_since(Volume, std::string) override { co_return no_snapshots(); }
  Co<Result<Clone>> create_clone(Volume, std::string, std::string) override {
    co_return no_snapshots();
  }
  Co<Status> delete_clone(Volume, std::string) override { co_return no_snapshots(); }

  Co<Result<ReadView>> read_view(Volume volume, std::string name) override {
    if (!name.empty()) {
      co_return no_snapshots();
    }
    co_return ReadView{.read_path = volume.path,
                       .live_path = volume.path,
                       .device_id = 0,
                       .consistency = Consistency::kNone,
                       .exclude = {}};
  }

 private:
  static Error no_snapshots() { return unsupported(kKind, "snapshots"); }

  async::Pool& pool_;
};

}  // namespace

std::unique_ptr<Driver> make_directory_driver(async::Pool& pool) {
  return std::make_unique<DirectoryDriver>(pool);
}

}  // namespace holdfast::storage
