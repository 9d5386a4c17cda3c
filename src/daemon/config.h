// The configuration file of `holdfast serve --config FILE` (YAML):
//
//   flow:
//     engine: temporal              # or embedded, the default
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
//     postgres: postgresql://holdfast@db.example.com/holdfast
//   # or, with the password in a file of its own:
//   # state: {postgres: {dsn: "host=db.example.com user=holdfast", password_file:
//   /etc/holdfast/db}}
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/base/secret.h"
#include "flow/temporal/options.h"

namespace holdfast::daemon {

struct Config {
  enum class Engine { kEmbedded, kTemporal };
  Engine engine = Engine::kEmbedded;
  flow::temporal::Options temporal;
  SecretString postgres;               // a connection string; empty: the state lies in DIR/state.db
  std::string postgres_password_file;  // empty: as the connection string says
};

// kInvalidArgument: one sentence with file, line and field of the first thing that is wrong.
Result<Config> parse_config(std::string_view text, const std::string& file);
// Without a file (empty): the defaults.
Result<Config> load_config(const std::string& file);

}  // namespace holdfast::daemon
