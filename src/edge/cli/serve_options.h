// What `holdfast serve` was asked for; main.cc hands it to the daemon.
#pragma once

#include <cstdint>
#include <string>

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

}  // namespace holdfast::cli
