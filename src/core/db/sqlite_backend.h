// SQLite as a back end of Database. For the .cc files of this room.
#pragma once

#include <memory>
#include <string>

#include "core/db/session.h"

namespace holdfast::db {

// Nothing is opened yet.
std::unique_ptr<Backend> sqlite_backend(const std::string& path, const Options& options);

}  // namespace holdfast::db
