// Copies on other systems come back through a temporary relationship with `restore: true` from the
// copy to the target. It is looked for and ended again whatever happened, so that none is left
// behind.

#include <fmt/core.h>

#include <algorithm>

#include "core/async/run.h"
#include "core/base/log.h"
#include "core/net/url.h"
#include "drivers/storage/ontap/clones.h"
#include "drivers/storage/ontap/restore_impl.h"
#include "drivers/storage/ontap/snapshots.h"
#include "drivers/storage/ontap/visibility.h"

namespace holdfast::storage::ontap {

using async::Co;

namespace {

constexpr size_t kFilesPerTransfer = 8;

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

}  // namespace

// Ends every restore relationship to the target; one that still transfers is waited for.
Co<Status> OntapRestore::end_restores(ClusterPtr cluster, std::string target) {
  HF_CO_TRY(const auto left,
            co_await list_relations(cluster, {{"destination.path", exactly(target)}}));
  for (const RelationInfo& one : left) {
    if (!one.restores) {
      continue;
    }
    const auto settled =
        co_await wait_until(one, is_settled, "end an earlier restore", kRestoreDeadline);
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
                                                     std::string target) {
  JsonObject body{{"source", JsonObject{{"path", copy.relation.destination}}},
                  {"destination", JsonObject{{"path", target}}},
                  {"restore", true}};
  if (copy.cluster->uuid != cluster->uuid) {
    body["source"].get_object()["cluster"] = JsonObject{{"name", copy.cluster->name}};
  }
  Write write{.method = "POST",
              .path = "/snapmirror/relationships",
              .query = {},
              .body = Json(std::move(body)),
              .what = "begin the restore from the copy"};
  HF_CO_TRY_VOID(status_of(co_await cluster->client->write(std::move(write))));
  constexpr int kVisibleTries = 30;
  for (int i = 0; i < kVisibleTries; ++i) {
    HF_CO_TRY(const auto found,
              co_await list_relations(cluster, {{"destination.path", exactly(target)}}));
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

Co<Status> OntapRestore::restore_copy(Volume volume, CopySource source) {
  HF_CO_TRY_VOID(check_name(source.snapshot));
  for (const FileToRestore& file : source.files) {
    HF_CO_TRY_VOID(check_restore_path(file.path));
    HF_CO_TRY_VOID(check_restore_path(file.to));
  }
  HF_CO_TRY(const VolumeKey key, parse_volume_id(source.relation));
  HF_CO_TRY(const ClusterPtr holder, co_await systems_.cluster(key.cluster));
  HF_CO_TRY(const RelationInfo copy, co_await get_relation(holder, key.volume));
  HF_CO_TRY(const Open original, co_await open(std::move(volume)));
  const std::string own = original.info.svm + ":" + original.info.name;
  const std::string target = source.target.empty() ? own : source.target;
  HF_CO_TRY_VOID(co_await end_restores(original.cluster, target));
  HF_CO_TRY(const bool there, co_await exists(original.cluster, target));
  if (!there) {
    // A restore goes to a read-write volume.
    HF_CO_TRY_VOID(co_await make_volume_like(original.cluster, original.info,
                                             target.substr(target.find(':') + 1),
                                             std::string(kMadeByUs) + "a copy brought back"));
  }
  Status done;
  for (Json& body : transfers_of(source)) {
    HF_CO_TRY(const RelationInfo relation, co_await begin_restore(original.cluster, copy, target));
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

// Where the copy can be read because its own volume is mounted here; empty: nowhere.
Co<std::string> OntapRestore::mounted_copy(RelationInfo copy, std::string snapshot) {
  const std::string& path = copy.relation.destination;
  const size_t colon = path.find(':');
  if (colon == std::string::npos || path.ends_with(":/objstore")) {
    co_return std::string();
  }
  const auto found = co_await list_volumes(
      copy.cluster,
      {{"svm.name", exactly(path.substr(0, colon))}, {"name", exactly(path.substr(colon + 1))}});
  if (!found || found->empty() || found->front().junction.empty()) {
    co_return std::string();
  }
  std::string local =
      systems_.local_path(*copy.cluster, found->front().svm, found->front().junction);
  if (!local.empty()) {
    local += std::string(kSnapshotDirectory) + "/" + snapshot;
  }
  const bool there = co_await async::run_on(pool_, [local] { return path_exists(local); });
  co_return there ? local : std::string();
}

// The junction is given last, so a volume that has it is whole; one without is begun anew.
Co<Result<Clone>> OntapRestore::fetch_copy(Volume volume, CopySource source, std::string name) {
  HF_CO_TRY_VOID(check_name(name));
  const std::string inside = volume.path.substr(volume.root.size());
  HF_CO_TRY(const VolumeKey key, parse_volume_id(source.relation));
  HF_CO_TRY(const ClusterPtr holder, co_await systems_.cluster(key.cluster));
  HF_CO_TRY(const RelationInfo copy, co_await get_relation(holder, key.volume));
  const std::string mounted = co_await mounted_copy(copy, source.snapshot);
  if (!mounted.empty()) {
    co_return Clone{.name = "", .path = mounted + inside};
  }
  HF_CO_TRY(const Open original, co_await open(volume));
  const std::string own = clone_volume_name(name);
  HF_CO_TRY(const Junction junction, junction_for(systems_, *original.cluster, original.info, own));
  const Query same{{"name", exactly(own)}, {"svm.name", exactly(original.info.svm)}};
  HF_CO_TRY(auto found, co_await list_volumes(original.cluster, same));
  if (found.empty() || found.front().junction != junction.path) {
    HF_CO_TRY_VOID(co_await drop_fetched(volume, name));
    source.target = original.info.svm + ":" + own;
    HF_CO_TRY_VOID(co_await restore_copy(volume, source));
    HF_CO_TRY(found, co_await list_volumes(original.cluster, same));
    if (found.empty()) {
      co_return Error(Code::kUnavailable, "the restored volume cannot be seen: try again",
                      Retry::kTransient);
    }
    Write mount{.method = "PATCH",
                .path = "/storage/volumes/" + net::url_encode(found.front().uuid),
                .query = {},
                .body = JsonObject{{"nas", JsonObject{{"path", junction.path}}}},
                .what = "mount the restored volume"};
    HF_CO_TRY_VOID(status_of(co_await original.cluster->client->write(std::move(mount))));
  }
  const bool visible =
      co_await becomes_visible(&systems_.clock(), &pool_, junction.local, volume.root);
  if (!visible) {
    HF_CO_TRY_VOID(co_await drop_fetched(volume, name));
    co_return invisible(junction, original.info.svm);
  }
  // Read from a snapshot of it: the volume's own .snapshot is no part of what was protected.
  const VolumeOn restored{original.cluster, found.front().uuid};
  HF_CO_TRY(const auto kept, co_await find_snapshot(restored, source.snapshot));
  if (!kept) {
    HF_CO_TRY_VOID(status_of(co_await make_snapshot(
        restored, {.name = source.snapshot, .comment = "brought back from a copy"})));
  }
  const std::string snapshots = junction.local + std::string(kSnapshotDirectory);
  const std::string path = snapshots + "/" + source.snapshot;
  const bool readable = co_await becomes_visible(&systems_.clock(), &pool_, path, snapshots);
  if (!readable) {
    co_return Error(Code::kUnavailable, "the restored volume shows no snapshot: try again",
                    Retry::kTransient)
        .with("path", path);
  }
  co_return Clone{.name = name, .path = path + inside};
}

Co<Status> OntapRestore::drop_fetched(Volume volume, std::string name) {
  HF_CO_TRY(const Open original, co_await open(std::move(volume)));
  const std::string own = clone_volume_name(name);
  HF_CO_TRY_VOID(co_await end_restores(original.cluster, original.info.svm + ":" + own));
  HF_CO_TRY(const auto found,
            co_await list_volumes(original.cluster, {{"name", exactly(own)},
                                                     {"svm.name", exactly(original.info.svm)}}));
  if (found.empty()) {
    co_return Status();
  }
  co_return co_await remove_clone_volume(original.cluster, found.front());
}

}  // namespace holdfast::storage::ontap
