#include "simulators/ontap/server/login.h"

#include "core/base/bytes.h"
#include "core/crypto/digest.h"
#include "simulators/ontap/rest/resource.h"
#include "simulators/ontap/server/token.h"

namespace holdfast::ontap_sim {
namespace {

// A user that was made at the manager.
Outcome<Login> manager_user(World& world, const std::string& name, const std::string& pair,
                            Fault refused) {
  const JsonObject* user = world.manager().find("user", name);
  if (user == nullptr || text_at(*user, "_sim.password") != crypto::sha256_hex(as_bytes(pair))) {
    return refused;
  }
  return Login{name, text_at(*user, "role") == "administrator" ||
                         text_at(*user, "role") == "storage_administrator"};
}

// How many parts of a path a privilege holds; -1: it does not hold it.
int depth_of(const std::string& pattern, const std::vector<std::string>& segments) {
  const auto parts = split_path(pattern);
  if (parts.size() > segments.size()) {
    return -1;
  }
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i] != "*" && parts[i] != segments[i]) {
      return -1;
    }
  }
  return static_cast<int>(parts.size());
}

bool allows(std::string_view access, std::string_view method) {
  if (method == "GET" || method == "HEAD" || method == "OPTIONS") {
    return access != "none";
  }
  return access == "all" || (method == "POST" && access.find("create") != access.npos) ||
         (method == "PATCH" && access.find("modify") != access.npos);
}

}  // namespace

Done check_privilege(const std::vector<PrivilegeConfig>& role, const std::string& path,
                     const std::string& method) {
  const auto segments = split_path(path);
  int deepest = -1;
  std::string_view access = "none";
  for (const PrivilegeConfig& one : role) {
    if (const int depth = depth_of(one.path, segments); depth > deepest) {
      deepest = depth;
      access = one.access;
    }
  }
  return allows(access, method) ? Done() : Done(Fault(403, 6, "not authorized for that command"));
}

Outcome<Login> check_login(World& world, const Cluster* cluster, const net::HttpRequest& request) {
  const Fault refused(401, 6691623, "User is not authorized.");
  Locked lock(world);
  const std::string user = cluster ? cluster->user : world.config().user;
  const std::string password = cluster ? cluster->password : world.note("um.password");
  const std::string_view header = request.header("authorization");
  if (header.empty()) {
    return cluster && request.client_name == user ? Outcome<Login>(Login{user})
                                                  : Outcome<Login>(refused);
  }
  if (cluster != nullptr && (header.starts_with("Bearer ") || header.starts_with("bearer "))) {
    HF_TRY(std::string name, check_token(world, header.substr(7), cluster->uuid, request.method));
    return Login{std::move(name)};
  }
  if (!header.starts_with("Basic ") && !header.starts_with("basic ")) {
    return refused;
  }
  const auto decoded = from_base64(header.substr(6));
  if (!decoded) {
    return refused;
  }
  const std::string pair(as_text(*decoded));
  if (pair == user + ":" + password) {
    return Login{user};
  }
  for (const UserConfig& one : world.config().users) {
    if (pair == one.name + ":" + one.password) {
      return Login{one.name, one.writes,
                   cluster && !one.privileges.empty() ? &one.privileges : nullptr};
    }
  }
  return cluster ? Outcome<Login>(refused)
                 : manager_user(world, pair.substr(0, pair.find(':')), pair, refused);
}

}  // namespace holdfast::ontap_sim
