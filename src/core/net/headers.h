// HTTP headers as both ends of a connection see them.
#pragma once

#include <functional>
#include <map>
#include <string>

namespace holdfast::net {

// Header names are lower case.
using HeaderMap = std::map<std::string, std::string, std::less<>>;

}  // namespace holdfast::net
