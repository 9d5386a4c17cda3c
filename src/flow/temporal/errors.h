// What a failed call means to Holdfast.
#pragma once

#include <string>

#include "core/base/error.h"

namespace holdfast::flow::temporal {

// From the parts of a gRPC status; `details` is a serialised google.rpc.Status. A workflow id that
// is taken carries ("run_id", the run that has it); a query that failed carries the failure of its
// handler.
Error call_error(int grpc_code, const std::string& message, const std::string& details);

// Whether the call may be repeated as it is.
inline bool may_repeat(const Error& error) { return error.retry() == Retry::kTransient; }

}  // namespace holdfast::flow::temporal
