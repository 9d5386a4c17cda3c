// The table of the API: every route once. The gateway serves it, OpenAPI is made from it, and a
// test holds one against the other.
#pragma once

#include <span>
#include <string_view>

#include "core/base/json.h"

namespace holdfast::wire {

struct Route {
  std::string_view method;  // GET, POST, DELETE
  std::string_view path;    // "/v1/runs/{id}"
  std::string_view operation;
  std::string_view scope;  // right that the caller needs (access/scope.h); empty: open to all
  std::string_view summary;
  std::string_view query;     // names of query parameters, separated by spaces
  std::string_view request;   // name of the body's schema, empty for none
  std::string_view response;  // name of the answer's schema, "list:X" for a page of X
  int status = 200;           // of success
};

std::span<const Route> routes();

// Schema of a named shape (JSON Schema 2020-12), null when there is none.
const Json* shape(std::string_view name);
// Schemas of the documents that `apply` takes, by kind: resource, repository, channel, policy,
// system, scheduled_backup.
const JsonObject& document_schemas();

// The OpenAPI 3.1 document of all routes.
Json openapi();

}  // namespace holdfast::wire
