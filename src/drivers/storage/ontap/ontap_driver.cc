// A path is protected through its mount: the system's document says which junction is mounted
// where, and the volume with the longest junction above the path holds it. What the API says and
// what the mount shows are held against each other: a directory without `.snapshot` is no mounted
// volume, and a snapshot that the cluster has must be readable below it.

#include "drivers/storage/ontap/ontap_driver.h"

#include <fmt/core.h>

#include "core/async/run.h"
#include "core/crypto/digest.h"
#include "drivers/storage/ontap/groups.h"
#include "drivers/storage/ontap/ontap_driver_impl.h"
#include "drivers/storage/ontap/relations.h"
#include "drivers/storage/ontap/visibility.h"

namespace holdfast::storage::ontap {

using async::Co;

namespace {

// The same for all snapshots of a volume, on every host.
std::uint64_t device_of(const std::string& volume_id) {
  const crypto::Digest digest = crypto::digest_of(as_bytes(volume_id));
  std::uint64_t device = 1;
  for (size_t i = 0; i < 7; ++i) {
    device = device << 8 | digest.at(i);
  }
  return device;
}

}  // namespace

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
      .kind = std::string(kDriverKind),
      .id = cluster.uuid,
      .detail = fmt::format(
          "ONTAP cluster {}{}{}", cluster.name,
          cluster.through_gateway ? " through Active IQ Unified Manager " + cluster.system : "",
          cluster.version.text.empty() ? "" : ", " + cluster.version.text)};
}

Co<Result<Volume>> OntapDriver::look(std::string path) {
  HF_CO_TRY(const std::string real,
            co_await async::run_on(pool_, [path] { return real_directory(path); }));
  HF_CO_TRY(const Place where, co_await place(real));
  HF_CO_TRY(Located found, co_await locate(where));
  Volume volume{.id = volume_id(*found.cluster, found.volume),
                .root = std::move(found.root),
                .path = real,
                .not_included = std::move(found.junctions_in)};
  volume.seen = std::make_shared<const Open>(std::move(found.cluster), std::move(found.volume));
  co_return volume;
}

Co<Result<Volume>> OntapDriver::resolve(std::string path) {
  HF_CO_TRY(Volume volume, co_await look(std::move(path)));
  volume.seen = nullptr;
  co_return volume;
}

Co<Result<OntapDriver::Open>> OntapDriver::seen(Volume volume) {
  if (volume.seen) {
    co_return *static_cast<const Open*>(volume.seen.get());
  }
  co_return co_await open(std::move(volume));
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
  HF_CO_TRY(const Open now, co_await seen(volume));
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
  HF_CO_TRY(const Open now, co_await seen(std::move(volume)));
  co_return Space{.total_bytes = now.info.size,
                  .available_bytes = std::min(now.info.available, now.info.size)};
}

Co<Result<std::vector<Replica>>> OntapDriver::replicas(Volume volume) {
  HF_CO_TRY(const Open now, co_await seen(std::move(volume)));
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
  HF_CO_TRY(const Open now, co_await seen(std::move(volume)));
  if (!now.info.group.empty()) {
    GroupInfo group{now.info.group, now.info.group_name, now.info.svm, {}};
    HF_CO_TRY_VOID(co_await remove_group_snapshot(now.cluster, std::move(group), name));
  }
  co_return co_await remove_snapshot({now.cluster, now.info.uuid}, std::move(name));
}

Co<Result<Snapshot>> OntapDriver::keep_snapshot(Volume volume, std::string name, Keep keep) {
  HF_CO_TRY(VolumeOn where, co_await on(std::move(volume)));
  HF_CO_TRY(const SnapshotInfo kept,
            co_await ontap::keep_snapshot(std::move(where), std::move(name), keep));
  co_return to_snapshot(kept);
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
  // What the mount shows is there: the cluster is asked only about what it does not show.
  const std::string snapshots = volume.root + std::string(kSnapshotDirectory);
  const std::string top = snapshots + "/" + name;
  const bool there = co_await async::run_on(pool_, [top] { return path_exists(top); });
  if (!there) {
    HF_CO_TRY(VolumeOn where, co_await on(volume));
    HF_CO_TRY(const auto found, co_await find_snapshot(std::move(where), name));
    if (!found) {
      co_return Error(Code::kNotFound, "there is no such snapshot").with("snapshot", name);
    }
    const bool visible = co_await becomes_visible(&systems_.clock(), &pool_, top, snapshots);
    if (!visible) {
      co_return Error(Code::kUnavailable,
                      "the cluster has the snapshot and the mount does not show it: is the volume "
                      "mounted, and its snapshot directory visible to clients?",
                      Retry::kTransient)
          .with("path", top);
    }
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

}  // namespace holdfast::storage::ontap

namespace holdfast::storage {

std::unique_ptr<Driver> make_ontap_driver(ontap::Systems& systems, async::Pool& pool) {
  return std::make_unique<ontap::OntapDriver>(systems, pool);
}

}  // namespace holdfast::storage
