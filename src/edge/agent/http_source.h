// Tasks over HTTPS, by the three routes under /v1/agent/tasks.
#pragma once

#include <memory>
#include <string>

#include "core/base/secret.h"
#include "core/net/http_client.h"
#include "edge/agent/task_source.h"

namespace holdfast::agent {

// `server` is an address without a path. The client outlives the source.
std::unique_ptr<TaskSource> make_http_source(net::HttpClient& client, std::string server,
                                             SecretString token);

}  // namespace holdfast::agent
