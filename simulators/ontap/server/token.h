// OAuth 2.0 bearer tokens: JSON Web Tokens (RFC 7519) signed with HMAC-SHA-256 by this simulator.
//
// Scope: ontap:<cluster uuid or *>:<role>:<access>:<svm>:<path>; an access of "readonly" allows
// GET.
#pragma once

#include <string>
#include <string_view>

#include "core/net/server.h"
#include "simulators/ontap/model/world.h"

namespace holdfast::ontap_sim {

// A token that is valid for an hour. Under the lock.
std::string issue_token(World& world, std::string_view scope);
// The authorization server: a client's credentials for a token (RFC 6749, 4.4). Takes the lock.
net::HttpReply give_token(World& world, const net::HttpRequest& request);
// The user of a token; 401 when it is not ours, is over, or is for another cluster; 403 with code 6
// when it does not allow the method. Under the lock.
Outcome<std::string> check_token(World& world, std::string_view token, std::string_view cluster,
                                 std::string_view method);

}  // namespace holdfast::ontap_sim
