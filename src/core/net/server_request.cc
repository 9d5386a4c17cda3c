// The parts of a request that need no connection: its target, its headers.
#include <fmt/core.h>

#include <algorithm>

#include "core/base/bytes.h"
#include "core/net/server.h"
#include "core/net/server_parts.h"
#include "core/net/url.h"

namespace holdfast::net {

void set_target(HttpRequest& request, std::string_view target) {
  const size_t question = target.find('?');
  request.path = url_decode(target.substr(0, question));
  std::string_view query = question == std::string_view::npos ? "" : target.substr(question + 1);
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const size_t equals = pair.find('=');
    const std::string name = url_decode(pair.substr(0, equals), true);
    request.query[name] =
        equals == std::string_view::npos ? "" : url_decode(pair.substr(equals + 1), true);
  }
}

HttpReply refusal(int status, std::string_view detail) {
  HttpReply reply;
  reply.status = status;
  reply.headers["content-type"] = "application/problem+json";
  reply.body = fmt::format(
      R"({{"type":"https://holdfast.dev/problems/invalid_argument","title":"{0}","status":{1},"detail":"{0}","code":"invalid_argument"}})",
      detail, status);
  return reply;
}

std::string_view HttpRequest::header(std::string_view name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

std::string HttpRequest::query_or(std::string_view name, std::string fallback) const {
  const auto found = query.find(name);
  return found == query.end() ? fallback : found->second;
}

}  // namespace holdfast::net
