// What a cluster has, as plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "drivers/storage/ontap/groups.h"
#include "drivers/storage/ontap/peers.h"
#include "drivers/storage/ontap/relations.h"
#include "drivers/storage/ontap/schedules.h"
#include "drivers/storage/ontap/volumes.h"

namespace holdfast::storage::ontap {

struct NodeInfo {
  std::string uuid;
  std::string name;
  std::string model;
  std::string state;  // up, down, taken_over, ...
  std::string version;
};
async::Co<Result<std::vector<NodeInfo>>> list_nodes(ClusterPtr cluster);

struct SvmInfo {
  std::string uuid;
  std::string name;
  std::string state;
  std::string subtype;
};

struct AggregateInfo {
  std::string uuid;
  std::string name;
  std::string node;
  std::string state;
  std::uint64_t size = 0;
  std::uint64_t available = 0;
  std::uint64_t used = 0;
  std::uint64_t logical_used = 0;  // as if nothing were saved; 0: not told
  std::uint64_t savings = 0;
  double efficiency = 0;  // logical over physical; 0: not told
};

async::Co<Result<std::vector<AggregateInfo>>> list_aggregates(ClusterPtr cluster);

struct MirrorPolicyInfo {
  std::string uuid;
  std::string name;
  std::string type;
  std::vector<ReplicationRule> rules;
};

struct ClusterInventory {
  std::string uuid;
  std::string name;
  std::string version;
  std::string system;
  std::vector<NodeInfo> nodes;
  std::vector<SvmInfo> svms;
  std::vector<AggregateInfo> aggregates;
  std::vector<VolumeInfo> volumes;
  std::vector<GroupInfo> groups;
  std::vector<RelationInfo> relations;  // whose destinations are here
  std::vector<MirrorPolicyInfo> policies;
  std::vector<SnapshotPolicyInfo> snapshot_policies;
  std::vector<ClusterPeer> peers;
  std::vector<SvmPeer> svm_peers;
  std::string svm_peers_problem;  // why there are none: a peer that is dead keeps its peers waiting
};

// Ten lists, one after another: ten calls where everything fits on a page.
async::Co<Result<ClusterInventory>> take_inventory(ClusterPtr cluster);
Json to_json(const ClusterInventory& inventory);

}  // namespace holdfast::storage::ontap
