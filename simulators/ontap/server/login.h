// Who may call, and what: Basic authentication, a client certificate of the simulator's own
// authority, tokens of its authorization server.
#pragma once

#include "core/net/server.h"
#include "simulators/ontap/model/world.h"

namespace holdfast::ontap_sim {

struct Login {
  std::string user;
  bool administrator = true;                            // may write
  const std::vector<PrivilegeConfig>* paths = nullptr;  // of a role by path; of the configuration
};

// Whether a role by path may make a call to a cluster: 403 with code 6 otherwise. `path` begins
// with /api.
Done check_privilege(const std::vector<PrivilegeConfig>& role, const std::string& path,
                     const std::string& method);

// `cluster` nullptr: the Unified Manager. 401 with code 6691623 otherwise.
Outcome<Login> check_login(World& world, const Cluster* cluster, const net::HttpRequest& request);

}  // namespace holdfast::ontap_sim
