// What `holdfast agent run` was told: by its configuration file, the environment, the command line;
// the later wins. The file (YAML):
//
//   server: https://backup.example.com:7420
//   token_file: /etc/holdfast/agent.token
//   ca_file: /etc/holdfast/ca.pem        # where the server's certificate is of your own authority
//   data: /var/lib/holdfast-agent
//   places: 2                            # tasks at once
//   repositories:                        # what this host may write to, by the server's names
//     - name: main
//       location: /srv/backup/main
//       password_file: /etc/holdfast/main.key
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "domain/activities/data_types.h"

namespace holdfast::agent {

inline constexpr int kMostPlaces = 64;

struct Options {
  std::string config_file;  // read first; what else is set here wins
  std::string server;
  std::string token_file;
  std::string ca_file;
  std::string data_dir;
  int places = 0;                             // 0: 2
  std::vector<std::string> repository_texts;  // as parse_repository() takes them
  std::vector<activities::RepositoryRef> repositories;
};

// kInvalidArgument: one sentence with file, line and field of the first thing that is wrong.
Result<Options> parse_options(std::string_view text, const std::string& file);
// NAME=LOCATION,PASSWORD_FILE; the location may hold commas, the file may not.
Result<activities::RepositoryRef> parse_repository(std::string_view text);
// What the command line says over the environment over the file, checked: server, token file and
// data directory are there. `environment` answers the value of a variable, empty when unset.
Result<Options> complete_options(Options given, std::string (*environment)(const char*));

}  // namespace holdfast::agent
