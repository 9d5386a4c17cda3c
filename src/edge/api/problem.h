// Errors as problem details (RFC 9457).
#pragma once

#include <string>

#include "core/base/error.h"
#include "core/net/server.h"

namespace holdfast::api {

// Status and code from the table of base/error.cc; context whose key is a JSON pointer becomes the
// list `problems`, other context goes into the detail.
net::HttpReply problem_reply(const Error& error, const std::string& request_id);

}  // namespace holdfast::api
