// From method and path to a route of the table. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "edge/wire/routes.h"

namespace holdfast::api {

struct Match {
  const wire::Route* route = nullptr;  // null: no route has this path and method
  std::map<std::string, std::string, std::less<>> path;
  std::string allowed;  // methods of this path, for 405; empty: no such path
};

// `path` is percent-decoded. A {name} matches one segment that is not empty.
Match match_route(std::string_view method, std::string_view path);

}  // namespace holdfast::api
