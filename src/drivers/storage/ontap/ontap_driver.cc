// A path is protected through its mount: the system's document says which junction is mounted
// where, and the volume with the longest junction above the path holds it. What the API says and
// what the mount shows are held against each other: a directory without `.snapshot` is no mounted
// volume, and a snapshot that the cluster has must be readable below it.

#include "drivers/storage/ontap/ontap_driver.h"

#include <fmt/core.h>

#include <map>
#include <mutex>

#include "core/async/run.h"
#include "core/crypto/digest.h"
#include "drivers/storage/ontap/clones.h"
#include "drivers/storage/ontap/groups.h"
#include "drivers/storage/ontap/relations.h"
#include "drivers/storage/ontap/replication.h"
#include "drivers/storage/ontap/restore.h"
#include "drivers/storage/ontap/snapshots.h"
#include "drivers/storage/ontap/visibility.h"
#include "drivers/storage/ontap/volumes.h"

namespace holdfast::storage {
namespace {

using async::Co;
using namespace ontap;  // NOLINT: the calls that this driver is made of

constexpr std::string_view kKind = "ontap";

std::string inside_of(const Volume& volume) { return volume.path.substr(volume.root.size()); }

// The same for all snapshots of a volume, on every host.
std::uint64_t device_of(const std::string& volume_id) {
  const crypto::Digest digest = crypto::digest_of(as_bytes(volume_id));
  std::uint64_t device = 1;
  for (size_t i = 0; i < 7; ++i) {
    device = device << 8 | digest.at(i);
  }
  return device;
}

class OntapDriver final : public Driver {
 public:
  OntapDriver(Systems& systems, async::Pool& pool)
      : systems_(systems),
        pool_(pool),
        replication_(make_replication(systems)),
        restore_(make_native_restore(systems, pool)) {}

  std::string_view kind() const override { return kKind; }
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

  Co<Result<SystemInfo>> describe(std::string path) override;
  Co<Result<Volume>> resolve(std::string path) override;
  Co<Status> verify_connectivity(Volume volume) override;
  Co<Result<Space>> space(Volume volume) override;
  Co<Result<std::vector<Replica>>> replicas(Volume volume) override;

  Co<Result<Snapshot>> create_snapshot(Volume volume, SnapshotSpec spec) override;
  Co<Result<std::vector<Snapshot>>> create_group_snapshot(std::vector<Volume> volumes,
                                                          SnapshotSpec spec) override;
  Co<Result<std::optional<Group>>> group_of(Volume volume) override;
  Co<Result<std::vector<Snapshot>>> list_snapshots(Volume volume) override;
  Co<Status> delete_snapshot(Volume volume, std::string name) override;
  Co<Result<bool>> unchanged_since(Volume, std::string) override {
    co_return unsupported(kKind, "change detection");
  }
  Co<Result<ReadView>> read_view(Volume volume, std::string name) override;

  Co<Result<Clone>> create_clone(Volume volume, std::string snapshot,
                                 std::string clone_name) override;
  Co<Status> delete_clone(Volume volume, std::string clone_name) override;

  Replication* replication() override { return replication_.get(); }
  NativeRestore* native_restore() override { return restore_.get(); }

 private:
  struct Open {
    ClusterPtr cluster;
    VolumeInfo info;
  };
  // The volume as the cluster has it now.
  Co<Result<Open>> open(Volume volume);
  Co<Result<VolumeOn>> on(Volume volume);
  Co<Result<Place>> place(std::string path);

