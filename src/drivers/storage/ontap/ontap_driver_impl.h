// The ontap driver behind its port: private to its two files.
#pragma once

#include <map>
#include <mutex>

#include "core/async/pool.h"
#include "drivers/storage/driver.h"
#include "drivers/storage/ontap/replication.h"
#include "drivers/storage/ontap/restore.h"
#include "drivers/storage/ontap/snapshots.h"
#include "drivers/storage/ontap/systems.h"
#include "drivers/storage/ontap/volumes.h"

namespace holdfast::storage::ontap {

inline constexpr std::string_view kDriverKind = "ontap";

// The protected path below the volume's root.
inline std::string inside_of(const Volume& volume) {
  return volume.path.substr(volume.root.size());
}

class OntapDriver final : public Driver {
 public:
  OntapDriver(Systems& systems, async::Pool& pool)
      : systems_(systems),
        pool_(pool),
        replication_(make_replication(systems)),
        restore_(make_native_restore(systems, pool)) {}

  std::string_view kind() const override { return kDriverKind; }
  const Capabilities& capabilities() const override {
    static constexpr Capabilities kCapabilities{.consistency = Consistency::kCrash,
                                                .snapshots = true,
                                                .clones = true,
                                                .space = true,
                                                .replicas = true,
                                                .groups = true,
                                                .retention = true};
    return kCapabilities;
  }

  async::Co<Result<SystemInfo>> describe(std::string path) override;
  async::Co<Result<Volume>> resolve(std::string path) override;
  async::Co<Result<Volume>> look(std::string path) override;
  async::Co<Status> verify_connectivity(Volume volume) override;
  async::Co<Result<Space>> space(Volume volume) override;
  async::Co<Result<std::vector<Replica>>> replicas(Volume volume) override;

  async::Co<Result<Snapshot>> create_snapshot(Volume volume, SnapshotSpec spec) override;
  async::Co<Result<std::vector<Snapshot>>> create_group_snapshot(std::vector<Volume> volumes,
                                                                 SnapshotSpec spec) override;
  async::Co<Result<std::optional<Group>>> group_of(Volume volume) override;
  async::Co<Result<std::vector<Snapshot>>> list_snapshots(Volume volume) override;
  async::Co<Status> delete_snapshot(Volume volume, std::string name) override;
  async::Co<Result<Snapshot>> keep_snapshot(Volume volume, std::string name, Keep keep) override;
  async::Co<Result<bool>> unchanged_since(Volume, std::string) override {
    co_return unsupported(kDriverKind, "change detection");
  }
  async::Co<Result<ReadView>> read_view(Volume volume, std::string name) override;

  async::Co<Result<Clone>> create_clone(Volume volume, std::string snapshot,
                                        std::string clone_name) override;
  async::Co<Status> delete_clone(Volume volume, std::string clone_name) override;
  async::Co<Result<std::vector<Clone>>> create_group_clone(std::vector<Volume> volumes,
                                                           std::string snapshot,
                                                           std::string clone_name) override;
  async::Co<Status> delete_group_clone(std::vector<Volume> volumes,
                                       std::string clone_name) override;

  Replication* replication() override { return replication_.get(); }
  NativeRestore* native_restore() override { return restore_.get(); }

 private:
  struct Open {
    ClusterPtr cluster;
    VolumeInfo info;
  };
  // The volume as the cluster has it now.
  async::Co<Result<Open>> open(Volume volume);
  // The volume as look() saw it, or as the cluster has it now: for steps that only read.
  async::Co<Result<Open>> seen(Volume volume);
  // Several of one cluster.
  struct Members {
    ClusterPtr cluster;
    std::vector<VolumeInfo> volumes;
  };
  async::Co<Result<Members>> open_members(std::vector<Volume> volumes);
  // Mounts a clone below its parent's junction, and waits until it can be seen.
  async::Co<Result<Clone>> mount_clone(ClusterPtr cluster, Volume parent, VolumeInfo info,
                                       VolumeInfo made, std::string name);
  async::Co<Result<VolumeOn>> on(Volume volume);
  async::Co<Result<Place>> place(std::string path);

  Systems& systems_;
  async::Pool& pool_;
  std::unique_ptr<Replication> replication_;
  std::unique_ptr<NativeRestore> restore_;
  std::mutex mutex_;
  std::map<std::string, MonoTime> last_made_;  // by volume, of the last second
};

}  // namespace holdfast::storage::ontap
