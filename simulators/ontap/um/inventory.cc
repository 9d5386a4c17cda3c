// /datacenter/...: clusters, nodes, SVMs, aggregates and volumes in the manager's words.
#include <fmt/core.h>

#include "simulators/ontap/model/efficiency.h"
#include "simulators/ontap/model/job.h"
#include "simulators/ontap/model/seed.h"
#include "simulators/ontap/model/volume.h"
#include "simulators/ontap/um/events.h"
#include "simulators/ontap/um/manager.h"

namespace holdfast::ontap_sim {
namespace {

constexpr std::string_view kClusters = "/datacenter/cluster/clusters";
constexpr std::string_view kNodes = "/datacenter/cluster/nodes";
constexpr std::string_view kSvms = "/datacenter/svm/svms";
constexpr std::string_view kVolumes = "/datacenter/storage/volumes";
constexpr std::string_view kAggregates = "/datacenter/storage/aggregates";

JsonObject cluster_ref(const Cluster& cluster) {
  return um_reference(cluster, "cluster", kClusters, cluster.uuid, cluster.name);
}

JsonObject ref(const Cluster& cluster, std::string_view type, std::string_view collection,
               const JsonObject& object) {
  return um_reference(cluster, type, collection, text_at(object, "uuid"), text_at(object, "name"));
}

JsonObject base(const Cluster& cluster, std::string_view type, std::string_view collection,
                const JsonObject& object) {
  JsonObject out = ref(cluster, type, collection, object);
  if (type != "cluster") {
    out["cluster"] = cluster_ref(cluster);
  }
  return out;
}

// Fills one list from every cluster that the manager polls.
template <class Make>
std::vector<JsonObject> from_all(UmCall& call, std::string_view kind, Make make) {
  std::vector<JsonObject> out;
  for (const auto& cluster : call.world.clusters()) {
    if (!um_knows(call.world, *cluster)) {
      continue;
    }
    for (const auto& [id, row] : cluster->rows(kind)) {
      if (!is_pending(row)) {
        out.push_back(make(*cluster, row));
      }
    }
  }
  return out;
}

JsonObject node_record(UmCall& call, const Cluster& cluster, const JsonObject& row) {
  JsonObject out = base(cluster, "cluster_node", kNodes, row);
  for (const char* field : {"model", "serial_number", "system_id", "location", "version"}) {
    copy_field(row, out, field);
  }
  out["health"] = text_at(row, "state") == "up";
  const auto started = parse_time(text_at(row, "_sim.started"));
  out["uptime"] =
      started ? std::chrono::floor<std::chrono::seconds>(call.world.now() - *started).count() : 0;
  out["performance_capacity"] = {{"used", 21.5}};
  JsonArray partners;
  for (const auto& [id, other] : cluster.rows(kind::kNode)) {
    if (id != text_at(row, "uuid")) {
      partners.emplace_back(ref(cluster, "cluster_node", kNodes, other));
    }
  }
  out["ha"] = {{"partners", std::move(partners)}};
  return out;
}

JsonObject cluster_record(UmCall& call, const Cluster& cluster, const JsonObject& row) {
  JsonObject out = base(cluster, "cluster", kClusters, row);
  for (const char* field : {"contact", "location", "version"}) {
    copy_field(row, out, field);
  }
  out["management_ip"] = "127.0.0.1";
  out["is_san_optimized"] = false;
  JsonArray nodes;
  for (const auto& [id, node] : cluster.rows(kind::kNode)) {
    nodes.emplace_back(node_record(call, cluster, node));
  }
  out["nodes"] = std::move(nodes);
  std::int64_t total = 0;
  std::int64_t used = 0;
  for (const auto& [id, aggregate] : cluster.rows(kind::kAggregate)) {
    total += aggregate_size(aggregate);
    used += aggregate_used(cluster, id);
  }
  out["storage_capacity"] = {{"total", total}, {"used", used}, {"available", total - used}};
  return out;
}

JsonObject svm_record(const Cluster& cluster, const JsonObject& row) {
  JsonObject out = base(cluster, "vserver", kSvms, row);
  for (const char* field : {"state", "subtype", "language"}) {
    copy_field(row, out, field);
  }
  JsonArray aggregates;
  for (const JsonObject& one : objects_at(row, "aggregates")) {
    aggregates.emplace_back(ref(cluster, "aggregate", kAggregates, one));
  }
  out["aggregates"] = std::move(aggregates);
  for (const char* protocol : {"nfs", "iscsi", "fcp", "nvme", "cifs"}) {
    out[protocol] = {{"enabled", flag_at(row, std::string(protocol) + ".enabled")}};
  }
  return out;
}

JsonObject volume_record(const Cluster& cluster, const JsonObject& stored) {
  JsonObject row = stored;
  add_space(cluster, row);
  JsonObject out = base(cluster, "volume", kVolumes, row);
  for (const char* field : {"type", "style", "language", "create_time", "autosize.mode",
                            "autosize.maximum", "space.size", "space.used", "space.available"}) {
    copy_field(row, out, field);
  }
  const std::string state = text_at(row, "state");
  out["state"] = state == "restricted" ? "offline" : state;
  out["svm"] =
      um_reference(cluster, "vserver", kSvms, text_at(row, "svm.uuid"), text_at(row, "svm.name"));
  JsonArray aggregates;
  for (const JsonObject& one : objects_at(row, "aggregates")) {
    aggregates.emplace_back(ref(cluster, "aggregate", kAggregates, one));
  }
  out["aggregates"] = std::move(aggregates);
  out["snapmirror"] = {{"is_protected", flag_at(row, "_sim.protected")}};
  out["snapshot_policy"] = {
      {"name", text_at(row, "snapshot_policy.name")},
      {"uuid", text_at(row, "snapshot_policy.uuid")},
      {"key", fmt::format("{}:type=snapshot_policy,vserver_uuid={},name={}", cluster.uuid,
                          text_at(row, "svm.uuid"), text_at(row, "snapshot_policy.name"))}};
  out["nas"] = {{"export_policy",
                 {{"name", text_at(row, "nas.export_policy.name")},
                  {"id", int_at(row, "nas.export_policy.id")}}}};
  const std::string tiering = text_at(row, "tiering.policy", "none");
  out["tiering"] = {{"policy", tiering == "snapshot_only" ? "snapshot-only" : tiering}};
  return out;
}

JsonObject aggregate_record(const Cluster& cluster, const JsonObject& row) {
  JsonObject out = base(cluster, "aggregate", kAggregates, row);
  for (const char* field : {"state", "snaplock_type", "create_time"}) {
    copy_field(row, out, field);
  }
  const std::string uuid = text_at(row, "uuid");
  const std::int64_t size = aggregate_size(row);
  const std::int64_t used = std::min(size, aggregate_used(cluster, uuid));
  const Efficiency whole = efficiency_of_aggregate(cluster, uuid).whole;
  out["type"] = text_at(row, "block_storage.storage_type", "ssd");
  out["node"] = um_reference(cluster, "cluster_node", kNodes, text_at(row, "node.uuid"),
                             text_at(row, "node.name"));
  out["space"] = {{"block_storage", {{"size", size}, {"used", used}, {"available", size - used}}},
                  {"efficiency", {{"logical_used", whole.logical}, {"savings", whole.saved()}}}};
  out["block_storage"] = {{"primary", {{"raid_type", "raid_dp"}, {"raid_size", 24}}},
                          {"mirror", {{"state", "unmirrored"}}},
                          {"hybrid_cache", {{"enabled", false}, {"size", 0}}}};
  out["performance_capacity"] = {{"used", 18.0}};
  return out;
}

template <std::vector<JsonObject> (*Records)(UmCall&)>
Outcome<UmAnswer> list_all(UmCall& call) {
  return um_list(call, Records(call));
}

template <std::vector<JsonObject> (*Records)(UmCall&)>
Outcome<UmAnswer> show_one(UmCall& call) {
  return um_show(Records(call), call.key());
}

Outcome<UmAnswer> list_gateways(UmCall& call) {
  JsonArray records;
  if (gateway_is_on(call.world)) {
    for (const auto& cluster : call.world.clusters()) {
      if (um_knows(call.world, *cluster)) {
        records.push_back({{"uuid", cluster->uuid},
                           {"name", cluster->name},
                           {"ip_address", "127.0.0.1"},
                           {"type", "ONTAP"},
                           {"_links", {{"self", {{"href", "/api/gateways/" + cluster->uuid}}}}}});
      }
    }
  } else {
    return um_fault(
        403,
        "The API gateway is disabled: enable it under General > Feature Settings > API Gateway.");
  }
  UmAnswer answer;
  answer.body = {{"num_records", static_cast<std::int64_t>(records.size())},
                 {"records", std::move(records)},
                 {"_links", {{"self", "/api/gateways"}}}};
  return answer;
}

template <std::vector<JsonObject> (*Records)(UmCall&)>
void add(std::vector<UmRoute>& routes, std::string_view list, std::string_view one) {
  routes.push_back({"GET", list, &list_all<Records>});
  routes.push_back({"GET", one, &show_one<Records>});
}

// What the last poll of the clusters brought. All lists are of one instant: between two polls they
// do not change, whatever happens on the clusters.
const Polled& last_poll(UmCall& call) {
  std::optional<Polled>& polled = call.world.polled();
  const MonoTime now = call.world.clock().mono();
  if (!polled || now >= polled->at + call.world.config().um_poll) {
    Polled fresh{now, {}};
    fresh.lists[kind::kCluster] = from_all(call, kind::kCluster, [&](const auto& c, const auto& r) {
      return cluster_record(call, c, r);
    });
    fresh.lists[kind::kNode] = from_all(
        call, kind::kNode, [&](const auto& c, const auto& r) { return node_record(call, c, r); });
    fresh.lists[kind::kSvm] = from_all(call, kind::kSvm, &svm_record);
    fresh.lists[kind::kVolume] = from_all(call, kind::kVolume, &volume_record);
    fresh.lists[kind::kAggregate] = from_all(call, kind::kAggregate, &aggregate_record);
    polled = std::move(fresh);
  }
  return *polled;
}

}  // namespace

std::vector<JsonObject> um_clusters(UmCall& call) {
  return last_poll(call).lists.at(kind::kCluster);
}
std::vector<JsonObject> um_nodes(UmCall& call) { return last_poll(call).lists.at(kind::kNode); }
std::vector<JsonObject> um_svms(UmCall& call) { return last_poll(call).lists.at(kind::kSvm); }
std::vector<JsonObject> um_volumes(UmCall& call) { return last_poll(call).lists.at(kind::kVolume); }
std::vector<JsonObject> um_aggregates(UmCall& call) {
  return last_poll(call).lists.at(kind::kAggregate);
}

void add_um_inventory(std::vector<UmRoute>& routes) {
  routes.push_back({"GET", "/gateways", &list_gateways});
  // The lists of analytics come before the records by key: see add_um_metrics().
  add<um_clusters>(routes, kClusters, "/datacenter/cluster/clusters/{key}");
  add<um_nodes>(routes, kNodes, "/datacenter/cluster/nodes/{key}");
  add<um_svms>(routes, kSvms, "/datacenter/svm/svms/{key}");
  add<um_volumes>(routes, kVolumes, "/datacenter/storage/volumes/{key}");
  add<um_aggregates>(routes, kAggregates, "/datacenter/storage/aggregates/{key}");
}

}  // namespace holdfast::ontap_sim
