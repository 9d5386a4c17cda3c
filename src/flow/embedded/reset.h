// A run that goes on from an earlier workflow task of another one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "flow/embedded/records.h"
#include "flow/event.h"

namespace holdfast::flow::embedded {

// How the new run begins: what it keeps of the old history, up to the WorkflowTaskStarted of the
// task that is done again, and the signals that came later.
struct ResetPlan {
  RunState state;
  std::vector<Event> kept;
  JsonObject task_failed;  // attributes of the WorkflowTaskFailed that follows
  std::vector<JsonObject> signals;
};

// The last workflow task completed at or before `event_id` (0: the first one) is done again.
// kInvalidArgument: there is none, or no such event. kFailedPrecondition: a child that was begun
// before that task had not ended then.
Result<ResetPlan> plan_reset(const RunState& base, std::vector<Event> history,
                             std::int64_t event_id, const std::string& reason, RunId new_run,
                             UtcTime now);

}  // namespace holdfast::flow::embedded
