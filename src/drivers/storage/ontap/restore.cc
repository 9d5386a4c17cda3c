// Restores that the cluster does itself. A copy on another cluster comes back through a temporary
// relationship with `restore: true` from the copy to the target; it is looked for and ended again
// whatever happened, so that none is left behind.

#include "drivers/storage/ontap/restore.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/log.h"
#include "core/net/url.h"
#include "drivers/storage/ontap/groups.h"
#include "drivers/storage/ontap/relations.h"
#include "drivers/storage/ontap/snapshots.h"
#include "drivers/storage/ontap/volumes.h"

namespace holdfast::storage::ontap {
namespace {

using async::Co;

constexpr Nanoseconds kRestoreDeadline = std::chrono::minutes(30);
constexpr size_t kFilesPerTransfer = 8;

// No file of the volume, or a way out of it.
Status check_path(const std::string& path) {
  const bool outside = path.empty() || path.starts_with('/') || path == ".." ||
                       path.starts_with("../") || path.find("/../") != std::string::npos ||
                       path.ends_with("/..");
  if (outside || path.starts_with(".snapshot/")) {
    return Error(Code::kInvalidArgument, "a file to restore is given relative to its volume")
        .with("path", path);
  }
  return {};
}

bool is_settled(const RelationInfo& info) { return !info.transferring(); }

// Whether there is a volume "svm:name".
Co<Result<bool>> exists(ClusterPtr cluster, std::string target) {
  const size_t colon = target.find(':');
  if (colon == std::string::npos || colon + 1 == target.size()) {
    co_return Error(Code::kInvalidArgument, "the target of a restore is written svm:volume")
        .with("target", target);
  }
  HF_CO_TRY(const auto found,
            co_await list_volumes(cluster, {{"svm.name", exactly(target.substr(0, colon))},
                                            {"name", exactly(target.substr(colon + 1))}}));
  co_return !found.empty();
}

class OntapRestore final : public NativeRestore {
 public:
  explicit OntapRestore(Systems& systems) : systems_(systems) {}

  Co<Result<std::vector<Snapshot>>> lost_by_restore(Volume volume, std::string snapshot) override;
  Co<Status> restore_volume(Volume volume, std::string snapshot) override;
  Co<Status> restore_group(std::vector<Volume> volumes, std::string snapshot) override;
  Co<Status> restore_file(Volume volume, std::string snapshot, FileToRestore file) override;
  Co<Status> clone_file(Volume volume, std::string snapshot, FileToRestore file) override;
  Co<Status> restore_copy(Volume volume, CopySource source) override;

 private:
  struct Open {
    ClusterPtr cluster;
    VolumeInfo info;
  };
  Co<Result<Open>> open(Volume volume);
  Co<Result<Open>> open_with(Volume volume, std::string snapshot);
  Co<Status> end_restores(ClusterPtr cluster, std::string target);
  Co<Result<RelationInfo>> begin_restore(ClusterPtr cluster, RelationInfo copy, std::string target,
                                         bool make_target);
  Co<Status> transfer(RelationInfo relation, Json body);

