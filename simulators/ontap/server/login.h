// Who may call: Basic authentication, a client certificate of the simulator's own authority, a
// bearer token.
#pragma once

#include "core/net/server.h"
#include "simulators/ontap/model/world.h"

namespace holdfast::ontap_sim {

struct Login {
  std::string user;
  bool administrator = true;                  // of the Unified Manager: may write
  Privileges privileges = {{"/api", "all"}};  // of a cluster
};

// `cluster` nullptr: the Unified Manager. 401 with code 6691623 otherwise.
Outcome<Login> check_login(World& world, const Cluster* cluster, const net::HttpRequest& request);

}  // namespace holdfast::ontap_sim
