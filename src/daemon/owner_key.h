// The first key: the owner's, with every scope. Its text lies in DIR/admin.token only.
#pragma once

#include <string>

#include "core/base/result.h"
#include "core/db/database.h"
#include "core/env/clock.h"
#include "core/env/random.h"

namespace holdfast::daemon {

// Makes sure that the owner has a key: a token file that is there counts again after the database
// was lost. With `reset`, the old one is revoked and a new one made. The file is written before the
// row, so that a crash in between leaves a key that the next start takes up. `server`: names the
// server where several take turns on one database; each has a key of its own then, unless they have
// the same file, and takes away none but its own. Empty: there is only one.
Status ensure_owner_key(db::Database& database, env::Clock& clock, env::Random& random,
                        const std::string& data_dir, bool reset, const std::string& server = "");

}  // namespace holdfast::daemon
