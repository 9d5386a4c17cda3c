// Fail-over and failback: break, resynchronise, reverse, release.
//
// Nothing here asks the peer first: while the source is dead, calls that consult it hang or fail.
// An unplanned break goes on where the quiesce fails, and repeats a refused break with `force`.
// What a resync or a reverse throws away is only thrown away when the caller has said so.

#include <fmt/core.h>

#include "core/base/log.h"
#include "core/net/url.h"
#include "drivers/storage/ontap/replication_impl.h"
#include "drivers/storage/ontap/volumes.h"

namespace holdfast::storage::ontap {
namespace {

// The part of a fail-over that may fail because the peer is dead.
constexpr Nanoseconds kQuiesceDeadline = std::chrono::minutes(1);

}  // namespace

using async::Co;

Co<Status> OntapReplication::abort_transfers(RelationInfo info) {
  Client& client = *info.cluster->client;
  HF_CO_TRY(const JsonArray running,
            co_await client.list(info.path() + "/transfers", {{"fields", "uuid,state"}},
                                 "list the running transfers"));
  for (const Json& one : running) {
    Write write{.method = "PATCH",
                .path = info.path() + "/transfers/" + net::url_encode(get_string(one, "uuid")),
                .query = {},
                .body = JsonObject{{"state", "hard_aborted"}},
                .what = "abort the transfer"};
    const auto aborted = co_await client.write(std::move(write));
    if (!aborted && aborted.error().code() != Code::kNotFound) {
      co_return aborted.error();
    }
  }
  co_return Status();
}

Co<Result<Relation>> OntapReplication::break_off(std::string id, bool unplanned) {
  const std::string what = "break the replica off";
  HF_CO_TRY(const RelationInfo before, co_await open(id));
  if (is_broken(before)) {
    co_return before.relation;
  }
  if (unplanned) {
    HF_CO_TRY_VOID(co_await abort_transfers(before));
  }
  Status paused;
  if (!is_paused(before)) {
    paused = co_await set_state(before, "paused", false, "quiesce the replica");
    if (paused) {
      paused = status_of(co_await wait_until(before, is_paused, "quiesce the replica",
                                             unplanned ? kQuiesceDeadline : kStateDeadline));
    }
  }
  if (!paused && !unplanned) {
    co_return paused.error();
  }
  Status broken = co_await set_state(before, "broken_off", false, what);
  if (!broken && unplanned) {
    log_warn("ontap.break_forced",
             {{"relation", before.relation.id}, {"refusal", broken.error().to_string()}});
    broken = co_await set_state(before, "broken_off", true, what);
  }
  if (!broken) {
    co_return std::move(broken).error().with("tried", unplanned ? "break, forced break" : "break");
  }
  HF_CO_TRY_VOID(status_of(co_await wait_until(before, is_broken, what, kStateDeadline)));
  co_return before.relation;
}

Co<Result<Relation>> OntapReplication::resync(std::string id, bool discard) {
  const std::string what = "resynchronise the replica";
  HF_CO_TRY(RelationInfo info, co_await open(std::move(id)));
  if (is_mirror(info)) {
    co_return info.relation;
  }
  if (is_broken(info) && !discard) {
    co_return Error(Code::kFailedPrecondition,
                    fmt::format("{} may hold data that {} has not, and a resync throws it away: "
                                "keep a snapshot or clone of it, then say that it may go",
                                info.relation.destination, info.relation.source));
  }
  HF_CO_TRY_VOID(co_await set_state(info, "snapmirrored", false, what));
  HF_CO_TRY(info, co_await wait_until(info, is_initialized, what, kTransferDeadline));
  HF_CO_TRY_VOID(outcome_of(info, what));
  co_return info.relation;
}

// Policies belong to a cluster: the one of a relationship must be at its new destination too.
Co<Status> OntapReplication::take_policy_along(RelationInfo old, ClusterPtr cluster) {
  const Query named{{"name", exactly(old.relation.policy)}, {"fields", "name,type,retention"}};
  const std::string what = "read the SnapMirror policy";
  HF_CO_TRY(const auto there,
            co_await cluster->client->find_one("/snapmirror/policies", named, what));
  if (there || old.relation.policy.empty()) {
    co_return Status();
  }
  HF_CO_TRY(const auto here,
            co_await old.cluster->client->find_one("/snapmirror/policies", named, what));
  if (!here) {
    co_return Error(Code::kNotFound, "the policy of the relationship is gone")
        .with("policy", old.relation.policy);
  }
  co_return co_await put_policy(cluster->uuid, {old.relation.policy, rules_of(*here)});
}

Co<Result<Relation>> OntapReplication::reverse(std::string id, bool discard) {
  HF_CO_TRY(const RelationInfo old, co_await open(id));
  if (!is_broken(old)) {
    co_return not_in_state(old, "reverse the replication: break it off first");
  }
  if (!discard) {
    co_return Error(Code::kFailedPrecondition,
                    fmt::format("{} may hold data that {} has not, and a reverse throws it away: "
                                "keep a snapshot or clone of it, then say that it may go",
                                old.relation.source, old.relation.destination));
  }
  if (old.relation.source_cluster.empty()) {
    co_return Error(Code::kFailedPrecondition, "the relationship does not name its source cluster");
  }
  HF_CO_TRY(const ClusterPtr cluster, co_await cluster_named(old.relation.source_cluster));
  HF_CO_TRY_VOID(co_await take_policy_along(old, cluster));
  JsonObject body{{"source", JsonObject{{"path", old.relation.destination},
                                        {"cluster", JsonObject{{"name", old.cluster->name}}}}},
                  {"destination", JsonObject{{"path", old.relation.source}}}};
  if (!old.relation.policy.empty()) {
    body["policy"] = JsonObject{{"name", old.relation.policy}};
  }
  if (cluster->uuid == old.cluster->uuid) {
    body["source"].get_object().erase("cluster");
  }
  HF_CO_TRY(const RelationInfo made,
            co_await make(cluster, std::move(body), old.relation.destination, old.relation.source));
  co_return co_await resync(made.relation.id, true);
}

// What the source keeps of a relationship that ended, with the snapshots that only it made.
Co<Status> OntapReplication::release_at(ClusterPtr source, Query which) {
  which.emplace_back("list_destinations_only", "true");
  which.emplace_back("fields", "uuid,source.path");
  HF_CO_TRY(const JsonArray left,
            co_await source->client->list("/snapmirror/relationships", std::move(which),
                                          "look for the relationship at its source"));
  for (const Json& row : left) {
    Write drop{.method = "DELETE",
               .path = "/snapmirror/relationships/" + net::url_encode(get_string(row, "uuid")),
               .query = {{"source_only", "true"}},
               .body = nullptr,
               .what = "release the relationship at its source"};
    const auto dropped = co_await source->client->write(std::move(drop));
    if (!dropped && dropped.error().code() != Code::kNotFound) {
      co_return dropped.error();
    }
  }
  co_return Status();
}

// Gone at the destination: an earlier attempt may have ended before the source heard of it. It goes
// by the same uuid there.
Co<Status> OntapReplication::release_leftovers(std::string uuid) {
  std::vector<std::string> problems;
  const auto clusters = co_await systems_.all_clusters(&problems);
  for (const ClusterPtr& cluster : clusters) {
    HF_CO_TRY_VOID(co_await release_at(cluster, {{"uuid", uuid}}));
  }
  if (!problems.empty()) {
    co_return Error(Code::kUnavailable,
                    fmt::format("the relationship is gone at its destination, and a system that "
                                "may be its source does not answer: {}",
                                problems.front()),
                    Retry::kTransient);
  }
  co_return Status();
}

Co<Status> OntapReplication::release(std::string id) {
  HF_CO_TRY(const VolumeKey key, parse_volume_id(id));
  auto found = co_await open(id);
  if (!found && found.error().code() == Code::kNotFound) {
    co_return co_await release_leftovers(key.volume);
  }
  HF_CO_TRY(const RelationInfo info, std::move(found));
  Write write{.method = "DELETE",
              .path = info.path(),
              .query = {{"destination_only", "true"}},
              .body = nullptr,
              .what = "delete the SnapMirror relationship"};
  HF_CO_TRY_VOID(status_of(co_await info.cluster->client->write(std::move(write))));
  if (info.relation.source_cluster.empty()) {
    co_return Status();
  }
  HF_CO_TRY(const ClusterPtr source, co_await cluster_named(info.relation.source_cluster));
  co_return co_await release_at(source, {{"destination.path", exactly(info.relation.destination)},
                                         {"source.path", exactly(info.relation.source)}});
}

Co<Status> OntapReplication::serve(std::string id, std::string junction) {
  HF_CO_TRY(const RelationInfo info, co_await open(std::move(id)));
  HF_CO_TRY(const VolumeOn volume, co_await destination_of(info));
  Write write{.method = "PATCH",
              .path = "/storage/volumes/" + net::url_encode(volume.uuid),
              .query = {},
              .body = JsonObject{{"nas", JsonObject{{"path", junction}}}},
              .what = "mount the destination volume"};
  co_return status_of(co_await volume.cluster->client->write(std::move(write)));
}

}  // namespace holdfast::storage::ontap
