// Who may replicate with whom: cluster peers and SVM peers.
#pragma once

#include <string>
#include <vector>

#include "drivers/storage/ontap/systems.h"

namespace holdfast::storage::ontap {

struct ClusterPeer {
  std::string uuid;
  std::string name;   // of the other cluster
  std::string state;  // available, partial, unavailable, pending, unidentified
};

struct SvmPeer {
  std::string uuid;
  std::string svm;
  std::string peer_svm;
  std::string peer_cluster;
  std::string state;  // peered, initiated, pending, suspended, rejected, initializing
};

async::Co<Result<std::vector<ClusterPeer>>> list_cluster_peers(ClusterPtr cluster);
// Asks every peer: with a dead one it takes up to a minute and then is kUnavailable, so nothing
// that a fail-over needs may wait for it.
async::Co<Result<std::vector<SvmPeer>>> list_svm_peers(ClusterPtr cluster, Query filter);

// Makes sure that `svm` of `cluster` may receive from `from_svm` of `from`: makes the SVM peer
// relationship and accepts it on the other side where it is missing. Within one cluster nothing is
// needed. kFailedPrecondition: the clusters are not peered, or somebody has rejected it.
async::Co<Status> ensure_svm_peer(ClusterPtr cluster, std::string svm, ClusterPtr from,
                                  std::string from_svm);

}  // namespace holdfast::storage::ontap
