// Leases: at most one holder of a name at a time, also across servers on one state database.
#pragma once

#include <string>

#include "core/db/database.h"

namespace holdfast::protect {

db::Migrations lease_migrations();

// Takes or prolongs the lease until `until`; false while somebody else holds it.
Result<bool> take_lease(db::Connection& sql, const std::string& name, const std::string& holder,
                        UtcTime now, UtcTime until);
// Gives it up early; nothing happens when somebody else holds it.
Status release_lease(db::Connection& sql, const std::string& name, const std::string& holder);

}  // namespace holdfast::protect
