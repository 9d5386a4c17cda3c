#include "simulators/ontap/server/login.h"

#include "core/base/bytes.h"

namespace holdfast::ontap_sim {

Done check_login(World& world, const Cluster* cluster, const net::HttpRequest& request) {
  const Fault refused(401, 6691623, "User is not authorized.");
  Locked lock(world);
  const std::string user = cluster ? cluster->user : world.config().user;
  const std::string password = cluster ? cluster->password : world.note("um.password");
  const std::string_view header = request.header("authorization");
  if (header.empty()) {
    return cluster && request.client_name == user ? Done() : Done(refused);
  }
  if (!header.starts_with("Basic ") && !header.starts_with("basic ")) {
    return refused;
  }
  const auto decoded = from_base64(header.substr(6));
  return decoded && as_text(*decoded) == user + ":" + password ? Done() : Done(refused);
}

}  // namespace holdfast::ontap_sim
