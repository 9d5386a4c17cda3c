// Restores inside one volume or group, from its own snapshots.

#include "drivers/storage/ontap/restore.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/net/url.h"
#include "drivers/storage/ontap/groups.h"
#include "drivers/storage/ontap/restore_impl.h"
#include "drivers/storage/ontap/snapshots.h"

namespace holdfast::storage::ontap {
using async::Co;

// No file of the volume, or a way out of it.
Status check_restore_path(const std::string& path) {
  const bool outside = path.empty() || path.starts_with('/') || path == ".." ||
                       path.starts_with("../") || path.find("/../") != std::string::npos ||
                       path.ends_with("/..");
  if (outside || path.starts_with(".snapshot/")) {
    return Error(Code::kInvalidArgument, "a file to restore is given relative to its volume")
        .with("path", path);
  }
  return {};
}

Co<Result<OntapRestore::Open>> OntapRestore::open(Volume volume) {
  HF_CO_TRY(const VolumeKey key, parse_volume_id(volume.id));
  HF_CO_TRY(ClusterPtr cluster, co_await systems_.cluster(key.cluster));
  HF_CO_TRY(VolumeInfo info, co_await get_volume(cluster, key.volume));
  co_return Open{std::move(cluster), std::move(info)};
}

// The volume, after making sure that the snapshot is there.
Co<Result<OntapRestore::Open>> OntapRestore::open_with(Volume volume, std::string snapshot) {
  HF_CO_TRY_VOID(check_name(snapshot));
  HF_CO_TRY(Open now, co_await open(std::move(volume)));
  HF_CO_TRY(const auto found, co_await find_snapshot({now.cluster, now.info.uuid}, snapshot));
  if (!found) {
    co_return Error(Code::kNotFound, "there is no such snapshot").with("snapshot", snapshot);
  }
  co_return now;
}

Co<Result<std::vector<Snapshot>>> OntapRestore::lost_by_restore(Volume volume,
                                                                std::string snapshot) {
  HF_CO_TRY(const Open now, co_await open_with(std::move(volume), snapshot));
  HF_CO_TRY(const auto all, co_await list_snapshots({now.cluster, now.info.uuid}, {}));
  const auto kept = std::find_if(all.begin(), all.end(),
                                 [&](const SnapshotInfo& info) { return info.name == snapshot; });
  std::vector<Snapshot> lost;
  for (const SnapshotInfo& info : all) {
    // One of the same second may be newer: rather named in vain than lost without a word.
    if (kept != all.end() && info.name != snapshot && info.created >= kept->created) {
      lost.push_back(to_snapshot(info));
    }
  }
  co_return lost;
}

Co<Status> OntapRestore::restore_volume(Volume volume, std::string snapshot) {
  HF_CO_TRY(const Open now, co_await open_with(std::move(volume), snapshot));
  Write write{.method = "PATCH",
              .path = "/storage/volumes/" + net::url_encode(now.info.uuid),
              .query = {{"restore_to.snapshot.name", snapshot}},
              .body = JsonObject{},
              .what = "restore the volume to the snapshot",
              .deadline = kRestoreDeadline};
  co_return status_of(co_await now.cluster->client->write(std::move(write)));
}

Co<Status> OntapRestore::restore_group(std::vector<Volume> volumes, std::string snapshot) {
  HF_CO_TRY_VOID(check_name(snapshot));
  std::vector<VolumeInfo> members;
  ClusterPtr cluster;
  for (const Volume& volume : volumes) {
    HF_CO_TRY(Open now, co_await open(volume));
    cluster = now.cluster;
    members.push_back(std::move(now.info));
  }
  if (members.empty()) {
    co_return Error(Code::kInvalidArgument, "a group restore needs volumes");
  }
  HF_CO_TRY(const GroupInfo group, co_await group_of(cluster, members));
  if (group.volumes.size() != members.size()) {
    co_return Error(Code::kFailedPrecondition,
                    fmt::format("consistency group {} has {} volumes and {} were named: a group is "
                                "restored whole",
                                group.name, group.volumes.size(), members.size()));
  }
  Write write{
      .method = "PATCH",
      .path = "/application/consistency-groups/" + net::url_encode(group.uuid),
      .query = {},
      .body = JsonObject{{"restore_to", JsonObject{{"snapshot", JsonObject{{"name", snapshot}}}}}},
      .what = "restore the consistency group",
      .deadline = kRestoreDeadline};
  co_return status_of(co_await cluster->client->write(std::move(write)));
}

std::unique_ptr<NativeRestore> make_native_restore(Systems& systems, async::Pool& pool) {
  return std::make_unique<OntapRestore>(systems, pool);
}

}  // namespace holdfast::storage::ontap
