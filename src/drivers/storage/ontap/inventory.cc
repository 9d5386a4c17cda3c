#include "drivers/storage/ontap/inventory.h"
#include "drivers/storage/ontap/values.h"

#include <algorithm>

namespace holdfast::storage::ontap {
namespace {

using async::Co;

std::uint64_t bytes(const Json& value, std::string_view key) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(get_int(value, key), 0));
}

AggregateInfo aggregate_from(const Json& record) {
  const Json& space = at(at(record, "space"), "block_storage");
  return {.uuid = get_string(record, "uuid"),
          .name = get_string(record, "name"),
          .node = get_string(at(record, "node"), "name"),
          .state = get_string(record, "state"),
          .size = bytes(space, "size"),
          .available = bytes(space, "available"),
          .used = bytes(space, "used"),
          .logical_used = bytes(at(at(record, "space"), "efficiency"), "logical_used"),
          .savings = bytes(at(at(record, "space"), "efficiency"), "savings"),
          .efficiency = get_double(at(at(record, "space"), "efficiency"), "ratio")};
}

MirrorPolicyInfo policy_from(const Json& record) {
  return {.uuid = get_string(record, "uuid"),
          .name = get_string(record, "name"),
          .type = get_string(record, "type"),
          .rules = rules_of(record)};
}

Json volume_json(const VolumeInfo& volume) {
  return JsonObject{{"uuid", volume.uuid},
                    {"name", volume.name},
                    {"svm", volume.svm},
                    {"type", volume.type},
                    {"style", volume.style},
                    {"state", volume.state},
                    {"junction", volume.junction},
                    {"size", volume.size},
                    {"available", volume.available},
                    {"used", volume.used},
                    {"logical_used", volume.logical_used},
                    {"efficiency_ratio", volume.efficiency_ratio},
                    {"consistency_group", volume.group_name},
                    {"snapshot_policy", volume.snapshot_policy},
                    {"snapshot_locking", volume.locking},
                    {"clone_of", volume.is_clone ? volume.parent_uuid : ""},
                    {"ransomware_protection", volume.ransomware_state},
                    {"attack_probability", volume.attack_probability}};
}

Json relation_json(const RelationInfo& info) {
  const Relation& relation = info.relation;
  return JsonObject{
      {"id", relation.id},
      {"source", relation.source},
      {"source_cluster", relation.source_cluster},
      {"destination", relation.destination},
      {"policy", relation.policy},
      {"state", relation.state},
      {"healthy", relation.healthy},
      {"reason", relation.reason},
      {"lag_seconds",
       relation.lag ? Json(std::chrono::duration_cast<std::chrono::seconds>(*relation.lag).count())
                    : Json()},
      {"transfer", relation.transfer_state}};
}

template <class T>
JsonArray rows(const std::vector<T>& items, auto&& row) {
  JsonArray list;
  for (const T& item : items) {
    list.push_back(row(item));
  }
  return list;
}

}  // namespace

Co<Result<std::vector<NodeInfo>>> list_nodes(ClusterPtr cluster) {
  HF_CO_TRY(
      const JsonArray records,
      co_await cluster->client->list(
          "/cluster/nodes", {{"fields", "uuid,name,model,state,version.full"}}, "list nodes"));
  std::vector<NodeInfo> nodes;
  for (const Json& record : records) {
    nodes.push_back({.uuid = get_string(record, "uuid"),
                     .name = get_string(record, "name"),
                     .model = get_string(record, "model"),
                     .state = get_string(record, "state"),
                     .version = get_string(at(record, "version"), "full")});
  }
  co_return nodes;
}

Co<Result<std::vector<AggregateInfo>>> list_aggregates(ClusterPtr cluster) {
  HF_CO_TRY(const JsonArray records,
            co_await cluster->client->list(
                "/storage/aggregates",
                {{"fields", "uuid,name,node.name,state,space.block_storage,space.efficiency"}},
                "list aggregates"));
  std::vector<AggregateInfo> aggregates;
  for (const Json& record : records) {
    aggregates.push_back(aggregate_from(record));
  }
  co_return aggregates;
}

namespace {

Co<Status> add_space(ClusterPtr cluster, ClusterInventory* found) {
  Client& client = *cluster->client;
  HF_CO_TRY(
      const JsonArray svms,
      co_await client.list("/svm/svms", {{"fields", "uuid,name,state,subtype"}}, "list SVMs"));
  for (const Json& record : svms) {
    found->svms.push_back({get_string(record, "uuid"), get_string(record, "name"),
                           get_string(record, "state"), get_string(record, "subtype")});
  }
  HF_CO_TRY(found->aggregates, co_await list_aggregates(cluster));
  co_return Status();
}

Co<Status> add_replication(ClusterPtr cluster, ClusterInventory* found) {
  HF_CO_TRY(found->relations, co_await list_relations(cluster, {}));
  HF_CO_TRY(const JsonArray policies,
            co_await cluster->client->list("/snapmirror/policies",
                                           {{"fields", "uuid,name,type,retention"}},
                                           "list SnapMirror policies"));
  for (const Json& record : policies) {
    found->policies.push_back(policy_from(record));
  }
  HF_CO_TRY(found->peers, co_await list_cluster_peers(cluster));
  auto svm_peers = co_await list_svm_peers(cluster, {});
  if (svm_peers) {
    found->svm_peers = *std::move(svm_peers);
  } else {
    found->svm_peers_problem = svm_peers.error().to_string();
  }
  co_return Status();
}

}  // namespace

