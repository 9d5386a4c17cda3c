#include "daemon/front.h"

#include "core/base/json.h"
#include "edge/api/problem.h"

namespace holdfast::daemon {

void Front::open(api::Gateway* gateway) {
  const std::lock_guard lock(mutex_);
  gateway_ = gateway;
}

void Front::stand_by(std::string active) {
  const std::lock_guard lock(mutex_);
  active_ = std::move(active);
}

// 503, so that a load balancer in front of both servers asks the other one.
net::HttpReply Front::standby_reply(const net::HttpRequest& request,
                                    const std::string& active) const {
  if (request.path != "/v1/health") {
    return api::problem_reply(
        Error(Code::kUnavailable, "this server stands by; ask the one that is active",
              Retry::kTransient)
            .with("active", active),
        "");
  }
  net::HttpReply reply;
  reply.status = 503;
  reply.headers["content-type"] = "application/json";
  reply.body =
      to_text(JsonObject{{"status", "standby"}, {"version", HOLDFAST_VERSION}, {"active", active}});
  return reply;
}

async::Co<net::HttpReply> Front::handle(std::shared_ptr<const net::HttpRequest> request) {
  api::Gateway* gateway = nullptr;
  std::string active;
  {
    const std::lock_guard lock(mutex_);
    gateway = gateway_;
    active = active_;
  }
  if (gateway == nullptr) {
    co_return standby_reply(*request, active);
  }
  co_return co_await gateway->handle(std::move(request));
}

}  // namespace holdfast::daemon