  Systems& systems_;
};

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
  std::vector<Snapshot> lost;
  bool newer = false;
  for (const SnapshotInfo& info : all) {
    if (newer) {
      lost.push_back(to_snapshot(info));
    }
    newer = newer || info.name == snapshot;
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
      .body = JsonObject{{"restore_to",
                          JsonObject{{"snapshot", JsonObject{{"name", snapshot}}}}}},
      .what = "restore the consistency group",
      .deadline = kRestoreDeadline};
  co_return status_of(co_await cluster->client->write(std::move(write)));
}

Co<Status> OntapRestore::restore_file(Volume volume, std::string snapshot, FileToRestore file) {
  HF_CO_TRY_VOID(check_path(file.path));
  HF_CO_TRY_VOID(check_path(file.to));
  HF_CO_TRY(const Open now, co_await open_with(std::move(volume), snapshot));
  Write write{.method = "PATCH",
              .path = "/storage/volumes/" + net::url_encode(now.info.uuid),
              .query = {{"restore_to.snapshot.name", snapshot},
                        {"restore_to.path", file.path},
                        {"restore_to.restore_path", file.to}},
              .body = JsonObject{},
              .what = "restore the file",
              .deadline = kRestoreDeadline};
  co_return status_of(co_await now.cluster->client->write(std::move(write)));
}

Co<Status> OntapRestore::clone_file(Volume volume, std::string snapshot, FileToRestore file) {
  HF_CO_TRY_VOID(check_path(file.path));
  HF_CO_TRY_VOID(check_path(file.to));
  HF_CO_TRY(const Open now, co_await open_with(std::move(volume), snapshot));
  Write write{.method = "POST",
              .path = "/storage/file/clone",
              .query = {},
              .body = JsonObject{{"volume", JsonObject{{"name", now.info.name},
                                                       {"uuid", now.info.uuid}}},
                                 {"source_path", ".snapshot/" + snapshot + "/" + file.path},
                                 {"destination_path", file.to}},
              .what = "clone the file out of the snapshot",
              .deadline = kRestoreDeadline};
  co_return status_of(co_await now.cluster->client->write(std::move(write)));
}

// Ends every restore relationship to the target; one that still transfers is waited for.
Co<Status> OntapRestore::end_restores(ClusterPtr cluster, std::string target) {
  HF_CO_TRY(const auto left, co_await list_relations(cluster, {{"destination.path",
                                                                exactly(target)}}));
  for (const RelationInfo& one : left) {
    if (!one.restores) {
      continue;
    }
    const auto settled = co_await wait_until(one, is_settled, "end an earlier restore",
                                             kRestoreDeadline);
    if (!settled && settled.error().code() != Code::kNotFound) {
      co_return settled.error();
    }
    Write write{.method = "DELETE",
                .path = one.path(),
                .query = {},
                .body = nullptr,
                .what = "end the restore relationship"};
    const auto gone = co_await cluster->client->write(std::move(write));
    if (!gone && gone.error().code() != Code::kNotFound) {
      co_return gone.error();
    }
  }
  co_return Status();
}

Co<Result<RelationInfo>> OntapRestore::begin_restore(ClusterPtr cluster, RelationInfo copy,
                                                     std::string target, bool make_target) {
  JsonObject body{{"source", JsonObject{{"path", copy.relation.destination}}},
                  {"destination", JsonObject{{"path", target}}},
                  {"restore", true}};
  if (copy.cluster->uuid != cluster->uuid) {
    body["source"].get_object()["cluster"] = JsonObject{{"name", copy.cluster->name}};
  }
  if (make_target) {
    body["create_destination"] = JsonObject{{"enabled", true}};
  }
  Write write{.method = "POST",
              .path = "/snapmirror/relationships",
              .query = {},
              .body = Json(std::move(body)),
              .what = "begin the restore from the copy"};
  HF_CO_TRY_VOID(status_of(co_await cluster->client->write(std::move(write))));
  constexpr int kVisibleTries = 30;
  for (int i = 0; i < kVisibleTries; ++i) {
    HF_CO_TRY(const auto found, co_await list_relations(cluster, {{"destination.path",
                                                                   exactly(target)}}));
    const auto ours = std::find_if(found.begin(), found.end(),
                                   [](const RelationInfo& one) { return one.restores; });
    if (ours != found.end()) {
      co_return *ours;
    }
    (void)co_await async::sleep_for(cluster->client->clock(), std::chrono::milliseconds(500));
  }
  co_return Error(Code::kUnavailable, "the restore relationship was made and cannot be seen",
                  Retry::kTransient);
}

// Sends one transfer and waits for its end; a relationship that has gone by then has done its work.
Co<Status> OntapRestore::transfer(RelationInfo relation, Json body) {
  const std::string what = "restore from the copy";
  Client& client = *relation.cluster->client;
  Write write{.method = "POST",
              .path = relation.path() + "/transfers",
              .query = {},
              .body = std::move(body),
              .what = what,
              .deadline = kRestoreDeadline};
  HF_CO_TRY(const Written started, co_await client.write(std::move(write)));
  const MonoTime until = client.clock().mono() + kRestoreDeadline;
  Nanoseconds delay = std::chrono::milliseconds(200);
  while (true) {
    const auto now = co_await get_relation(relation.cluster, relation.uuid);
    if (!now && now.error().code() == Code::kNotFound) {
      co_return Status();
    }
    HF_CO_TRY_VOID(status_of(now));
    const std::string& state = now->relation.transfer_state;
    if (state == "success") {
      co_return Status();
    }
    if (!state.empty() && !now->transferring()) {
      co_return Error(Code::kUnavailable,
                      fmt::format("cannot {}: the transfer ended as {}{}{}", what, state,
                                  now->relation.reason.empty() ? "" : ": ", now->relation.reason),
                      Retry::kTransient);
    }
    if (client.clock().mono() + delay > until) {
      co_return Error(Code::kDeadlineExceeded,
                      fmt::format("cannot {} in time: the transfer is still running", what),
                      Retry::kTransient)
          .with("transfer", started.key);
    }
    (void)co_await async::sleep_for(client.clock(), delay);
    delay = std::min<Nanoseconds>(delay * 3 / 2, std::chrono::seconds(5));
  }
}

// The transfers of a restore: one for a volume, several for many files.
std::vector<Json> transfers_of(const CopySource& source) {
  std::vector<Json> bodies;
  if (source.files.empty()) {
    bodies.emplace_back(JsonObject{{"source_snapshot", source.snapshot}});
  }
  for (size_t first = 0; first < source.files.size(); first += kFilesPerTransfer) {
    JsonArray files;
    for (size_t i = first; i < std::min(first + kFilesPerTransfer, source.files.size()); ++i) {
      files.push_back(JsonObject{{"source_path", "/" + source.files[i].path},
                                 {"destination_path", "/" + source.files[i].to}});
    }
    bodies.emplace_back(
        JsonObject{{"source_snapshot", source.snapshot}, {"files", std::move(files)}});
  }
  return bodies;
}

Co<Status> OntapRestore::restore_copy(Volume volume, CopySource source) {
  HF_CO_TRY_VOID(check_name(source.snapshot));
  for (const FileToRestore& file : source.files) {
    HF_CO_TRY_VOID(check_path(file.path));
    HF_CO_TRY_VOID(check_path(file.to));
  }
  HF_CO_TRY(const VolumeKey key, parse_volume_id(source.relation));
  HF_CO_TRY(const ClusterPtr holder, co_await systems_.cluster(key.cluster));
  HF_CO_TRY(const RelationInfo copy, co_await get_relation(holder, key.volume));
  HF_CO_TRY(const Open original, co_await open(std::move(volume)));
  const std::string own = original.info.svm + ":" + original.info.name;
  const std::string target = source.target.empty() ? own : source.target;
  HF_CO_TRY_VOID(co_await end_restores(original.cluster, target));
  HF_CO_TRY(bool there, co_await exists(original.cluster, target));
  Status done;
  for (Json& body : transfers_of(source)) {
    HF_CO_TRY(const RelationInfo relation,
              co_await begin_restore(original.cluster, copy, target, !std::exchange(there, true)));
    done = co_await transfer(relation, std::move(body));
    const Status ended = co_await end_restores(original.cluster, target);
    if (!ended) {
      log_warn("ontap.restore_relation_left",
               {{"target", target}, {"error", ended.error().to_string()}});
    }
    if (!done) {
      break;
    }
  }
  co_return done;
}

}  // namespace

std::unique_ptr<NativeRestore> make_native_restore(Systems& systems) {
  return std::make_unique<OntapRestore>(systems);
}

}  // namespace holdfast::storage::ontap
