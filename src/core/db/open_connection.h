// Opening a connection in one of the roles of Database. For the .cc files of this room.
#pragma once

#include <memory>
#include <string>

#include "core/base/result.h"
#include "core/db/connection.h"
#include "core/db/database.h"

namespace holdfast::db {

enum class Role {
  kWriter,  // creates the file; writes and checkpoints; exactly one per file
  kReader,  // query_only; never checkpoints, also not when it closes
};

Result<std::unique_ptr<Connection>> open_connection(const std::string& path, Role role,
                                                    const Options& options);

// Brings the schema up to date; see Database::open.
Status migrate(Connection& connection, const Migrations& migrations);

}  // namespace holdfast::db
