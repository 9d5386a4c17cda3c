// Request targets and JSON bodies as they come from the network.
#include <cstdint>
#include <string_view>

#include "core/base/check.h"
#include "core/base/json.h"
#include "core/net/server.h"
#include "edge/api/router.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  holdfast::net::HttpRequest request;
  holdfast::net::set_target(request, text.substr(0, text.find('\n')));
  const holdfast::api::Match match = holdfast::api::match_route("GET", request.path);
  HF_CHECK(match.route == nullptr || !match.route->operation.empty(), "a route has an operation");
  if (const auto body = holdfast::parse_json(text, 1u << 20)) {
    const auto again = holdfast::parse_json(holdfast::to_pretty_text(*body), 64u << 20);
    HF_CHECK(again.has_value(), "what was read can be written");
  }
  return 0;
}
