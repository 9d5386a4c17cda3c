// One authenticated request on its way through a handler.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/async/co.h"
#include "core/base/json.h"
#include "core/net/server.h"
#include "domain/protect/services.h"
#include "drivers/notify/channel.h"

namespace holdfast::api {

class AgentTasks;

struct Call {
  const protect::Services* services = nullptr;  // outlives the call
  AgentTasks* agents = nullptr;                 // outlives the call
  notify::ChannelServices channels;
  protect::Caller caller;
  std::shared_ptr<const net::HttpRequest> request;
  std::map<std::string, std::string, std::less<>> path;  // values of {names} in the route
  Json body;                                             // an object; empty without a body

  const protect::ServerContext& server() const { return services->server; }
  std::string path_value(std::string_view name) const;
  // `limit` of a list: 1..500, 100 when absent; kInvalidArgument else.
  Result<int> limit() const;
  // Refuses a body with other fields than the named ones.
  Status only_fields(std::initializer_list<std::string_view> names) const;
};

// Answers the JSON body of a success.
using Handler = async::Co<Result<Json>> (*)(Call);

// A page: {"items", "next_cursor"}; the cursor is the last item's id when the page is full.
Json page(JsonArray items, int limit);

}  // namespace holdfast::api
