// Opening the state database that the configuration names; on PostgreSQL that may mean to stand by.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "core/base/result.h"
#include "core/db/database.h"
#include "core/env/clock.h"
#include "daemon/config.h"

namespace holdfast::daemon {

struct StateOptions {
  const Config& config;
  std::string data_dir;
  std::string host;
  env::Clock& clock;
  std::stop_token stop;
  // This server has run before: a database server that does not answer is waited for.
  bool again = false;
  // Called once when another server is active, with its name; an error ends the waiting.
  std::function<Status(const std::string& active)> standing_by;
  // See db::PostgresOptions.
  std::function<void(const Error&)> on_lost;
};

// Returns when this server is the one that may write. kCancelled: asked to stop before that. Other
// errors as Database::open.
Result<std::unique_ptr<db::Database>> open_state(const StateOptions& options,
                                                 const db::Migrations& migrations);

// "host:/var/lib/holdfast": how other servers and people know this one.
std::string server_name(const std::string& host, const std::string& data_dir);

}  // namespace holdfast::daemon
