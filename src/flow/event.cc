// Names of events and the form of a stored batch.
//
// Batch format: a JSON array, one element an event: [id, time in ns, type number, attributes], with
// a trailing `true` for events that may be ignored. Ids ascend by one.
#include "flow/event.h"

#include <array>
#include <cctype>
#include <charconv>

#include <fmt/core.h>

namespace holdfast::flow {
namespace {

struct Name {
  EventType type;
  std::string_view name;
  bool command = false;
  bool closing = false;
};

constexpr auto kNames = std::to_array<Name>({
    {EventType::kWorkflowExecutionStarted, "WorkflowExecutionStarted"},
    {EventType::kWorkflowExecutionCompleted, "WorkflowExecutionCompleted", true, true},
    {EventType::kWorkflowExecutionFailed, "WorkflowExecutionFailed", true, true},
    {EventType::kWorkflowExecutionTimedOut, "WorkflowExecutionTimedOut", false, true},
    {EventType::kWorkflowTaskScheduled, "WorkflowTaskScheduled"},
    {EventType::kWorkflowTaskStarted, "WorkflowTaskStarted"},
    {EventType::kWorkflowTaskCompleted, "WorkflowTaskCompleted"},
    {EventType::kWorkflowTaskTimedOut, "WorkflowTaskTimedOut"},
    {EventType::kWorkflowTaskFailed, "WorkflowTaskFailed"},
    {EventType::kActivityTaskScheduled, "ActivityTaskScheduled", true},
    {EventType::kActivityTaskStarted, "ActivityTaskStarted"},
    {EventType::kActivityTaskCompleted, "ActivityTaskCompleted"},
    {EventType::kActivityTaskFailed, "ActivityTaskFailed"},
    {EventType::kActivityTaskTimedOut, "ActivityTaskTimedOut"},
    {EventType::kActivityTaskCancelRequested, "ActivityTaskCancelRequested", true},
    {EventType::kActivityTaskCanceled, "ActivityTaskCanceled"},
    {EventType::kTimerStarted, "TimerStarted", true},
    {EventType::kTimerFired, "TimerFired"},
    {EventType::kTimerCanceled, "TimerCanceled", true},
    {EventType::kWorkflowExecutionCancelRequested, "WorkflowExecutionCancelRequested"},
    {EventType::kWorkflowExecutionCanceled, "WorkflowExecutionCanceled", true, true},
    {EventType::kRequestCancelExternalWorkflowExecutionInitiated,
     "RequestCancelExternalWorkflowExecutionInitiated", true},
    {EventType::kRequestCancelExternalWorkflowExecutionFailed,
     "RequestCancelExternalWorkflowExecutionFailed"},
    {EventType::kExternalWorkflowExecutionCancelRequested,
     "ExternalWorkflowExecutionCancelRequested"},
    {EventType::kMarkerRecorded, "MarkerRecorded", true},
    {EventType::kWorkflowExecutionSignaled, "WorkflowExecutionSignaled"},
    {EventType::kWorkflowExecutionTerminated, "WorkflowExecutionTerminated", false, true},
    {EventType::kWorkflowExecutionContinuedAsNew, "WorkflowExecutionContinuedAsNew", true, true},
    {EventType::kStartChildWorkflowExecutionInitiated, "StartChildWorkflowExecutionInitiated",
     true},
    {EventType::kStartChildWorkflowExecutionFailed, "StartChildWorkflowExecutionFailed"},
    {EventType::kChildWorkflowExecutionStarted, "ChildWorkflowExecutionStarted"},
    {EventType::kChildWorkflowExecutionCompleted, "ChildWorkflowExecutionCompleted"},
    {EventType::kChildWorkflowExecutionFailed, "ChildWorkflowExecutionFailed"},
    {EventType::kChildWorkflowExecutionCanceled, "ChildWorkflowExecutionCanceled"},
    {EventType::kChildWorkflowExecutionTimedOut, "ChildWorkflowExecutionTimedOut"},
    {EventType::kChildWorkflowExecutionTerminated, "ChildWorkflowExecutionTerminated"},
    {EventType::kSignalExternalWorkflowExecutionInitiated,
     "SignalExternalWorkflowExecutionInitiated", true},
    {EventType::kSignalExternalWorkflowExecutionFailed, "SignalExternalWorkflowExecutionFailed"},
    {EventType::kExternalWorkflowExecutionSignaled, "ExternalWorkflowExecutionSignaled"},
    {EventType::kUpsertWorkflowSearchAttributes, "UpsertWorkflowSearchAttributes", true},
    {EventType::kWorkflowExecutionUpdateAccepted, "WorkflowExecutionUpdateAccepted", true},
    {EventType::kWorkflowExecutionUpdateCompleted, "WorkflowExecutionUpdateCompleted", true},
    {EventType::kWorkflowPropertiesModified, "WorkflowPropertiesModified", true},
    {EventType::kWorkflowExecutionUpdateAdmitted, "WorkflowExecutionUpdateAdmitted"},
});

const Name* find_name(EventType type) {
  const auto found = std::ranges::find(kNames, type, &Name::type);
  return found == kNames.end() ? nullptr : found;
}

Error damaged() { return {Code::kDataLoss, "a stored batch of a workflow history is damaged"}; }

Result<Event> decode_event(const Json& element) {
  const JsonArray* parts = element.if_array();
  if (!parts || parts->size() < 4 || !(*parts)[0].is_int64() || !(*parts)[1].is_int64() ||
      !(*parts)[2].is_int64() || !(*parts)[3].is_object()) {
    return damaged();
  }
  Event event;
  event.id = (*parts)[0].get_int64();
  event.time = UtcTime(Nanoseconds((*parts)[1].get_int64()));
  event.type = static_cast<EventType>((*parts)[2].get_int64());
  event.attributes = (*parts)[3].get_object();
  event.may_be_ignored = parts->size() > 4;
  return event;
}

}  // namespace

std::string_view name_of(EventType type) {
  const Name* found = find_name(type);
  return found ? found->name : "Unknown";
}

std::string wire_name_of(EventType type) {
  std::string wire = "EVENT_TYPE";
  for (const char c : name_of(type)) {
    if (std::isupper(static_cast<unsigned char>(c)) != 0) {
      wire += '_';
    }
    wire += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return wire;
}

EventType event_type_from(std::string_view name) {
  for (const Name& known : kNames) {
    if (known.name == name || wire_name_of(known.type) == name) {
      return known.type;
    }
  }
  return EventType::kUnknown;
}

std::string attributes_key_of(EventType type) {
  std::string key(name_of(type));
  key[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(key[0])));
  return key + "EventAttributes";
}

bool is_command_event(EventType type) {
  const Name* found = find_name(type);
  return found && found->command;
}

bool is_closing_event(EventType type) {
  const Name* found = find_name(type);
  return found && found->closing;
}

bool is_progress_note(const Event& event) {
  const Json* memo = event.type == EventType::kWorkflowPropertiesModified
                         ? event.attributes.if_contains("upsertedMemo")
                         : nullptr;
  return memo && memo->is_object() && memo->get_object().size() == 1 &&
         memo->get_object().contains(kProgressMemo);
}

std::int64_t event_ref(const JsonObject& attributes, std::string_view key) {
  const Json* value = attributes.if_contains(key);
  if (!value) {
    return 0;
  }
  if (const auto* number = value->if_int64()) {
    return *number;
  }
  std::int64_t id = 0;
  if (const auto* text = value->if_string()) {
    std::from_chars(text->data(), text->data() + text->size(), id);
  }
  return id;
}

const JsonObject& object_at(const JsonObject& attributes, std::string_view key) {
  static const JsonObject kEmpty;
  const Json* value = attributes.if_contains(key);
  return value && value->is_object() ? value->get_object() : kEmpty;
}

void merge_object(JsonObject& into, const JsonObject& changes) {
  for (const auto& [key, value] : changes) {
    if (value.is_null()) {
      into.erase(key);
    } else {
      into[key] = value;
    }
  }
}

std::string text_at(const JsonObject& attributes, std::string_view key) {
  const Json* value = attributes.if_contains(key);
  return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::string named(const JsonObject& attributes, std::string_view key) {
  const Json* value = attributes.if_contains(key);
  if (!value) {
    return {};
  }
  return value->is_string() ? std::string(value->get_string()) : get_string(*value, "name");
}

std::string encode_batch(std::span<const Event> events) {
  JsonArray batch;
  batch.reserve(events.size());
  for (const Event& event : events) {
    JsonArray parts = {event.id, event.time.time_since_epoch().count(),
                       static_cast<std::int64_t>(event.type), event.attributes};
    if (event.may_be_ignored) {
      parts.emplace_back(true);
    }
    batch.emplace_back(std::move(parts));
  }
  return to_text(Json(std::move(batch)));
}

Result<std::vector<Event>> decode_batch(std::string_view text) {
  HF_TRY(const Json batch, parse_json(text, 1u << 30));
  const JsonArray* elements = batch.if_array();
  if (!elements) {
    return damaged();
  }
  std::vector<Event> events;
  events.reserve(elements->size());
  for (const Json& element : *elements) {
    HF_TRY(Event event, decode_event(element));
    events.push_back(std::move(event));
  }
  return events;
}

std::string duration_text(Nanoseconds duration) {
  const std::int64_t nanos = duration.count();
  const std::int64_t fraction = nanos % 1'000'000'000;
  std::string text = fmt::format("{}", nanos / 1'000'000'000);
  if (fraction != 0) {
    if (fraction % 1'000'000 == 0) {
      text += fmt::format(".{:03}", fraction / 1'000'000);
    } else {
      text += fmt::format(".{:09}", fraction);
    }
  }
  return text + "s";
}

Nanoseconds duration_from(const JsonObject& attributes, std::string_view key) {
  const Json* value = attributes.if_contains(key);
  if (!value || !value->is_string()) {
    return Nanoseconds(0);
  }
  const std::string_view text = value->get_string();
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  std::int64_t nanos = 0;
  if (error == std::errc() && end != text.data() + text.size() && *end == '.') {
    std::int64_t scale = 100'000'000;
    for (const char* digit = end + 1;
         digit != text.data() + text.size() && *digit >= '0' && *digit <= '9';
         ++digit, scale /= 10) {
      nanos += (*digit - '0') * scale;
    }
  }
  return std::chrono::seconds(seconds) + Nanoseconds(nanos);
}

}  // namespace holdfast::flow
