// Where the Temporal cluster is, how to reach it, and what this process works on.
#pragma once

#include <map>
#include <string>

#include "core/base/time.h"

namespace holdfast::flow::temporal {

struct TlsOptions {
  bool on = false;
  // PEM. Without a CA the system's are used; certificate and key only for mTLS, both or none.
  std::string ca_file;
  std::string certificate_file;
  std::string key_file;
  std::string server_name;  // empty: the host of the address
};

struct Options {
  std::string address = "127.0.0.1:7233";
  std::string name_space = "default";
  // Workflows wait in this queue; activities of queue `control` in `<task_queue>-control`.
  std::string task_queue = "holdfast";
  TlsOptions tls;
  std::string api_key_file;  // needs TLS

  // Threads of each activity queue: how many activities of it run at once.
  std::map<std::string, int> queues = {{"control", 4}, {"data", 2}};
  int workflow_threads = 2;
  // Runs kept in memory between workflow tasks (a sticky queue); 0: every task replays its history.
  std::size_t cache_size = 1000;
  // Longest time between two heartbeats that are sent while an activity gives news.
  Nanoseconds heartbeat_interval = std::chrono::seconds(1);
  // Registered at start when missing: name -> Temporal's type ("Keyword", "Int", "Bool" ...).
  std::map<std::string, std::string> search_attributes;
};

}  // namespace holdfast::flow::temporal
