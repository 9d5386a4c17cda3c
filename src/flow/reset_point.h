// Where in a history a run can begin again.
#pragma once

#include <cstdint>
#include <span>

#include "core/base/result.h"
#include "flow/event.h"

namespace holdfast::flow {

// A workflow task that was completed: the history up to its start is kept.
struct ResetPoint {
  std::int64_t started_event_id = 0;
  std::int64_t completed_event_id = 0;
};

// The last task that was completed at or before `event_id`; 0: the first one. kInvalidArgument:
// there is none; kFailedPrecondition: a child was open at its start.
Result<ResetPoint> find_reset_point(std::span<const Event> history, std::int64_t event_id);

}  // namespace holdfast::flow