Co<Result<ClusterInventory>> take_inventory(ClusterPtr cluster) {
  ClusterInventory found;
  found.uuid = cluster->uuid;
  found.name = cluster->name;
  found.version = cluster->version.text;
  found.system = cluster->system;
  HF_CO_TRY(found.nodes, co_await list_nodes(cluster));
  HF_CO_TRY_VOID(co_await add_space(cluster, &found));
  HF_CO_TRY(found.volumes, co_await list_volumes(cluster, {}));
  HF_CO_TRY(found.groups, co_await list_groups(cluster, {}));
  HF_CO_TRY_VOID(co_await add_replication(cluster, &found));
  HF_CO_TRY(found.snapshot_policies, co_await list_snapshot_policies(cluster));
  co_return found;
}

namespace {

Json mirror_policy_json(const MirrorPolicyInfo& one) {
  const auto rule = [](const ReplicationRule& r) -> Json {
    return JsonObject{{"label", r.label}, {"count", r.count}, {"period", r.period}};
  };
  return JsonObject{
      {"uuid", one.uuid}, {"name", one.name}, {"type", one.type}, {"rules", rows(one.rules, rule)}};
}

Json snapshot_policy_json(const SnapshotPolicyInfo& one) {
  const auto copy = [](const SnapshotPolicyCopy& c) -> Json {
    return JsonObject{{"schedule", c.schedule},
                      {"label", c.label},
                      {"count", c.count},
                      {"retention", c.retention}};
  };
  return JsonObject{{"uuid", one.uuid},
                    {"name", one.name},
                    {"svm", one.svm},
                    {"enabled", one.enabled},
                    {"copies", rows(one.copies, copy)}};
}

Json peers_json(const ClusterInventory& inventory) {
  const auto cluster = [](const ClusterPeer& one) -> Json {
    return JsonObject{{"cluster", one.name}, {"state", one.state}};
  };
  const auto svm = [](const SvmPeer& one) -> Json {
    return JsonObject{{"svm", one.svm},
                      {"peer_svm", one.peer_svm},
                      {"peer_cluster", one.peer_cluster},
                      {"state", one.state}};
  };
  return JsonObject{{"clusters", rows(inventory.peers, cluster)},
                    {"svms", rows(inventory.svm_peers, svm)},
                    {"problem", inventory.svm_peers_problem}};
}

}  // namespace

Json to_json(const ClusterInventory& inventory) {
  const auto svm = [](const SvmInfo& one) -> Json {
    return JsonObject{
        {"uuid", one.uuid}, {"name", one.name}, {"state", one.state}, {"subtype", one.subtype}};
  };
  const auto aggregate = [](const AggregateInfo& one) -> Json {
    return JsonObject{{"uuid", one.uuid},       {"name", one.name},
                      {"node", one.node},       {"state", one.state},
                      {"size", one.size},       {"available", one.available},
                      {"used", one.used},       {"logical_used", one.logical_used},
                      {"savings", one.savings}, {"efficiency", one.efficiency}};
  };
  const auto group = [](const GroupInfo& one) -> Json {
    return JsonObject{{"uuid", one.uuid},
                      {"name", one.name},
                      {"svm", one.svm},
                      {"volumes", JsonArray(one.volumes.begin(), one.volumes.end())}};
  };
  const auto node = [](const NodeInfo& one) -> Json {
    return JsonObject{{"uuid", one.uuid},
                      {"name", one.name},
                      {"model", one.model},
                      {"state", one.state},
                      {"version", one.version}};
  };
  return JsonObject{{"uuid", inventory.uuid},
                    {"name", inventory.name},
                    {"version", inventory.version},
                    {"system", inventory.system},
                    {"nodes", rows(inventory.nodes, node)},
                    {"svms", rows(inventory.svms, svm)},
                    {"aggregates", rows(inventory.aggregates, aggregate)},
                    {"volumes", rows(inventory.volumes, volume_json)},
                    {"consistency_groups", rows(inventory.groups, group)},
                    {"relationships", rows(inventory.relations, relation_json)},
                    {"policies", rows(inventory.policies, mirror_policy_json)},
                    {"snapshot_policies", rows(inventory.snapshot_policies, snapshot_policy_json)},
                    {"peers", peers_json(inventory)}};
}

}  // namespace holdfast::storage::ontap
