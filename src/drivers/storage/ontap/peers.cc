// Clusters are peered by their administrators, since that needs addresses and a passphrase. SVMs
// of peered clusters can be peered by calls alone: one side asks, the other accepts.

#include "drivers/storage/ontap/peers.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/net/url.h"
#include "drivers/storage/ontap/values.h"

namespace holdfast::storage::ontap {
namespace {

using async::Co;

constexpr int kAcceptTries = 30;
constexpr Nanoseconds kAcceptDelay = std::chrono::milliseconds(500);

// The SVM peer relationship as one side shows it; nothing when it shows none.
Co<Result<std::optional<SvmPeer>>> find_svm_peer(ClusterPtr cluster, std::string svm,
                                                 std::string peer_cluster, std::string peer_svm) {
  HF_CO_TRY(const auto found,
            co_await list_svm_peers(
                cluster, {{"svm.name", exactly(svm)}, {"peer.svm.name", exactly(peer_svm)}}));
  const auto same = std::find_if(found.begin(), found.end(), [&](const SvmPeer& one) {
    return one.peer_cluster.empty() || one.peer_cluster == peer_cluster;
  });
  co_return same == found.end() ? std::nullopt : std::optional<SvmPeer>(*same);
}

Co<Status> check_cluster_peer(ClusterPtr cluster, ClusterPtr from) {
  HF_CO_TRY(const auto peers, co_await list_cluster_peers(cluster));
  const auto found = std::find_if(peers.begin(), peers.end(),
                                  [&](const ClusterPeer& one) { return one.name == from->name; });
  if (found == peers.end()) {
    co_return Error(Code::kFailedPrecondition,
                    fmt::format("clusters {} and {} are not peered: create the cluster peer "
                                "relationship on both, then try again",
                                cluster->name, from->name));
  }
  if (found->state != "available") {
    co_return Error(Code::kUnavailable,
                    fmt::format("the peer relationship of clusters {} and {} is {}: look at their "
                                "intercluster network",
                                cluster->name, from->name, found->state),
                    Retry::kTransient);
  }
  co_return Status();
}

Co<Status> ask_for_peer(ClusterPtr cluster, std::string svm, ClusterPtr from,
                        std::string from_svm) {
  Write write{
      .method = "POST",
      .path = "/svm/peers",
      .query = {},
      .body = JsonObject{{"svm", JsonObject{{"name", svm}}},
                         {"peer", JsonObject{{"svm", JsonObject{{"name", from_svm}}},
                                             {"cluster", JsonObject{{"name", from->name}}}}},
                         {"applications", JsonArray{"snapmirror"}}},
      .what = fmt::format("peer SVM {} with {} of cluster {}", svm, from_svm, from->name)};
  const auto made = co_await cluster->client->write(std::move(write));
  if (!made) {  // whatever the answer was: what counts is whether it is there
    HF_CO_TRY(const auto found, co_await find_svm_peer(cluster, svm, from->name, from_svm));
    co_return found ? Status() : status_of(made);
  }
  co_return Status();
}

// Accepts on the other side, where the request shows up a little later.
Co<Status> accept_peer(ClusterPtr from, std::string from_svm, ClusterPtr cluster, std::string svm) {
  std::string state = "missing";
  for (int i = 0; i < kAcceptTries; ++i) {
    HF_CO_TRY(const auto asked, co_await find_svm_peer(from, from_svm, cluster->name, svm));
    state = asked ? asked->state : "missing";
    if (state == "peered") {
      co_return Status();
    }
    if (state == "pending") {
      Write write{.method = "PATCH",
                  .path = "/svm/peers/" + net::url_encode(asked->uuid),
                  .query = {},
                  .body = JsonObject{{"state", "peered"}},
                  .what = fmt::format("accept the peering of SVM {}", from_svm)};
      HF_CO_TRY_VOID(status_of(co_await from->client->write(std::move(write))));
      continue;
    }
    if (state == "rejected" || state == "suspended") {
      break;
    }
    const bool awake = co_await async::sleep_for(from->client->clock(), kAcceptDelay);
    if (!awake) {
      co_return Error(Code::kCancelled, "the wait for an SVM peer was cancelled");
    }
  }
  co_return Error(Code::kFailedPrecondition,
                  fmt::format("the peering of SVM {} of {} with {} of {} is {}: accept it there, "
                              "then try again",
                              from_svm, from->name, svm, cluster->name, state));
}

}  // namespace

Co<Result<std::vector<ClusterPeer>>> list_cluster_peers(ClusterPtr cluster) {
  HF_CO_TRY(const JsonArray records,
            co_await cluster->client->list("/cluster/peers",
                                           {{"fields", "uuid,name,remote.name,status.state"}},
                                           "list the cluster's peers"));
  std::vector<ClusterPeer> peers;
  for (const Json& record : records) {
    peers.push_back({.uuid = get_string(record, "uuid"),
                     .name = get_string(at(record, "remote"), "name", get_string(record, "name")),
                     .state = get_string(at(record, "status"), "state")});
  }
  co_return peers;
}

Co<Result<std::vector<SvmPeer>>> list_svm_peers(ClusterPtr cluster, Query filter) {
  filter.emplace_back("fields", "uuid,svm.name,peer.svm.name,peer.cluster.name,state");
  HF_CO_TRY(const JsonArray records,
            co_await cluster->client->list("/svm/peers", std::move(filter), "list SVM peers"));
  std::vector<SvmPeer> peers;
  for (const Json& record : records) {
    const Json& peer = at(record, "peer");
    peers.push_back({.uuid = get_string(record, "uuid"),
                     .svm = get_string(at(record, "svm"), "name"),
                     .peer_svm = get_string(at(peer, "svm"), "name"),
                     .peer_cluster = get_string(at(peer, "cluster"), "name"),
                     .state = get_string(record, "state")});
  }
  co_return peers;
}

Co<Status> ensure_svm_peer(ClusterPtr cluster, std::string svm, ClusterPtr from,
                           std::string from_svm) {
  if (cluster->uuid == from->uuid) {
    co_return Status();  // replication inside a cluster needs no peers
  }
  HF_CO_TRY_VOID(co_await check_cluster_peer(cluster, from));
  HF_CO_TRY(const auto there, co_await find_svm_peer(cluster, svm, from->name, from_svm));
  if (there && there->state == "peered") {
    co_return Status();
  }
  if (!there) {
    HF_CO_TRY_VOID(co_await ask_for_peer(cluster, svm, from, from_svm));
  }
  co_return co_await accept_peer(from, from_svm, cluster, svm);
}

}  // namespace holdfast::storage::ontap
