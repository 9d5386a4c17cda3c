// Histories as Temporal writes them: proto3 JSON of temporal.api.history.v1.History.
//
// eventId and other 64-bit numbers are text, types are EVENT_TYPE_..., attributes lie under
// <type>EventAttributes, payloads are base64 with metadata {encoding: json/plain}. The reader also
// takes the older short names ("ActivityTaskScheduled") and numbers for ids.
#pragma once

#include <span>
#include <vector>

#include "core/base/json.h"
#include "core/base/result.h"
#include "flow/event.h"

namespace holdfast::flow {

// {"events": [...]}
Json export_history(std::span<const Event> events);
// kInvalidArgument: not a history.
Result<std::vector<Event>> import_history(const Json& history);

}  // namespace holdfast::flow