  Systems& systems_;
  async::Pool& pool_;
  std::unique_ptr<Replication> replication_;
  std::unique_ptr<NativeRestore> restore_;
  std::mutex mutex_;
  std::map<std::string, MonoTime> last_made_;  // by volume, of the last second
};

Co<Result<Place>> OntapDriver::place(std::string path) {
  HF_CO_TRY(const std::string real,
            co_await async::run_on(pool_, [path] { return real_directory(path); }));
  auto found = co_await async::run_on(pool_, [this, real] { return systems_.place_of(real); });
  if (!found) {
    co_return Error(Code::kFailedPrecondition,
                    "no storage system has a mount here: add it to the `mounts` of the system that "
                    "holds it")
        .with("path", path);
  }
  co_return *std::move(found);
}

Co<Result<SystemInfo>> OntapDriver::describe(std::string path) {
  HF_CO_TRY(const Place where, co_await place(std::move(path)));
  HF_CO_TRY(const Located found, co_await locate(where));
  const Cluster& cluster = *found.cluster;
  co_return SystemInfo{
      .kind = std::string(kKind),
      .id = cluster.uuid,
      .detail = fmt::format(
          "ONTAP cluster {}{}{}", cluster.name,
          cluster.through_gateway ? " through Active IQ Unified Manager " + cluster.system : "",
          cluster.version.text.empty() ? "" : ", " + cluster.version.text)};
}

Co<Result<Volume>> OntapDriver::resolve(std::string path) {
  HF_CO_TRY(const std::string real,
            co_await async::run_on(pool_, [path] { return real_directory(path); }));
  HF_CO_TRY(const Place where, co_await place(real));
  HF_CO_TRY(Located found, co_await locate(where));
  co_return Volume{.id = volume_id(*found.cluster, found.volume),
                   .root = std::move(found.root),
                   .path = real,
                   .not_included = std::move(found.junctions_in)};
}

Co<Result<OntapDriver::Open>> OntapDriver::open(Volume volume) {
  HF_CO_TRY(const VolumeKey key, parse_volume_id(volume.id));
  HF_CO_TRY(ClusterPtr cluster, co_await systems_.cluster(key.cluster));
  HF_CO_TRY(VolumeInfo info, co_await get_volume(cluster, key.volume));
  co_return Open{std::move(cluster), std::move(info)};
}

Co<Result<VolumeOn>> OntapDriver::on(Volume volume) {
  HF_CO_TRY(const VolumeKey key, parse_volume_id(volume.id));
  HF_CO_TRY(ClusterPtr cluster, co_await systems_.cluster(key.cluster));
  co_return VolumeOn{std::move(cluster), key.volume};
}

Co<Status> OntapDriver::verify_connectivity(Volume volume) {
  HF_CO_TRY_VOID(status_of(
      co_await async::run_on(pool_, [path = volume.path] { return real_directory(path); })));
  HF_CO_TRY(const Open now, co_await open(volume));
  if (now.info.state != "online") {
    co_return Error(Code::kFailedPrecondition,
                    fmt::format("volume {} is {}: bring it online", now.info.name, now.info.state));
  }
  if (now.info.type != "rw") {
    co_return Error(Code::kFailedPrecondition,
                    fmt::format("volume {} is a replica (type {}), which takes no snapshots of its "
                                "own: protect its source, or break the relationship",
                                now.info.name, now.info.type));
  }
  const bool mounted = co_await async::run_on(
      pool_, [root = volume.root] { return path_exists(root + std::string(kSnapshotDirectory)); });
  if (!mounted) {
    co_return Error(Code::kFailedPrecondition,
                    "there is no .snapshot here: volume is not mounted, or its snapshot directory "
                    "is hidden from clients")
        .with("path", volume.root)
        .with("volume", now.info.name);
  }
  co_return Status();
}

Co<Result<Space>> OntapDriver::space(Volume volume) {
  HF_CO_TRY(const Open now, co_await open(std::move(volume)));
  co_return Space{.total_bytes = now.info.size,
                  .available_bytes = std::min(now.info.available, now.info.size)};
}

Co<Result<std::vector<Replica>>> OntapDriver::replicas(Volume volume) {
  HF_CO_TRY(const Open now, co_await open(std::move(volume)));
  HF_CO_TRY(const auto relations, co_await relations_from(systems_, now.cluster, now.info));
  std::vector<Replica> list;
  for (const RelationInfo& relation : relations) {
    list.push_back(to_replica(relation));
  }
  co_return list;
}

// Times of snapshots have seconds: a second one within the same second could not be told from the
// first by its age, so it waits for the next.
Co<Result<Snapshot>> OntapDriver::create_snapshot(Volume volume, SnapshotSpec spec) {
  static constexpr Nanoseconds kSecond = std::chrono::seconds(1);
  env::Clock& clock = systems_.clock();
  MonoTime next = clock.mono();
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(last_made_, [&](const auto& entry) { return entry.second + kSecond < next; });
    if (const auto last = last_made_.find(volume.id); last != last_made_.end()) {
      next = last->second + kSecond;
    }
  }
  (void)co_await async::sleep_until(clock, next);
  HF_CO_TRY(VolumeOn where, co_await on(volume));
  HF_CO_TRY(const SnapshotInfo made, co_await make_snapshot(std::move(where), std::move(spec)));
  const std::lock_guard lock(mutex_);
  last_made_[volume.id] = clock.mono();
  co_return to_snapshot(made);
}

Co<Result<std::vector<Snapshot>>> OntapDriver::create_group_snapshot(std::vector<Volume> volumes,
                                                                     SnapshotSpec spec) {
  HF_CO_TRY_VOID(check_spec(spec));
  if (spec.keep_until || spec.locked_until) {
    co_return Error(Code::kFailedPrecondition,
                    "a member of a consistency group has no lock: lock the replicated copy");
  }
  std::vector<VolumeInfo> members;
  ClusterPtr cluster;
  for (const Volume& volume : volumes) {
    HF_CO_TRY(Open now, co_await open(volume));
    if (cluster && cluster->uuid != now.cluster->uuid) {
      co_return Error(Code::kFailedPrecondition,
                      "a consistency group lies on one cluster, and these volumes on several");
    }
    cluster = now.cluster;
    members.push_back(std::move(now.info));
  }
  if (members.empty()) {
    co_return Error(Code::kInvalidArgument, "a group snapshot needs volumes");
  }
  HF_CO_TRY(const GroupInfo group, co_await ontap::group_of(cluster, members));
  HF_CO_TRY_VOID(co_await make_group_snapshot(cluster, group, spec));
  std::vector<Snapshot> taken;
  for (const VolumeInfo& member : members) {
    HF_CO_TRY(const auto found, co_await find_snapshot({cluster, member.uuid}, spec.name));
    if (!found) {
      co_return Error(Code::kPartial,
                      fmt::format("the group snapshot is not on volume {}", member.name),
                      Retry::kTransient);
    }
    taken.push_back(to_snapshot(*found));
  }
  co_return taken;
}

Co<Result<std::optional<Group>>> OntapDriver::group_of(Volume volume) {
  HF_CO_TRY(const Open now, co_await open(std::move(volume)));
  if (now.info.group.empty()) {
    co_return std::nullopt;
  }
  HF_CO_TRY(const auto found, co_await list_groups(now.cluster, {{"uuid", now.info.group}}));
  Group group{now.info.group_name, {}};
  for (const GroupInfo& info : found) {
    for (const std::string& member : info.volumes) {
      group.volumes.push_back(now.cluster->uuid + "/" + member);
    }
  }
  co_return group;
}

Co<Result<std::vector<Snapshot>>> OntapDriver::list_snapshots(Volume volume) {
  HF_CO_TRY(VolumeOn where, co_await on(std::move(volume)));
  HF_CO_TRY(const auto found, co_await ontap::list_snapshots(
                                  std::move(where), {{"snapmirror_label", std::string(kLabel)}}));
  std::vector<Snapshot> ours;
  for (const SnapshotInfo& info : found) {
    if (info.ours()) {
      ours.push_back(to_snapshot(info));
    }
  }
  co_return ours;
}

Co<Status> OntapDriver::delete_snapshot(Volume volume, std::string name) {
  HF_CO_TRY_VOID(check_name(name));
  HF_CO_TRY(const Open now, co_await open(std::move(volume)));
  if (!now.info.group.empty()) {
    GroupInfo group{now.info.group, now.info.group_name, now.info.svm, {}};
    HF_CO_TRY_VOID(co_await remove_group_snapshot(now.cluster, std::move(group), name));
  }
  co_return co_await remove_snapshot({now.cluster, now.info.uuid}, std::move(name));
}

Co<Result<ReadView>> OntapDriver::read_view(Volume volume, std::string name) {
  ReadView view{.read_path = volume.path,
                .live_path = volume.path,
                .device_id = device_of(volume.id),
                .consistency = name.empty() ? Consistency::kNone : Consistency::kCrash,
                .exclude = {}};
  if (name.empty()) {
    view.exclude.emplace_back(kSnapshotDirectory.substr(1));
    co_return view;
  }
  HF_CO_TRY_VOID(check_name(name));
  HF_CO_TRY(VolumeOn where, co_await on(volume));
  HF_CO_TRY(const auto found, co_await find_snapshot(std::move(where), name));
  if (!found) {
    co_return Error(Code::kNotFound, "there is no such snapshot").with("snapshot", name);
  }
  const std::string snapshots = volume.root + std::string(kSnapshotDirectory);
  const std::string top = snapshots + "/" + name;
  const bool visible = co_await becomes_visible(&systems_.clock(), &pool_, top, snapshots);
  if (!visible) {
    co_return Error(Code::kUnavailable,
                    "the cluster has the snapshot and the mount does not show it: is the volume "
                    "mounted, and its snapshot directory visible to clients?",
                    Retry::kTransient)
        .with("path", top);
  }
  view.read_path = top + inside_of(volume);
  const bool inside =
      co_await async::run_on(pool_, [path = view.read_path] { return path_exists(path); });
  if (!inside) {
    co_return Error(Code::kNotFound, "the protected path is not in the snapshot")
        .with("path", view.read_path);
  }
  co_return view;
}

Co<Result<Clone>> OntapDriver::create_clone(Volume volume, std::string snapshot,
                                            std::string clone_name) {
  HF_CO_TRY_VOID(check_name(snapshot));
  HF_CO_TRY_VOID(check_name(clone_name));
  HF_CO_TRY(const Open now, co_await open(volume));
  HF_CO_TRY(const auto parent, co_await find_snapshot({now.cluster, now.info.uuid}, snapshot));
  if (!parent) {
    co_return Error(Code::kNotFound, "there is no such snapshot").with("snapshot", snapshot);
  }
  HF_CO_TRY(const Junction junction,
            junction_for(systems_, *now.cluster, now.info, clone_volume_name(clone_name)));
  CloneSpec spec{clone_name, snapshot, junction.path};
  HF_CO_TRY_VOID(status_of(co_await make_clone(now.cluster, now.info, std::move(spec))));
  const bool visible =
      co_await becomes_visible(&systems_.clock(), &pool_, junction.local, volume.root);
  if (!visible) {
    HF_CO_TRY_VOID(co_await remove_clone(now.cluster, now.info, clone_name));
    co_return invisible(junction, now.info.svm);
  }
  co_return Clone{.name = clone_name, .path = junction.local + inside_of(volume)};
}

Co<Status> OntapDriver::delete_clone(Volume volume, std::string clone_name) {
  HF_CO_TRY_VOID(check_name(clone_name));
  HF_CO_TRY(const Open now, co_await open(std::move(volume)));
  co_return co_await remove_clone(now.cluster, now.info, std::move(clone_name));
}

}  // namespace

std::unique_ptr<Driver> make_ontap_driver(Systems& systems, async::Pool& pool) {
  return std::make_unique<OntapDriver>(systems, pool);
}

}  // namespace holdfast::storage
