// The audit row of what a caller does, written in one place: who asked, for which request and when
// are filled in here.
#pragma once

#include <string>

#include "core/base/json.h"
#include "core/db/database.h"
#include "domain/protect/services.h"

namespace holdfast::protect {

// What was done; no field may hold a secret or the content of protected data.
struct Noted {
  std::string action;          // dotted, e.g. "policy.updated"
  std::string target;          // the id of what was changed
  std::string detail{};        // one line for people; may be empty
  std::string payload_hash{};  // of what was asked, from hash_of(); may be empty
};

// SHA-256 of a document or of parameters.
std::string hash_of(const Json& payload);

// Adds the row; call it inside the closure that makes the change. Errors as audit::append.
Status note(db::Connection& sql, const ServerContext& server, const Caller& caller, Noted what);

}  // namespace holdfast::protect
