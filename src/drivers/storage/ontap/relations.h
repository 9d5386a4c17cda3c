// SnapMirror relationships as plain values, and the calls on one of them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "drivers/storage/ontap/systems.h"
#include "drivers/storage/ontap/volumes.h"
#include "drivers/storage/replication.h"

namespace holdfast::storage::ontap {

// How the path of an object store ends.
inline constexpr std::string_view kObjectStore = ":/objstore";
// Both parts of "svm:volume"; empty for groups and object stores.
std::pair<std::string, std::string> svm_and_volume(const std::string& path);

struct RelationInfo {
  ClusterPtr cluster;  // of the destination; empty: it is not a known system, or it is silent
  std::string uuid;
  Relation relation;
  std::string source_svm;
  std::string destination_svm;
  std::string policy_type;
  std::string transfer_uuid;  // of the running one
  bool restores = false;      // a restore relationship

  bool transferring() const {
    return relation.transfer_state == "transferring" || relation.transfer_state == "queued";
  }
  std::string path() const;  // /snapmirror/relationships/{u}
};

// On the destination cluster.
async::Co<Result<std::vector<RelationInfo>>> list_relations(ClusterPtr destination, Query filter);
async::Co<Result<RelationInfo>> get_relation(ClusterPtr destination, std::string uuid);

// Those that begin at a volume: its cluster lists the destinations, and each known cluster is asked
// for its own. A destination of an unknown system is left out; one of a silent system is unhealthy.
async::Co<Result<std::vector<RelationInfo>>> relations_from(Systems& systems, ClusterPtr source,
                                                            VolumeInfo volume);

Replica to_replica(const RelationInfo& info);
// The rules of a SnapMirror policy's record.
std::vector<ReplicationRule> rules_of(const Json& policy);

// Adds a rule for our snapshots to the relationship's policy where it has none; answers whether it
// did. Other rules stay as they are. kFailedPrecondition: the policy has no rules, since it carries
// everything or nothing by label.
async::Co<Result<bool>> carry_our_snapshots(RelationInfo relation);

// Asks until `reached` is true for the relation. kDeadlineExceeded (transient) names the state.
using Reached = bool (*)(const RelationInfo&);
async::Co<Result<RelationInfo>> wait_until(RelationInfo relation, Reached reached, std::string what,
                                           Nanoseconds deadline);

}  // namespace holdfast::storage::ontap
