// What answers the port: the gateway once there is one, and before that the fact that this server
// stands by.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "core/async/co.h"
#include "core/net/server.h"
#include "edge/api/gateway.h"

namespace holdfast::daemon {

// Thread-safe.
class Front {
 public:
  // From now on requests go to `gateway`, which outlives the HTTP server.
  void open(api::Gateway* gateway);
  void stand_by(std::string active);
  async::Co<net::HttpReply> handle(std::shared_ptr<const net::HttpRequest> request);

 private:
  net::HttpReply standby_reply(const net::HttpRequest& request, const std::string& active) const;

  std::mutex mutex_;
  api::Gateway* gateway_ = nullptr;
  std::string active_;
};

}  // namespace holdfast::daemon
