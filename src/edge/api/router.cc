#include "edge/api/router.h"

#include <optional>

namespace holdfast::api {
namespace {

using Values = std::map<std::string, std::string, std::less<>>;

std::string_view take_segment(std::string_view& path) {
  path.remove_prefix(1);  // the slash
  const std::string_view segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

std::optional<Values> match_path(std::string_view pattern, std::string_view path) {
  Values values;
  while (!pattern.empty() && !path.empty()) {
    if (path.front() != '/') {
      return std::nullopt;
    }
    const std::string_view wanted = take_segment(pattern);
    const std::string_view given = take_segment(path);
    if (wanted.starts_with('{')) {
      if (given.empty()) {
        return std::nullopt;
      }
      values[std::string(wanted.substr(1, wanted.size() - 2))] = std::string(given);
    } else if (wanted != given) {
      return std::nullopt;
    }
  }
  return pattern.empty() && path.empty() ? std::optional(std::move(values)) : std::nullopt;
}

}  // namespace

Match match_route(std::string_view method, std::string_view path) {
  Match match;
  for (const wire::Route& route : wire::routes()) {
    auto values = match_path(route.path, path);
    if (!values) {
      continue;
    }
    match.allowed += (match.allowed.empty() ? "" : ", ") + std::string(route.method);
    // A literal segment is more specific than a {name}: /v1/schedules/next before
    // /v1/schedules/{id}.
    const bool better = match.route == nullptr || values->size() < match.path.size();
    if (route.method == method && better) {
      match.route = &route;
      match.path = *std::move(values);
    }
  }
  return match;
}

}  // namespace holdfast::api
