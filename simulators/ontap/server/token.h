// OAuth 2.0 bearer tokens: JSON Web Tokens (RFC 7519) signed with HMAC-SHA-256 by this simulator.
//
// Scope: ontap:<cluster uuid or *>:<role>:<access>:<svm>:<path>, as ONTAP reads it; what is left
// out is everything. Several are separated by spaces.
#pragma once

#include <string>
#include <string_view>

#include "simulators/ontap/model/world.h"

namespace holdfast::ontap_sim {

// A token that is valid for an hour. Under the lock.
std::string issue_token(World& world, std::string_view scope);
struct TokenUser {
  std::string name;
  Privileges privileges;
};
// 401 when it is not ours, is over, or is for another cluster. Under the lock.
Outcome<TokenUser> check_token(World& world, std::string_view token, std::string_view cluster);

}  // namespace holdfast::ontap_sim
