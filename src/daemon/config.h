// The configuration file of `holdfast serve --config FILE` (YAML):
//
//   flow:
//     engine: temporal              # or embedded, the default
//     retention: 90d                # closed runs are deleted after it; 0: never (embedded only)
//     queues:                       # activities that run at once in this server
//       control: {places: 4}
//       data: {places: 2, starts_per_second: 10}  # the rate: embedded only
//     temporal:
//       address: temporal.example.com:7233
//       namespace: default
//       task_queue: holdfast
//       tls:                        # an empty section or `true`: TLS with the system's CAs
//         ca: /etc/holdfast/ca.pem
//         cert: /etc/holdfast/client.pem
//         key: /etc/holdfast/client.key
//         server_name: temporal.internal
//       api_key_file: /etc/holdfast/temporal.key
//   state:                          # left out: DIR/state.db
//     durability: full              # or normal: power loss may take the last commits
//     (DIR/state.db) postgres: postgresql://holdfast@db.example.com/holdfast
//   # or, with the password in a file of its own:
//   # state: {postgres: {dsn: "host=db.example.com user=holdfast", password_file:
//   /etc/holdfast/db}}
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/base/secret.h"
#include "core/db/database.h"
#include "flow/embedded/engine.h"
#include "flow/temporal/options.h"

namespace holdfast::daemon {

struct Config {
  enum class Engine { kEmbedded, kTemporal };
  Engine engine = Engine::kEmbedded;
  flow::embedded::EngineOptions embedded;
  flow::temporal::Options temporal;
  db::Durability durability = db::Durability::kFull;
  SecretString postgres;               // a connection string; empty: the state lies in DIR/state.db
  std::string postgres_password_file;  // empty: as the connection string says
};

inline constexpr Nanoseconds kUsualRetention = std::chrono::hours(90 * 24);

// kInvalidArgument: one sentence with file, line and field of the first thing that is wrong.
Result<Config> parse_config(std::string_view text, const std::string& file);
// Without a file (empty): the defaults.
Result<Config> load_config(const std::string& file);

}  // namespace holdfast::daemon
