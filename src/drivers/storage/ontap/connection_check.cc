#include "drivers/storage/ontap/connection_check.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "core/async/run.h"
#include "drivers/storage/ontap/inventory.h"
#include "drivers/storage/ontap/manager.h"
#include "drivers/storage/ontap/visibility.h"
#include "drivers/storage/ontap/volumes.h"

namespace holdfast::storage::ontap {
namespace {

using async::Co;

struct Right {
  std::string_view path;
  std::string_view why;
};
constexpr auto kRights = std::to_array<Right>({
    {"/svm/svms", "SVMs"},
    {"/storage/aggregates", "aggregates"},
    {"/storage/volumes", "volumes, their snapshots and clones"},
    {"/application/consistency-groups", "group snapshots"},
    {"/snapmirror/relationships", "replication"},
    {"/snapmirror/policies", "replication policies"},
    {"/cluster/schedules", "when replication runs by itself"},
    {"/storage/snapshot-policies", "what the cluster snapshots by itself"},
    {"/cluster/jobs", "waiting for what takes long"},
    {"/support/ems/events", "alerts"},
});

// What an operator has to do about an error of the first contact.
std::string advice_for(const Error& error, const Endpoint& endpoint) {
  const auto shown = std::find_if(error.context().begin(), error.context().end(),
                                  [](const auto& pair) { return pair.first == "sha256"; });
  switch (error.code()) {
    case Code::kFailedPrecondition:
      if (shown != error.context().end()) {
        return fmt::format("compare {} with the certificate on the system, then set tls.pin to it",
                           shown->second);
      }
      return "give the CA of the system as tls.ca_file, or the SHA-256 of its certificate as "
             "tls.pin";
    case Code::kUnauthenticated:
      return endpoint.login == Login::kBasic
                 ? "check user and password; the user needs the application http with "
                   "authentication method password"
                 : "check that the system trusts this certificate or authorization server";
    case Code::kPermissionDenied:
      return "give the user's role the right to read it";
    case Code::kUnavailable:
    case Code::kDeadlineExceeded:
      return "check the address and whether a firewall is between";
    default:
      return "";
  }
}

Check failed(std::string name, const Error& error, std::string advice) {
  return {std::move(name), false, error.to_string(), std::move(advice)};
}

Co<void> check_rights(ClusterPtr cluster, std::string prefix, ConnectionReport* report) {
  for (const Right& right : kRights) {
    const auto answer = co_await cluster->client->get(
        std::string(right.path), {{"max_records", "1"}}, "read " + std::string(right.path));
    Check check{prefix + "right: " + std::string(right.path), answer.has_value(),
                std::string(right.why), ""};
    if (!answer) {
      check.detail = answer.error().to_string();
      check.advice = answer.error().code() == Code::kPermissionDenied
                         ? fmt::format(
                               "give the role at least the access 'readonly' to "
                               "/api{0}; for changes 'all'",
                               right.path)
                         : "";
    }
    report->checks.push_back(std::move(check));
  }
}

// Whether changes would be allowed: one to an object that cannot exist is refused for want of
// rights before it is looked for, and otherwise changes nothing.
Co<void> check_changes(ClusterPtr cluster, std::string prefix, ConnectionReport* report) {
  for (const std::string_view path :
       {"/storage/volumes", "/application/consistency-groups", "/snapmirror/relationships"}) {
    Write write{.method = "PATCH",
                .path = std::string(path) + "/00000000-0000-0000-0000-000000000000",
                .query = {},
                .body = JsonObject{},
                .what = "change " + std::string(path)};
    const auto answer = co_await cluster->client->write(std::move(write));
    const bool refused = !answer && (answer.error().code() == Code::kPermissionDenied ||
                                     answer.error().code() == Code::kUnauthenticated);
    report->checks.push_back(
        {prefix + "right to change: " + std::string(path), !refused,
         refused ? answer.error().to_string() : "allowed",
         refused ? fmt::format("give the role the access 'all' to /api{}{}", path,
                               cluster->through_gateway
                                   ? ", and the user of Unified Manager the role Application "
                                     "Administrator"
                                   : "")
                 : ""});
  }
}

Check could_not_read(std::string name, const Error& error, std::string_view path) {
  return failed(std::move(name), error,
                error.code() == Code::kPermissionDenied
                    ? fmt::format("give the role at least the access 'readonly' to /api{}", path)
                    : "");
}

Co<void> check_nodes(ClusterPtr cluster, std::string prefix, ConnectionReport* report) {
  const std::string name = prefix + "nodes";
  const auto nodes = co_await list_nodes(cluster);
  if (!nodes) {
    report->checks.push_back(could_not_read(name, nodes.error(), "/cluster/nodes"));
    co_return;
  }
  std::string bad;
  for (const NodeInfo& node : *nodes) {
    bad += node.state == "up"
               ? ""
               : fmt::format("{}{} is {}", bad.empty() ? "" : ", ", node.name, node.state);
  }
  report->checks.push_back({name, bad.empty(),
                            bad.empty() ? fmt::format("{} are up", nodes->size()) : bad,
                            bad.empty() ? "" : "look at the cluster's nodes: it has no spare now"});
}

// What replication to and from this cluster needs. None at all is no fault: then it replicates
// inside itself and to object stores only.
Co<void> check_peers(ClusterPtr cluster, std::string prefix, ConnectionReport* report) {
  const auto peers = co_await list_cluster_peers(cluster);
  if (!peers) {
    report->checks.push_back(
        could_not_read(prefix + "replication peers", peers.error(), "/cluster/peers"));
    co_return;
  }
  std::string text;
  bool good = true;
  for (const ClusterPeer& peer : *peers) {
    good = good && peer.state == "available";
    text += fmt::format("{}cluster {} is {}", text.empty() ? "" : ", ", peer.name, peer.state);
  }
  if (good) {  // with a dead peer this list keeps its caller waiting
    const auto svms = co_await list_svm_peers(cluster, {});
    if (!svms) {
      report->checks.push_back(
          could_not_read(prefix + "replication peers", svms.error(), "/svm/peers"));
      co_return;
    }
    for (const SvmPeer& peer : *svms) {
      text += fmt::format(", SVM {} and {}:{} are {}", peer.svm, peer.peer_cluster, peer.peer_svm,
                          peer.state);
    }
  }
  report->checks.push_back(
      {prefix + "replication peers", good,
       text.empty() ? "none: replicas inside this cluster and in object stores only" : text,
       good ? "" : "look at the peer cluster and the intercluster network"});
}

Co<void> check_cluster(ClusterPtr cluster, std::string prefix, ConnectionReport* report) {
  const Version& version = cluster->version;
  if (version.generation == 0) {
    report->checks.push_back({prefix + "version", false,
                              "the cluster does not answer through the gateway",
                              "look at the cluster's state in Unified Manager"});
    co_return;
  }
  const bool enough = at_least(version, kLeastMajor, 0);
  report->checks.push_back(
      {prefix + "version", enough, version.text,
       enough ? "" : fmt::format("Holdfast needs ONTAP 9.{} or newer", kLeastMajor)});
  co_await check_nodes(cluster, prefix, report);
  co_await check_rights(cluster, prefix, report);
  co_await check_peers(cluster, prefix, report);
  co_await check_changes(cluster, std::move(prefix), report);
}

// A mount as the document writes it: "svm:/junction" or "cluster/svm:/junction".
Place place_of(std::shared_ptr<System> system, const std::string& key, const std::string& local) {
  const size_t colon = key.find(":/");
  Place place{std::move(system), "", key.substr(0, colon), key.substr(colon + 1), "", local};
  place.mounted = place.junction;
  if (const size_t slash = place.svm.find('/'); slash != std::string::npos) {
    place.cluster = place.svm.substr(0, slash);
    place.svm.erase(0, slash + 1);
  }
  return place;
}

// The root of an SVM shows whatever is mounted below it.
Co<Check> check_root(Place place, std::string name) {
  const auto clusters = co_await place.system->clusters();
  size_t below = 0;
  for (size_t i = 0; clusters && i < clusters->size(); ++i) {
    const ClusterPtr cluster = (*clusters)[i];
    if (place.cluster.empty() || place.cluster == cluster->name) {
      const auto volumes =
          co_await list_volumes(cluster, {{"svm.name", exactly(place.svm)}, {"nas.path", "!null"}});
      below += volumes ? volumes->size() : 0;
    }
  }
  co_return Check{std::move(name), below > 0,
                  fmt::format("{} shows {} volumes of SVM {}", place.local, below, place.svm),
                  below > 0 ? "" : "correct the SVM's name, or give its volumes junctions"};
}

// The directories that the document calls mounts: there, and of the volume it says.
Co<void> check_mounts(std::shared_ptr<System> system, async::Pool* pool, ConnectionReport* report) {
  for (const auto& [key, local] : system->endpoint().mounts) {
    const std::string name = "mount: " + key;
    const bool is_root = key.ends_with(":/");
    const bool shows = co_await async::run_on(
        *pool, [path = is_root ? local : local + "/.snapshot"] { return path_exists(path); });
    const Place place = place_of(system, key, local);
    if (is_root && shows) {
      report->checks.push_back(co_await check_root(place, name));
      continue;
    }
    const auto found = co_await locate(place);
    if (!found) {
      report->checks.push_back(
          failed(name, found.error(), "correct the mount, or mount the volume on the cluster"));
    } else if (!shows) {
      report->checks.push_back({name, false, fmt::format("{} has no .snapshot", local),
                                "mount the volume there, and let clients see its snapshot "
                                "directory"});
    } else {
      report->checks.push_back(
          {name, true, fmt::format("{} is volume {}", local, found->volume.name), ""});
    }
  }
}

// Clusters that Unified Manager watches and its gateway does not lead to.
Co<void> check_watched(std::shared_ptr<System> system, std::vector<ClusterPtr> reached,
                       ConnectionReport* report) {
  const auto known = co_await take_manager_capacity(system);
  if (!known) {
    report->checks.push_back(could_not_read("inventory of Unified Manager", known.error(),
                                            "/datacenter/cluster/clusters"));
    co_return;
  }
  std::string missing;
  for (const ManagedCluster& cluster : known->clusters) {
    const bool there = std::any_of(reached.begin(), reached.end(), [&](const ClusterPtr& one) {
      return one->uuid == cluster.uuid;
    });
    missing += there ? "" : (missing.empty() ? "" : ", ") + cluster.name;
  }
  report->checks.push_back(
      {"inventory of Unified Manager", missing.empty(),
       missing.empty() ? fmt::format("{} clusters, {} aggregates", known->clusters.size(),
                                     known->aggregates.size())
                       : "not behind the gateway: " + missing,
       missing.empty() ? ""
                       : "add these clusters over HTTPS; the gateway needs ONTAP 9.5 or newer"});
}

Check gateway_failure(const Error& error, const Endpoint& endpoint) {
  const bool off = error.code() == Code::kNotFound || error.code() == Code::kFailedPrecondition ||
                   error.code() == Code::kPermissionDenied;
  return failed("gateway", error,
                off ? "switch the API gateway on: Unified Manager, General > Feature Settings > "
                      "API Gateway; the user needs the role Application Administrator"
                    : advice_for(error, endpoint));
}

}  // namespace

bool ConnectionReport::good() const {
  return std::all_of(checks.begin(), checks.end(), [](const Check& check) { return check.good; });
}

Co<ConnectionReport> test_connection(std::shared_ptr<System> system, async::Pool* pool) {
  ConnectionReport report;
  const Endpoint& endpoint = system->endpoint();
  const bool manager = endpoint.kind == SystemKind::kUnifiedManager;
  if (manager) {
    const auto about =
        co_await system->root().get("/management-server/system", {}, "read what system this is");
    if (!about) {
      report.checks.push_back(
          failed("connection", about.error(), advice_for(about.error(), endpoint)));
      co_return report;
    }
    report.checks.push_back({"connection", true,
                             fmt::format("{} {}", get_string(*about, "product", "Unified Manager"),
                                         get_string(*about, "version")),
                             ""});
  }
  const auto clusters = co_await system->clusters();
  if (!clusters) {
    report.checks.push_back(
        manager ? gateway_failure(clusters.error(), endpoint)
                : failed("connection", clusters.error(), advice_for(clusters.error(), endpoint)));
    co_return report;
  }
  if (manager) {
    report.checks.push_back({"gateway", !clusters->empty(),
                             fmt::format("{} clusters", clusters->size()),
                             clusters->empty() ? "add clusters to Unified Manager" : ""});
    co_await check_watched(system, *clusters, &report);
  } else {
    report.checks.push_back({"connection", true, "cluster " + clusters->front()->name, ""});
  }
  for (const ClusterPtr& cluster : *clusters) {
    co_await check_cluster(cluster, manager ? cluster->name + ": " : "", &report);
  }
  co_await check_mounts(system, pool, &report);
  co_return report;
}

Json to_json(const ConnectionReport& report) {
  JsonArray checks;
  for (const Check& check : report.checks) {
    checks.push_back(JsonObject{{"name", check.name},
                                {"good", check.good},
                                {"detail", check.detail},
                                {"advice", check.advice}});
  }
  return JsonObject{{"good", report.good()}, {"checks", std::move(checks)}};
}

}  // namespace holdfast::storage::ontap
