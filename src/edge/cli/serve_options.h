// What `holdfast serve` and `holdfast agent run` were asked for; main.cc hands it to the daemon and
// to the agent.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace holdfast::cli {

struct ServeOptions {
  std::string data_dir;
  std::string listen_address = "127.0.0.1";
  std::uint16_t port = 7420;
  bool reset_admin = false;
  std::string certificate_file;
  std::string private_key_file;
  std::string config_file;
};

struct AgentOptions {
  std::string server;
  std::string token_file;
  std::string ca_file;
  std::string data_dir;
  std::string config_file;
  int places = 0;                         // 0: not said
  std::vector<std::string> repositories;  // NAME=LOCATION,PASSWORD_FILE
};

}  // namespace holdfast::cli
