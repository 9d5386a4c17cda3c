#include "simulators/ontap/model/seed.h"

#include <fmt/core.h>

#include "core/base/bytes.h"
#include "simulators/ontap/model/builtin.h"
#include "simulators/ontap/model/volume.h"

namespace holdfast::ontap_sim {
namespace {

std::string new_password(World& world) { return to_hex(world.random().bytes16()); }

void add_nodes(World& world, Cluster& cluster, const ClusterConfig& config) {
  for (int i = 1; i <= config.nodes; ++i) {
    const std::string uuid = world.new_uuid();
    const std::string name = fmt::format("{}-{:02}", config.name, i);
    cluster.add(kind::kNode, uuid,
                {{"uuid", uuid},
                 {"name", name},
                 {"model", "SIMBOX"},
                 {"serial_number", fmt::format("4082368-50-{}", i)},
                 {"system_id", fmt::format("{:010}", 4082368500 + i)},
                 {"state", "up"},
                 {"membership", "member"},
                 {"location", "rack 1"},
                 {"ha", {{"enabled", config.nodes > 1}, {"auto_giveback", true}}},
                 {"version",
                  {{"full", text_at(*cluster.find(kind::kCluster, "self"), "version.full")},
                   {"generation", config.generation},
                   {"major", config.major},
                   {"minor", config.minor}}},
                 {"snaplock", {{"compliance_clock_time", world.now_text()}}},
                 {"_sim", {{"started", world.now_text()}}}});
  }
}

void add_aggregates(World& world, Cluster& cluster, const ClusterConfig& config) {
  std::vector<JsonObject> nodes;
  for (const auto& [id, node] : cluster.rows(kind::kNode)) {
    nodes.push_back(reference(node));
  }
  for (int i = 1; i <= config.aggregates; ++i) {
    const std::string uuid = world.new_uuid();
    const JsonObject& node = nodes[static_cast<size_t>(i - 1) % nodes.size()];
    cluster.add(kind::kAggregate, uuid,
                {{"uuid", uuid},
                 {"name", fmt::format("aggr{}", i)},
                 {"state", "online"},
                 {"node", node},
                 {"home_node", node},
                 {"snaplock_type", "non_snaplock"},
                 {"create_time", world.now_text()},
                 {"block_storage",
                  {{"storage_type", "ssd"},
                   {"primary", {{"disk_count", 24}, {"raid_type", "raid_dp"}}},
                   {"mirror", {{"enabled", false}, {"state", "unmirrored"}}},
                   {"hybrid_cache", {{"enabled", false}}}}},
                 {"_sim", {{"size", config.aggregate_size}}}});
  }
}

Status add_cluster(World& world, const ClusterConfig& config) {
  Cluster& cluster = *world.clusters().emplace_back(std::make_unique<Cluster>());
  cluster.name = config.name;
  cluster.uuid = world.new_uuid();
  cluster.folder = world.folder() + "/" + config.name;
  cluster.user = world.config().user;
  cluster.password =
      world.config().password.empty() ? new_password(world) : world.config().password;
  const std::string version =
      fmt::format("{}.{}.{}", config.generation, config.major, config.minor);
  cluster.add(
      kind::kCluster, "self",
      {{"uuid", cluster.uuid},
       {"name", cluster.name},
       {"contact", "storage@example.org"},
       {"location", "simulated"},
       {"version",
        {{"full", "NetApp Release " + version + ": Mon Jan 06 12:00:00 UTC 2025"},
         {"generation", config.generation},
         {"major", config.major},
         {"minor", config.minor}}},
       {"timezone", {{"name", "Etc/UTC"}}},
       {"peering_policy",
        {{"authentication_required", true},
         {"minimum_passphrase_length", 8},
         {"encryption_required", false}}},
       {"san_optimized", false},
       {"disaggregated", false},
       {"_sim",
        {{"user", cluster.user}, {"password", cluster.password}, {"created", world.now_text()}}}});
  add_nodes(world, cluster, config);
  add_aggregates(world, cluster, config);
  add_builtin_policies(world, cluster);
  for (const SvmConfig& svm : config.svms) {
    const std::string svm_name = text_at(add_svm(world, cluster, svm.name), "name");
    for (const VolumeConfig& volume : svm.volumes) {
      HF_TRY_VOID(seed_volume(world, cluster, svm_name, volume));
    }
  }
  return {};
}

void add_peer(World& world, Cluster& here, Cluster& there) {
  const std::string uuid = world.new_uuid();
  here.add(kind::kClusterPeer, uuid,
           {{"uuid", uuid},
            {"name", there.name},
            {"remote",
             {{"name", there.name},
              {"serial_number", "1-80-000011"},
              {"ip_addresses", JsonArray{"127.0.0.1"}}}},
            {"status", {{"state", "available"}}},
            {"authentication", {{"state", "ok"}, {"in_use", "ok"}}},
            {"encryption", {{"state", "none"}, {"proposed", "none"}}},
            {"peer_applications", JsonArray{"snapmirror"}},
            {"ipspace", {{"name", "Default"}}},
            {"_sim", {{"cluster", there.name}}}});
  for (const auto& [id, svm] : here.rows(kind::kSvm)) {
    for (const auto& [peer_id, peer] : there.rows(kind::kSvm)) {
      const std::string pair = world.new_uuid();
      here.add(
          kind::kSvmPeer, pair,
          {{"uuid", pair},
           {"name", text_at(peer, "name")},
           {"state", "peered"},
           {"svm", reference(svm)},
           {"peer",
            {{"svm", reference(peer)}, {"cluster", {{"name", there.name}, {"uuid", there.uuid}}}}},
           {"applications", JsonArray{"snapmirror"}}});
    }
  }
}

}  // namespace

JsonObject& add_svm(World& world, Cluster& cluster, const std::string& name) {
  const std::string uuid = world.new_uuid();
  JsonArray aggregates;
  for (const auto& [id, aggregate] : cluster.rows(kind::kAggregate)) {
    aggregates.push_back({{"name", text_at(aggregate, "name")}, {"uuid", id}});
  }
  const auto protocol = [](bool enabled) {
    return JsonObject{{"allowed", true}, {"enabled", enabled}};
  };
  const JsonObject* policy = cluster.find_by(kind::kSnapshotPolicy, "name", "default");
  return cluster.add(kind::kSvm, uuid,
                     {{"uuid", uuid},
                      {"name", name},
                      {"state", "running"},
                      {"subtype", "default"},
                      {"language", "c.utf_8"},
                      {"comment", ""},
                      {"ipspace", {{"name", "Default"}}},
                      {"aggregates", std::move(aggregates)},
                      {"nfs", protocol(true)},
                      {"cifs", protocol(false)},
                      {"iscsi", protocol(false)},
                      {"nvme", protocol(false)},
                      {"fcp", protocol(false)},
                      {"s3", protocol(false)},
                      {"snapshot_policy", policy ? reference(*policy) : JsonObject()},
                      {"anti_ransomware_default_volume_state", "disabled"},
                      {"_sim", {{"created", world.now_text()}}}});
}

Status seed(World& world) {
  bool grown = false;
  for (const ClusterConfig& config : world.config().clusters) {
    if (world.cluster_by_name(config.name) == nullptr) {
      HF_TRY_VOID(add_cluster(world, config));
      grown = true;
    }
  }
  if (grown && world.config().peered) {
    for (const auto& here : world.clusters()) {
      for (const auto& there : world.clusters()) {
        if (here != there &&
            here->find_by(kind::kClusterPeer, "_sim.cluster", there->name) == nullptr) {
          add_peer(world, *here, *there);
        }
      }
    }
  }
  if (const std::string& secret = world.config().oauth2.client_secret; !secret.empty()) {
    world.set_note("oauth2.secret", secret);
  } else if (world.note("oauth2.secret").empty()) {
    world.set_note("oauth2.secret", world.new_uuid());
  }
  if (world.note("um.password").empty()) {
    world.set_note("um.password",
                   world.config().password.empty() ? new_password(world) : world.config().password);
    world.set_note("um.uuid", world.new_uuid());
  }
  return {};
}

}  // namespace holdfast::ontap_sim
