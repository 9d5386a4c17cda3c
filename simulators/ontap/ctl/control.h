// The control API behind `ontap-sim ctl`: /sim/... on the manager's port, under a token of its own.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/net/server.h"
#include "simulators/ontap/ctl/call_log.h"
#include "simulators/ontap/model/world.h"

namespace holdfast::ontap_sim {

// What control asks of the running service.
struct ControlHooks {
  std::function<void(const std::string& name, bool reachable)> set_reachable;
  std::function<void()> change_certificates;
  std::function<void()> endpoints_changed;
};

// GET faults, count, log, token; POST faults, certificate, gateway, password, attack; DELETE
// faults.
Outcome<JsonObject> control(World& world, const CallLog& log, const ControlHooks& hooks,
                            const net::HttpRequest& http, const std::vector<std::string>& segments);

// A rule from its JSON: kind, cluster, method, path, route, skip, times; the rest are its values.
Outcome<FaultRule> parse_fault(const JsonObject& body);
JsonObject to_json(const FaultRule& rule);

}  // namespace holdfast::ontap_sim
