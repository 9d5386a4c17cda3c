// How a run ended, from the last event of its history.
#pragma once

#include "core/base/json.h"
#include "core/base/result.h"
#include "flow/event.h"

namespace holdfast::flow {

// The result, or the failure as Error: kCancelled when it was canceled or terminated.
Result<Json> outcome_of(const Event& closing);

}  // namespace holdfast::flow
