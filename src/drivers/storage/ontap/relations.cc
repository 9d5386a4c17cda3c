#include "drivers/storage/ontap/relations.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "core/net/url.h"
#include "drivers/storage/ontap/snapshots.h"
#include "drivers/storage/ontap/values.h"

namespace holdfast::storage::ontap {
namespace {

using async::Co;

constexpr std::string_view kFields =
    "uuid,source,destination,policy,state,healthy,unhealthy_reason,lag_time,exported_snapshot,"
    "transfer,restore";
constexpr Nanoseconds kFirstPoll = std::chrono::milliseconds(200);
constexpr Nanoseconds kLongestPoll = std::chrono::seconds(5);

std::string reasons_of(const Json& record) {
  std::string text;
  if (const Json& reasons = at(record, "unhealthy_reason"); reasons.is_array()) {
    for (const Json& reason : reasons.get_array()) {
      text += (text.empty() ? "" : "; ") + get_string(reason, "message");
    }
  }
  return text;
}

RelationInfo relation_from(const ClusterPtr& cluster, const Json& record) {
  RelationInfo info;
  info.cluster = cluster;
  info.uuid = get_string(record, "uuid");
  const Json& source = at(record, "source");
  const Json& destination = at(record, "destination");
  info.source_svm = get_string(at(source, "svm"), "name");
  info.destination_svm = get_string(at(destination, "svm"), "name");
  info.policy_type = get_string(at(record, "policy"), "type");
  info.restores = get_bool(record, "restore");
  Relation& relation = info.relation;
  relation.id = cluster->uuid + "/" + info.uuid;
  relation.source = get_string(source, "path");
  relation.source_cluster = get_string(at(source, "cluster"), "name");
  relation.destination = get_string(destination, "path");
  relation.destination_cluster = cluster->name;
  relation.policy = get_string(at(record, "policy"), "name");
  relation.state = get_string(record, "state");
  relation.healthy = get_bool(record, "healthy");
  relation.reason = reasons_of(record);
  if (const auto lag = parse_iso_duration(get_string(record, "lag_time"))) {
    relation.lag = *lag;
  }
  relation.exported_snapshot = get_string(record, "exported_snapshot");
  if (relation.exported_snapshot.empty()) {
    relation.exported_snapshot = get_string(at(record, "exported_snapshot"), "name");
  }
  const Json& transfer = at(record, "transfer");
  info.transfer_uuid = get_string(transfer, "uuid");
  relation.transfer_state = get_string(transfer, "state");
  relation.transferred_bytes =
      static_cast<std::uint64_t>(std::max<std::int64_t>(get_int(transfer, "bytes_transferred"), 0));
  return info;
}

// A destination that the source knows and nobody could show.
RelationInfo silent(const Json& record, const std::string& problems) {
  RelationInfo info;
  info.relation.source = get_string(at(record, "source"), "path");
  info.relation.destination = get_string(at(record, "destination"), "path");
  info.relation.state = "unreachable";
  info.relation.reason = problems;
  return info;
}

}  // namespace

std::pair<std::string, std::string> svm_and_volume(const std::string& path) {
  const size_t colon = path.find(':');
  if (colon == std::string::npos || path.substr(colon + 1).starts_with('/')) {
    return {};
  }
  return {path.substr(0, colon), path.substr(colon + 1)};
}

std::string RelationInfo::path() const {
  return "/snapmirror/relationships/" + net::url_encode(uuid);
}

Co<Result<std::vector<RelationInfo>>> list_relations(ClusterPtr destination, Query filter) {
  filter.emplace_back("fields", kFields);
  HF_CO_TRY(const JsonArray records,
            co_await destination->client->list("/snapmirror/relationships", std::move(filter),
                                               "list the SnapMirror relationships"));
  std::vector<RelationInfo> relations;
  for (const Json& record : records) {
    relations.push_back(relation_from(destination, record));
  }
  co_return relations;
}

Co<Result<RelationInfo>> get_relation(ClusterPtr destination, std::string uuid) {
  HF_CO_TRY(const Json record,
            co_await destination->client->get("/snapmirror/relationships/" + net::url_encode(uuid),
                                              {{"fields", std::string(kFields)}},
                                              "read the SnapMirror relationship"));
  co_return relation_from(destination, record);
}

Co<Result<std::vector<RelationInfo>>> relations_from(Systems& systems, ClusterPtr source,
                                                     VolumeInfo volume) {
  const std::string path = volume.svm + ":" + volume.name;
  HF_CO_TRY(const JsonArray destinations,
            co_await source->client->list("/snapmirror/relationships",
                                          {{"list_destinations_only", "true"},
                                           {"source.path", exactly(path)},
                                           {"fields", "source.path,destination.path"}},
                                          "list the volume's replicas"));
  std::vector<RelationInfo> relations;
  if (destinations.empty()) {
    co_return relations;
  }
  std::vector<std::string> problems;
  const auto clusters = co_await systems.all_clusters(&problems);
  std::vector<RelationInfo> shown;
  for (const ClusterPtr& cluster : clusters) {
    auto there = co_await list_relations(cluster, {{"source.path", exactly(path)}});
    if (!there) {
      problems.push_back(there.error().to_string());
      continue;
    }
    shown.insert(shown.end(), there->begin(), there->end());
  }
  for (const Json& record : destinations) {
    const std::string destination = get_string(at(record, "destination"), "path");
    const auto same = std::find_if(shown.begin(), shown.end(), [&](const RelationInfo& one) {
      return one.relation.destination == destination && !one.restores;
    });
    if (same != shown.end()) {
      relations.push_back(*same);
    } else if (!problems.empty()) {
      relations.push_back(silent(record, problems.front()));
    }
  }
  co_return relations;
}

Replica to_replica(const RelationInfo& info) {
  const Relation& relation = info.relation;
  const std::string where =
      relation.destination_cluster.empty() ? "" : relation.destination_cluster + "/";
  return {.id = relation.id,
          .target = where + relation.destination,
          .healthy = relation.healthy,
          .state = relation.reason.empty() ? relation.state
                                           : relation.state + " (" + relation.reason + ")",
          .lag = relation.lag};
}

std::vector<ReplicationRule> rules_of(const Json& policy) {
  std::vector<ReplicationRule> rules;
  if (const Json& rows = at(policy, "retention"); rows.is_array()) {
    for (const Json& row : rows.get_array()) {
      ReplicationRule rule{get_string(row, "label"), 0, get_string(row, "period")};
      const std::string count = get_string(row, "count");  // a text, on purpose
      std::from_chars(count.data(), count.data() + count.size(), rule.count);
      rules.push_back(std::move(rule));
    }
  }
  return rules;
}

Co<Result<bool>> carry_our_snapshots(RelationInfo relation) {
  Client& client = *relation.cluster->client;
  const std::string& name = relation.relation.policy;
  HF_CO_TRY(const auto policy, co_await client.find_one("/snapmirror/policies",
                                                        {{"name", exactly(name)},
                                                         {"fields",
                                                          "uuid,name,type,retention,"
                                                          "copy_all_source_snapshots"}},
                                                        "read the SnapMirror policy"));
  if (!policy) {
    co_return Error(Code::kNotFound, "the policy of the relationship is gone").with("policy", name);
  }
  if (get_bool(*policy, "copy_all_source_snapshots")) {
    co_return false;
  }
  if (get_string(*policy, "type") != "async") {
    co_return Error(Code::kFailedPrecondition,
                    fmt::format("policy {} is synchronous and carries no snapshots by their label: "
                                "make an asynchronous relationship for copies of points",
                                name));
  }
  for (const ReplicationRule& rule : rules_of(*policy)) {
    if (rule.label == kLabel) {
      co_return false;
    }
  }
  JsonArray rules;
  if (const Json& rows = at(*policy, "retention"); rows.is_array()) {
    rules = rows.get_array();
  }
  rules.push_back(JsonObject{{"label", kLabel}, {"count", std::to_string(kMostReplicas)}});
  Write write{.method = "PATCH",
              .path = "/snapmirror/policies/" + net::url_encode(get_string(*policy, "uuid")),
              .query = {},
              .body = JsonObject{{"retention", std::move(rules)}},
              .what = "add a rule to the SnapMirror policy"};
  HF_CO_TRY_VOID(status_of(co_await client.write(std::move(write))));
  co_return true;
}

Co<Result<RelationInfo>> wait_until(RelationInfo relation, Reached reached, std::string what,
                                    Nanoseconds deadline) {
  env::Clock& clock = relation.cluster->client->clock();
  const MonoTime until = clock.mono() + deadline;
  Nanoseconds delay = kFirstPoll;
  while (true) {
    HF_CO_TRY(relation, co_await get_relation(relation.cluster, relation.uuid));
    if (reached(relation)) {
      co_return relation;
    }
    if (clock.mono() + delay > until) {
      co_return Error(
          Code::kDeadlineExceeded,
          fmt::format(
              "cannot {} in time: the relationship is {}, its transfer {}{}{}", what,
              relation.relation.state,
              relation.relation.transfer_state.empty() ? "none" : relation.relation.transfer_state,
              relation.relation.reason.empty() ? "" : ": ", relation.relation.reason),
          Retry::kTransient)
          .with("relation", relation.relation.id);
    }
    const bool awake = co_await async::sleep_for(clock, delay);
    if (!awake) {
      co_return Error(Code::kCancelled, "the wait for a relationship was cancelled");
    }
    delay = std::min<Nanoseconds>(delay * 3 / 2, kLongestPoll);
  }
}

}  // namespace holdfast::storage::ontap
