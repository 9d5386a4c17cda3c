// Events of a history: Temporal's types, names and numbers.
//
// Attributes are kept as Temporal's proto3 JSON names them (camelCase), with two differences that
// history_json.h undoes: payloads are plain JSON values, and event ids are numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"
#include "core/base/result.h"
#include "core/base/time.h"

namespace holdfast::flow {

enum class EventType {
  kUnknown = 0,
  kWorkflowExecutionStarted = 1,
  kWorkflowExecutionCompleted = 2,
  kWorkflowExecutionFailed = 3,
  kWorkflowExecutionTimedOut = 4,
  kWorkflowTaskScheduled = 5,
  kWorkflowTaskStarted = 6,
  kWorkflowTaskCompleted = 7,
  kWorkflowTaskTimedOut = 8,
  kWorkflowTaskFailed = 9,
  kActivityTaskScheduled = 10,
  kActivityTaskStarted = 11,
  kActivityTaskCompleted = 12,
  kActivityTaskFailed = 13,
  kActivityTaskTimedOut = 14,
  kActivityTaskCancelRequested = 15,
  kActivityTaskCanceled = 16,
  kTimerStarted = 17,
  kTimerFired = 18,
  kTimerCanceled = 19,
  kWorkflowExecutionCancelRequested = 20,
  kWorkflowExecutionCanceled = 21,
  kRequestCancelExternalWorkflowExecutionInitiated = 22,
  kRequestCancelExternalWorkflowExecutionFailed = 23,
  kExternalWorkflowExecutionCancelRequested = 24,
  kMarkerRecorded = 25,
  kWorkflowExecutionSignaled = 26,
  kWorkflowExecutionTerminated = 27,
  kWorkflowExecutionContinuedAsNew = 28,
  kStartChildWorkflowExecutionInitiated = 29,
  kStartChildWorkflowExecutionFailed = 30,
  kChildWorkflowExecutionStarted = 31,
  kChildWorkflowExecutionCompleted = 32,
  kChildWorkflowExecutionFailed = 33,
  kChildWorkflowExecutionCanceled = 34,
  kChildWorkflowExecutionTimedOut = 35,
  kChildWorkflowExecutionTerminated = 36,
  kSignalExternalWorkflowExecutionInitiated = 37,
  kSignalExternalWorkflowExecutionFailed = 38,
  kExternalWorkflowExecutionSignaled = 39,
  kUpsertWorkflowSearchAttributes = 40,
  kWorkflowExecutionUpdateAccepted = 41,
  kWorkflowExecutionUpdateCompleted = 43,
  kWorkflowPropertiesModified = 46,
  kWorkflowExecutionUpdateAdmitted = 47,
};

// "ActivityTaskScheduled"; "Unknown" for kUnknown.
std::string_view name_of(EventType type);
// By that name or by the enum name of the wire (EVENT_TYPE_ACTIVITY_TASK_SCHEDULED).
EventType event_type_from(std::string_view name);
// "EVENT_TYPE_ACTIVITY_TASK_SCHEDULED".
std::string wire_name_of(EventType type);
// "activityTaskScheduledEventAttributes".
std::string attributes_key_of(EventType type);
// Written because a workflow task asked for it.
bool is_command_event(EventType type);
// The last event of a run.
bool is_closing_event(EventType type);

struct Event {
  std::int64_t id = 0;
  UtcTime time;
  EventType type = EventType::kUnknown;
  JsonObject attributes;
  bool may_be_ignored = false;  // a reader that does not know the type may skip it
};

// A Temporal server keeps what set_progress said as this entry of the memo. The driver writes it,
// no code asks for it: a replay passes over such an event.
inline constexpr std::string_view kProgressMemo = "holdfast_progress";
bool is_progress_note(const Event& event);

// An event id among attributes, as number or text; 0 when absent.
std::int64_t event_ref(const JsonObject& attributes, std::string_view key);
// attributes[key] as object; empty when it is something else.
const JsonObject& object_at(const JsonObject& attributes, std::string_view key);
// Takes over what `changes` has; a null takes the key away.
void merge_object(JsonObject& into, const JsonObject& changes);
// attributes[key] as text; "" when it is something else.
std::string text_at(const JsonObject& attributes, std::string_view key);
// attributes[key] as text, or attributes[key].name, or "".
std::string named(const JsonObject& attributes, std::string_view key);

// One stored batch: the events of one transition, compact.
std::string encode_batch(std::span<const Event> events);
// kDataLoss when the text is damaged.
Result<std::vector<Event>> decode_batch(std::string_view text);

// Duration as proto3 JSON: "90s", "0.500s". The reverse accepts any number of digits.
std::string duration_text(Nanoseconds duration);
Nanoseconds duration_from(const JsonObject& attributes, std::string_view key);

}  // namespace holdfast::flow
