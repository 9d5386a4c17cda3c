// An authorization server of OAuth 2.0 (RFC 6749), on the manager's port: the client credentials
// grant (4.4), the client known by Basic authentication or by the form (2.3.1).
#pragma once

#include "core/net/server.h"
#include "simulators/ontap/model/world.h"

namespace holdfast::ontap_sim {

inline constexpr std::string_view kTokenPath = "/oauth2/token";

// A token of the scope that was asked for, else of everything; errors as in 5.2.
net::HttpReply grant_token(World& world, const net::HttpRequest& request);

}  // namespace holdfast::ontap_sim
