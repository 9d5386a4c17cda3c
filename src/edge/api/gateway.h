// The gateway: authentication, scopes, idempotency, tracing and errors around the handlers.
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "core/net/server.h"
#include "domain/protect/services.h"
#include "drivers/notify/channel.h"
#include "edge/api/call.h"
#include "edge/api/router.h"

namespace holdfast::api {

class Gateway {
 public:
  // Everything given outlives the gateway.
  Gateway(const protect::Services& services, notify::ChannelServices channels, AgentTasks& agents);

  // Answers one request; may be called from any executor.
  async::Co<net::HttpReply> handle(std::shared_ptr<const net::HttpRequest> request);

 private:
  async::Co<Result<net::HttpReply>> answer(Call call, Match match);
  async::Co<Result<access::Principal>> authenticate(
      std::shared_ptr<const net::HttpRequest> request);
  async::Co<Result<net::HttpReply>> run_once(Call call, Match match, std::string key);
  async::Co<Result<net::HttpReply>> run_handler(Call call, Match match);
  net::HttpReply event_stream(const std::string& run_id) const;

  const protect::Services& services_;
  notify::ChannelServices channels_;
  AgentTasks& agents_;
  std::mutex mutex_;
  std::set<std::string> in_flight_;  // idempotency keys of requests that run now
};

}  // namespace holdfast::api
