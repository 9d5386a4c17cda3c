// Copies on other systems come back through a temporary relationship with `restore: true` from the
// copy to the target. It is looked for and ended again whatever happened, so that none is left
// behind.
//
// A whole copy fills an empty volume of type dp, which can be written to when it is over, or goes
// over a volume of type rw by what differs from a snapshot that both have; snapshots stay, what was
// written since is gone. From an object store only the first can be done. Files go over a volume of
// type rw.

#include <fmt/core.h>

#include <algorithm>

#include "core/base/log.h"
#include "drivers/storage/ontap/clones.h"
#include "drivers/storage/ontap/restore_impl.h"
#include "drivers/storage/ontap/snapshots.h"

namespace holdfast::storage::ontap {

using async::Co;

namespace {

constexpr size_t kFilesPerTransfer = 8;

bool is_settled(const RelationInfo& info) { return !info.transferring(); }

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

Co<Result<OntapRestore::Copy>> OntapRestore::open_copy(std::string relation) {
  HF_CO_TRY(const VolumeKey key, parse_volume_id(relation));
  HF_CO_TRY(const ClusterPtr holder, co_await systems_.cluster(key.cluster));
  HF_CO_TRY(RelationInfo info, co_await get_relation(holder, key.volume));
  Copy copy{std::move(info), std::nullopt};
  const auto [svm, name] = svm_and_volume(copy.relation.relation.destination);
  if (!name.empty()) {
    HF_CO_TRY(copy.volume, co_await find_volume(copy.relation.cluster, svm, name));
  }
  co_return copy;
}

// Whether a snapshot is on both, from which on a restore goes.
Co<Result<bool>> OntapRestore::have_common(Open original, Copy copy) {
  if (!copy.volume) {
    co_return false;
  }
  HF_CO_TRY(const auto here, co_await list_snapshots({original.cluster, original.info.uuid}, {}));
  HF_CO_TRY(const auto there,
            co_await list_snapshots({copy.relation.cluster, copy.volume->uuid}, {}));
  co_return std::any_of(here.begin(), here.end(), [&](const SnapshotInfo& one) {
    return std::any_of(there.begin(), there.end(), [&](const SnapshotInfo& other) {
      return one.version.empty() ? one.name == other.name && one.created == other.created
                                 : one.version == other.version;
    });
  });
}

// Sends the transfers to "svm:volume", each through a relationship of its own.
Co<Status> OntapRestore::restore_into(ClusterPtr cluster, std::string target, Copy copy,
                                      CopySource source) {
  HF_CO_TRY_VOID(co_await end_restores(cluster, target));
  Status done;
  for (Json& body : transfers_of(source)) {
    HF_CO_TRY(const RelationInfo relation, co_await begin_restore(cluster, copy.relation, target));
    done = co_await transfer(relation, std::move(body));
    const Status ended = co_await end_restores(cluster, target);
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

// A new volume of the original's SVM, filled with the whole copy. One that is there already is of
// an earlier attempt: of type rw it is whole, of type dp it may hold a part, and only an empty one
// can be filled.
Co<Result<VolumeInfo>> OntapRestore::fill_volume(Open original, Copy copy, CopySource source,
                                                 NewPlace place) {
  const auto& [cluster, like] = original;
  HF_CO_TRY(auto found, co_await find_volume(cluster, like.svm, place.name));
  if (found && found->comment != place.comment) {
    co_return Error(Code::kConflict,
                    fmt::format("volume {}:{} is in the way: it was not made for this recovery",
                                like.svm, place.name));
  }
  const std::string target = like.svm + ":" + place.name;
  if (found && found->type == "dp") {
    HF_CO_TRY_VOID(co_await end_restores(cluster, target));  // one that runs may end well meanwhile
    HF_CO_TRY(found, co_await find_volume(cluster, like.svm, place.name));
  }
  if (found && found->type == "dp") {
    HF_CO_TRY_VOID(co_await remove_clone_volume(cluster, *found));
    found = std::nullopt;
  }
  if (!found) {
    HF_CO_TRY_VOID(co_await make_replica_volume(cluster, like, place.name, place.comment));
    source.files.clear();
    HF_CO_TRY_VOID(co_await restore_into(cluster, target, std::move(copy), std::move(source)));
    HF_CO_TRY(found, co_await find_volume(cluster, like.svm, place.name));
  }
  if (!found || found->type == "dp") {
    co_return Error(Code::kUnavailable, "the restored volume cannot be seen: try again",
                    Retry::kTransient)
        .with("volume", target);
  }
  if (found->junction != place.junction.path) {
    HF_CO_TRY_VOID(co_await mount_volume(cluster, *found, place.junction.path));
    found->junction = place.junction.path;
  }
  co_return *std::move(found);
}

Co<Status> OntapRestore::can_restore_copy(Volume volume, CopySource source) {
  HF_CO_TRY(const Open original, co_await open(volume));
  if (!source.place.empty()) {
    co_return co_await free_place(std::move(volume), original, std::move(source.place));
  }
  if (!source.files.empty()) {
    co_return Status();
  }
  HF_CO_TRY(const Copy copy, co_await open_copy(std::move(source.relation)));
  HF_CO_TRY(const bool common, co_await have_common(original, copy));
  if (!common) {
    co_return Error(
        Code::kFailedPrecondition,
        fmt::format("{} and {}:{} have no snapshot in common, from which on the original could be "
                    "restored: a new volume can be filled",
                    copy.relation.relation.destination, original.info.svm, original.info.name));
  }
  co_return Status();
}

Co<Status> OntapRestore::restore_copy(Volume volume, CopySource source) {
  HF_CO_TRY_VOID(check_name(source.snapshot));
  for (const FileToRestore& file : source.files) {
    HF_CO_TRY_VOID(check_restore_path(file.path));
    HF_CO_TRY_VOID(check_restore_path(file.to));
  }
  HF_CO_TRY(Copy copy, co_await open_copy(source.relation));
  HF_CO_TRY(const Open original, co_await open(volume));
  if (source.place.empty()) {
    const std::string own = original.info.svm + ":" + original.info.name;
    co_return co_await restore_into(original.cluster, own, std::move(copy), std::move(source));
  }
  HF_CO_TRY(const Junction junction, co_await junction_at(volume, original, source.place));
  NewPlace place = place_for(original.info, source.place, source.snapshot, junction);
  HF_CO_TRY(const VolumeInfo made,
            co_await fill_volume(original, std::move(copy), std::move(source), std::move(place)));
  const bool visible = co_await is_seen(junction);
  if (!visible) {
    HF_CO_TRY_VOID(co_await remove_clone_volume(original.cluster, made));
    co_return invisible(junction, original.info.svm);
  }
  co_return Status();
}

}  // namespace holdfast::storage::ontap
