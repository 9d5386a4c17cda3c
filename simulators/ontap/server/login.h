// Who may call: Basic authentication, a client certificate of the simulator's own authority.
#pragma once

#include "core/net/server.h"
#include "simulators/ontap/model/world.h"

namespace holdfast::ontap_sim {

struct Login {
  std::string user;
  bool administrator = true;  // may write
};

// `cluster` nullptr: the Unified Manager. 401 with code 6691623 otherwise.
Outcome<Login> check_login(World& world, const Cluster* cluster, const net::HttpRequest& request);

}  // namespace holdfast::ontap_sim
