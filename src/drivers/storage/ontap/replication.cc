// State changes only trigger: after each PATCH the relation is asked until it shows the state,
// since a break right after a quiesce is refused (code 4). A transfer is over when the list of
// running transfers no longer has it; what the relation then shows is its outcome.

#include "drivers/storage/ontap/replication.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>

#include "core/crypto/digest.h"
#include "core/net/url.h"
#include "drivers/storage/ontap/errors.h"
#include "drivers/storage/ontap/peers.h"
#include "drivers/storage/ontap/replication_impl.h"
#include "drivers/storage/ontap/schedules.h"
#include "drivers/storage/ontap/volumes.h"

namespace holdfast::storage::ontap {
namespace {

using async::Co;

constexpr std::int64_t kVolumeExists = 917526;

}  // namespace

Error not_in_state(const RelationInfo& info, std::string_view what) {
  return Error(Code::kFailedPrecondition,
               fmt::format("cannot {}: the relationship is {}", what, info.relation.state))
      .with("relation", info.relation.id);
}

Status outcome_of(const RelationInfo& info, std::string_view what) {
  const std::string& state = info.relation.transfer_state;
  if (state == "failed" || state == "aborted" || state == "hard_aborted") {
    return Error(Code::kUnavailable,
                 fmt::format("cannot {}: the transfer {}{}{}", what,
                             state == "failed" ? "failed" : "was aborted",
                             info.relation.reason.empty() ? "" : ": ", info.relation.reason),
                 Retry::kTransient)
        .with("relation", info.relation.id);
  }
  return {};
}

Co<Result<RelationInfo>> OntapReplication::open(std::string id) {
  HF_CO_TRY(const VolumeKey key, parse_volume_id(id));
  HF_CO_TRY(const ClusterPtr cluster, co_await systems_.cluster(key.cluster));
  co_return co_await get_relation(cluster, key.volume);
}

Co<Result<ClusterPtr>> OntapReplication::cluster_named(std::string name) {
  std::vector<std::string> problems;
  const auto clusters = co_await systems_.all_clusters(&problems);
  for (const ClusterPtr& cluster : clusters) {
    if (cluster->name == name || cluster->uuid == name) {
      HF_CO_TRY_VOID(check_release(*cluster));
      co_return cluster;
    }
  }
  if (!problems.empty()) {
    co_return Error(Code::kUnavailable,
                    fmt::format("cluster '{}' may belong to a system that does not answer: {}",
                                name, problems.front()),
                    Retry::kTransient);
  }
  co_return Error(
      Code::kNotFound,
      fmt::format("no configured system has a cluster '{}': 'holdfast system add' it", name));
}

Co<Result<std::vector<Relation>>> OntapReplication::list(Volume source) {
  HF_CO_TRY(const VolumeKey key, parse_volume_id(source.id));
  HF_CO_TRY(const ClusterPtr cluster, co_await systems_.cluster(key.cluster));
  HF_CO_TRY(const VolumeInfo volume, co_await get_volume(cluster, key.volume));
  HF_CO_TRY(const auto found, co_await relations_from(systems_, cluster, volume));
  std::vector<Relation> relations;
  for (const RelationInfo& info : found) {
    relations.push_back(info.relation);
  }
  co_return relations;
}

Co<Result<Relation>> OntapReplication::find(std::string id) {
  HF_CO_TRY(const RelationInfo info, co_await open(std::move(id)));
  co_return info.relation;
}

Co<Status> OntapReplication::put_policy(std::string cluster_name, ReplicationPolicy policy) {
  HF_CO_TRY(const ClusterPtr cluster, co_await cluster_named(std::move(cluster_name)));
  JsonArray rules;
  for (const ReplicationRule& rule : policy.rules) {
    JsonObject row{{"label", rule.label}, {"count", std::to_string(rule.count)}};
    if (!rule.period.empty()) {
      row["period"] = rule.period;
    }
    rules.push_back(std::move(row));
  }
  HF_CO_TRY(const auto existing,
            co_await cluster->client->find_one(
                "/snapmirror/policies", {{"name", exactly(policy.name)}, {"fields", "uuid,name"}},
                "look for the SnapMirror policy"));
  Write write{.method = existing ? "PATCH" : "POST",
              .path = "/snapmirror/policies",
              .query = {},
              .body = JsonObject{{"retention", std::move(rules)}},
              .what = "save the SnapMirror policy"};
  if (existing) {
    write.path += "/" + net::url_encode(get_string(*existing, "uuid"));
  } else {
    write.body.get_object()["name"] = policy.name;
    write.body.get_object()["type"] = "async";
    if (policy.only_labelled) {
      write.body.get_object()["create_snapshot_on_source"] = false;
    }
  }
  auto saved = co_await cluster->client->write(std::move(write));
  co_return !saved && saved.error().code() == Code::kAlreadyExists ? Status() : status_of(saved);
}

// Makes a relation to this destination, or takes the one that is there.
Co<Result<RelationInfo>> OntapReplication::make(ClusterPtr cluster, JsonObject body,
                                                std::string source, std::string destination) {
  const Query same{{"destination.path", exactly(destination)}};
  HF_CO_TRY(auto found, co_await list_relations(cluster, same));
  if (found.empty()) {
    Write write{.method = "POST",
                .path = "/snapmirror/relationships",
                .query = {},
                .body = Json(std::move(body)),
                .what = "create the SnapMirror relationship"};
    const auto made = co_await cluster->client->write(std::move(write));
    constexpr int kVisibleTries = 30;
    for (int i = 0; i < kVisibleTries; ++i) {
      HF_CO_TRY(found, co_await list_relations(cluster, same));
      if (!found.empty() || !made) {
        break;
      }
      (void)co_await async::sleep_for(cluster->client->clock(), std::chrono::milliseconds(500));
    }
    if (found.empty()) {
      co_return made
          ? Error(Code::kUnavailable, "the relationship was made and cannot be seen: try again",
                  Retry::kTransient)
          : made.error();
    }
  }
  if (found.front().relation.source != source) {
    co_return Error(Code::kConflict, fmt::format("{} is the replica of {}, not of {}", destination,
                                                 found.front().relation.source, source));
  }
  co_return found.front();
}

// The name of the schedule that a spec means: one that is there, or the one that its cron text
// makes.
Co<Result<std::string>> OntapReplication::schedule_of(ClusterPtr cluster, std::string schedule) {
  if (schedule.find(' ') == std::string::npos) {
    co_return schedule;
  }
  const std::string name = "holdfast_" + crypto::sha256_hex(as_bytes(schedule)).substr(0, 8);
  HF_CO_TRY_VOID(co_await put_schedule(std::move(cluster), name, std::move(schedule)));
  co_return name;
}

namespace {

// Whether an attempt that failed in between left its destination: a replica volume without data.
Co<Result<bool>> was_left_empty(ClusterPtr cluster, std::string destination) {
  const auto [svm, name] = svm_and_volume(destination);
  HF_CO_TRY(const auto volumes,
            co_await list_volumes(cluster, {{"name", exactly(name)}, {"svm.name", exactly(svm)}}));
  if (volumes.empty() || volumes.front().type != "dp") {
    co_return false;
  }
  HF_CO_TRY(const auto snapshots, co_await list_snapshots({cluster, volumes.front().uuid}, {}));
  co_return snapshots.empty();
}

}  // namespace

Co<Result<Relation>> OntapReplication::create(Volume source, RelationSpec spec) {
  HF_CO_TRY(const VolumeKey key, parse_volume_id(source.id));
  HF_CO_TRY(const ClusterPtr from, co_await systems_.cluster(key.cluster));
  HF_CO_TRY(const VolumeInfo volume, co_await get_volume(from, key.volume));
  ClusterPtr to = from;
  if (!spec.destination_cluster.empty()) {
    HF_CO_TRY(to, co_await cluster_named(spec.destination_cluster));
  }
  const std::string path = volume.svm + ":" + volume.name;
  const bool to_store = spec.destination.ends_with(kObjectStore);
  if (!to_store) {
    const std::string svm = spec.destination.substr(0, spec.destination.find(':'));
    HF_CO_TRY_VOID(co_await ensure_svm_peer(to, svm, from, volume.svm));
  }
  JsonObject body{{"source", JsonObject{{"path", path}}},
                  {"destination", JsonObject{{"path", spec.destination}}}};
  if (to->uuid != from->uuid) {
    body["source"].get_object()["cluster"] = JsonObject{{"name", from->name}};
  }
  if (!spec.policy.empty()) {
    body["policy"] = JsonObject{{"name", spec.policy}};
  }
  if (!spec.schedule.empty()) {
    HF_CO_TRY(const std::string schedule, co_await schedule_of(to, spec.schedule));
    body["transfer_schedule"] = JsonObject{{"name", schedule}};
  }
  if (spec.make_destination && !to_store) {
    JsonObject made{{"enabled", true}};
    if (spec.locking) {
      made["snapshot_locking_enabled"] = true;
    }
    body["create_destination"] = std::move(made);
  }
  auto made = co_await make(to, body, path, spec.destination);
  if (!made && ontap_code(made.error()) == kVolumeExists && body.contains("create_destination")) {
    HF_CO_TRY(const bool left, co_await was_left_empty(to, spec.destination));
    if (left) {
      body.erase("create_destination");
      made = co_await make(to, std::move(body), path, spec.destination);
    }
  }
  HF_CO_TRY(RelationInfo info, std::move(made));
  if (info.relation.state == "uninitialized" && !info.transferring()) {
    HF_CO_TRY_VOID(co_await set_state(info, "snapmirrored", false, "initialize the replica"));
  }
  HF_CO_TRY(info,
            co_await wait_until(info, is_initialized, "initialize the replica", kTransferDeadline));
  HF_CO_TRY_VOID(outcome_of(info, "initialize the replica"));
  co_return info.relation;
}

Co<Status> OntapReplication::set_state(RelationInfo info, std::string state, bool force,
                                       std::string what) {
  Write write{.method = "PATCH",
              .path = info.path(),
              .query = {},
              .body = JsonObject{{"state", state}},
              .what = std::move(what)};
  if (force) {
    write.query.emplace_back("force", "true");
  }
  co_return status_of(co_await info.cluster->client->write(std::move(write)));
}

// One transfer, from start to end.
Co<Status> OntapReplication::transfer(RelationInfo info, std::string what) {
  Client& client = *info.cluster->client;
  Write write{.method = "POST",
              .path = info.path() + "/transfers",
              .query = {},
              .body = JsonObject{},
              .what = what};
  const auto started = co_await client.write(std::move(write));
  const bool busy = !started && started.error().code() == Code::kConflict;
  if (!started && !busy) {
    co_return started.error();
  }
  const std::string uuid = started ? started->key : "";
  const MonoTime until = client.clock().mono() + kTransferDeadline;
  Nanoseconds delay = std::chrono::milliseconds(200);
  while (true) {
    HF_CO_TRY(const JsonArray running,
              co_await client.list(info.path() + "/transfers", {{"fields", "uuid,state"}}, what));
    const bool still = std::any_of(running.begin(), running.end(), [&](const Json& one) {
      const std::string state = get_string(one, "state");
      return (uuid.empty() || get_string(one, "uuid") == uuid) &&
             (state.empty() || state == "transferring" || state == "queued");
    });
    if (!still) {
      break;
    }
    if (client.clock().mono() + delay > until) {
      co_return Error(Code::kDeadlineExceeded,
                      fmt::format("cannot {} in time: the transfer is still running", what),
                      Retry::kTransient);
    }
    (void)co_await async::sleep_for(client.clock(), delay);
    delay = std::min<Nanoseconds>(delay * 3 / 2, std::chrono::seconds(5));
  }
  HF_CO_TRY(info, co_await wait_until(info, is_settled, what, kStateDeadline));
  co_return outcome_of(info, what);
}

Co<Result<Relation>> OntapReplication::update(std::string id, std::string snapshot) {
  const std::string what = "update the replica";
  HF_CO_TRY(RelationInfo info, co_await open(id));
  // A transfer that runs already may have begun before the snapshot was made.
  HF_CO_TRY(info, co_await wait_until(info, is_settled, what, kTransferDeadline));
  if (!is_mirror(info)) {
    co_return not_in_state(info, what);
  }
  const bool to_store = info.relation.destination.ends_with(kObjectStore);
  if (!snapshot.empty() && !to_store) {
    HF_CO_TRY(const auto there, co_await copy_of(id, snapshot));
    if (there) {
      co_return info.relation;
    }
  }
  HF_CO_TRY_VOID(co_await transfer(info, what));
  if (!snapshot.empty()) {
    HF_CO_TRY_VOID(co_await check_carried(info, std::move(snapshot)));
  }
  co_return co_await find(std::move(id));
}

Co<Result<Relation>> OntapReplication::quiesce(std::string id) {
  HF_CO_TRY(RelationInfo info, co_await open(std::move(id)));
  if (!is_paused(info)) {
    HF_CO_TRY_VOID(co_await set_state(info, "paused", false, "quiesce the replica"));
    HF_CO_TRY(info, co_await wait_until(info, is_paused, "quiesce the replica", kStateDeadline));
  }
  co_return info.relation;
}

Co<Result<Relation>> OntapReplication::resume(std::string id) {
  HF_CO_TRY(RelationInfo info, co_await open(std::move(id)));
  if (is_broken(info)) {
    co_return not_in_state(info, "resume the replica");
  }
  if (is_paused(info)) {
    HF_CO_TRY_VOID(co_await set_state(info, "snapmirrored", false, "resume the replica"));
    HF_CO_TRY(info, co_await wait_until(info, is_mirror, "resume the replica", kStateDeadline));
  }
  co_return info.relation;
}

std::unique_ptr<Replication> make_replication(Systems& systems) {
  return std::make_unique<OntapReplication>(systems);
}

}  // namespace holdfast::storage::ontap
