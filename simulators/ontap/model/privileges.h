// Rights of REST roles, a path each (`/security/roles` of the API).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace holdfast::ontap_sim {

// `access` to `path` and all below it. The longest path decides; what none holds is refused.
struct Privilege {
  std::string path;    // "/api/storage/volumes"; "/api" is everything
  std::string access;  // none, readonly, read_create, read_modify, read_create_modify, all
};
using Privileges = std::vector<Privilege>;

bool is_access(std::string_view word);
// Whether these rights allow the method on a path ("/api/...").
bool allows(const Privileges& privileges, std::string_view method, std::string_view path);

}  // namespace holdfast::ontap_sim
