// How a history falls into windows.
//
// Shape: [events] WorkflowTaskScheduled Started Completed [command events], repeated. A Started
// that is followed by Failed, TimedOut or the end of the run ends no window: its events belong to
// the next one. Source: Temporal's documentation of workflow tasks.
#pragma once

#include <span>

#include "flow/event.h"

namespace holdfast::flow::detail {

// Whether a WorkflowTaskStarted with this event behind it (nullptr: it is the last one) ends a
// window.
bool ends_window(const Event* next);
// The command events of the workflow task that was started just before `events`.
std::span<const Event> recorded_after(std::span<const Event> events);

}  // namespace holdfast::flow::detail
