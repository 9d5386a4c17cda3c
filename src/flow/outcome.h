// How a run ended, and what an update was answered, from what history has of it.
#pragma once

#include "core/base/json.h"
#include "core/base/result.h"
#include "flow/event.h"

namespace holdfast::flow {

// From the last event: the result, or the failure as Error: kCancelled when it was canceled or
// terminated.
Result<Json> outcome_of(const Event& closing);

// The answer in the outcome of an update: {"success": value} or {"failure": ...}.
Result<Json> answer_of(const Json& outcome);

}  // namespace holdfast::flow
