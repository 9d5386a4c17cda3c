// One listening port of the service; of this folder only.
#pragma once

#include <atomic>

#include "simulators/ontap/server/service.h"

namespace holdfast::ontap_sim {

struct Service::Port {
  Cluster* cluster = nullptr;  // nullptr: the Unified Manager
  std::string note;            // where its number is kept
  std::atomic<std::uint16_t> number = 0;
  std::unique_ptr<net::HttpServer> server;
  std::atomic<std::int64_t> active = 0;
};

}  // namespace holdfast::ontap_sim
