// Active IQ Unified Manager's own API: /api/... and the same under /api/v2/....
//
// Its inventory shows the clusters as they are now; its own objects (events, alerts, jobs, users)
// lie in World::manager(). There is no snapshot, SnapMirror or consistency-group endpoint: those go
// through the gateway, which leads to the same code as a call of the cluster itself.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/net/server.h"
#include "simulators/ontap/model/world.h"
#include "simulators/ontap/rest/filter.h"

namespace holdfast::ontap_sim {

struct UmCall {
  World& world;
  const net::HttpRequest& http;
  std::vector<std::string> keys;  // of the pattern
  std::string path;               // /datacenter/..., without /api
  JsonObject body = {};
  std::string user;
  bool administrator = true;

  const std::string& key() const { return keys.at(0); }
};

struct UmAnswer {
  int status = 200;
  JsonObject body = {};
  bool empty = false;  // no body at all
};

using UmHandler = Outcome<UmAnswer> (*)(UmCall&);

struct UmRoute {
  std::string_view method;
  std::string_view pattern;
  UmHandler handler;
  bool administrator = false;  // others get 403
};

const std::vector<UmRoute>& um_routes();
void add_um_inventory(std::vector<UmRoute>& routes);
void add_um_metrics(std::vector<UmRoute>& routes);
void add_um_server(std::vector<UmRoute>& routes);
void add_um_events(std::vector<UmRoute>& routes);

// One call that is not the gateway's. Under the lock.
net::HttpReply um_answer(World& world, const net::HttpRequest& http,
                         const std::vector<std::string>& segments, const std::string& user,
                         bool administrator);
// Where a call of the gateway leads: the cluster and the path there. nullopt: it is none.
struct GatewayTarget {
  Cluster* cluster = nullptr;
  std::vector<std::string> segments;
};
std::optional<Outcome<GatewayTarget>> gateway_target(World& world,
                                                     const std::vector<std::string>& segments,
                                                     const std::string& method, bool administrator);
bool gateway_is_on(World& world);

// A list as the manager answers it: filters by equality or `query`, order, offset, max_records.
Outcome<UmAnswer> um_list(UmCall& call, std::vector<JsonObject> records,
                          std::string_view key = "key");
// The one with this key; 404.
Outcome<UmAnswer> um_show(const std::vector<JsonObject>& records, const std::string& key,
                          std::string_view field = "key");

// "<cluster uuid>:type=<type>,uuid=<uuid>".
std::string um_key(const Cluster& cluster, std::string_view type, std::string_view uuid);
// {"key", "name", "uuid", "_links"} of an object that `collection` serves.
JsonObject um_reference(const Cluster& cluster, std::string_view type, std::string_view collection,
                        std::string_view uuid, std::string_view name);
JsonObject um_link(std::string_view collection, std::string_view key);
Fault um_fault(int status, std::string message, std::string target = {});

std::vector<JsonObject> um_clusters(UmCall& call);
std::vector<JsonObject> um_volumes(UmCall& call);
std::vector<JsonObject> um_aggregates(UmCall& call);
std::vector<JsonObject> um_svms(UmCall& call);
std::vector<JsonObject> um_nodes(UmCall& call);

}  // namespace holdfast::ontap_sim
