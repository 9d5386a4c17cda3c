// What a workflow task recorded, read ahead of the code that asks for it: side effects and patches,
// which are markers in the history, and the updates that it accepted.
#include "flow/replay/markers.h"

#include "flow/replay/runtime.h"

namespace holdfast::flow::detail {
namespace {

JsonObject marker(std::string_view name, JsonObject details) {
  return {{"markerName", name}, {"details", std::move(details)}};
}

}  // namespace

std::string marker_id(const JsonObject& attributes) {
  const Json* details = attributes.if_contains("details");
  return details && details->is_object() ? text_at(details->get_object(), "id") : "";
}

bool is_deprecated_patch(const Event& event) {
  const Json* details = event.attributes.if_contains("details");
  return event.type == EventType::kMarkerRecorded && details &&
         text_at(event.attributes, "markerName") == kPatchMarker &&
         get_bool(*details, "deprecated");
}

void Runtime::preload(std::span<const Event> recorded) {
  for (const Event& event : recorded) {
    if (event.type == EventType::kWorkflowExecutionUpdateAccepted) {
      offer(recorded_update(event));
      continue;
    }
    if (event.type != EventType::kMarkerRecorded) {
      continue;
    }
    const std::string name = text_at(event.attributes, "markerName");
    if (name == kSideEffectMarker) {
      recorded_effects_.emplace(marker_id(event.attributes), event.attributes);
    } else if (name == kPatchMarker) {
      recorded_patches_.insert(marker_id(event.attributes));
    }
  }
}

Result<Json> Runtime::side_effect(const std::function<Json()>& function) {
  if (destroying_) {
    return Error(Code::kCancelled, "the run is being taken down");
  }
  const std::string id = std::to_string(++last_effect_);
  JsonObject attributes;
  if (const auto recorded = recorded_effects_.find(id); recorded != recorded_effects_.end()) {
    attributes = std::move(recorded->second);
    attributes.erase("workflowTaskCompletedEventId");
    recorded_effects_.erase(recorded);
  } else {
    Json value = function();
    auto problem = payload_problem(value, "side effect");
    attributes = marker(kSideEffectMarker, {{"id", id}, {"data", problem ? Json() : value}});
    if (problem) {
      attributes["failure"] = to_failure(*problem);
    }
  }
  push(EventType::kMarkerRecorded, attributes);
  if (const Json* failure = attributes.if_contains("failure")) {
    return from_failure(*failure);
  }
  const Json* data = find(attributes.at("details"), "data");
  return data == nullptr ? Json() : *data;
}

bool Runtime::patched(const std::string& id) { return mark_patch(id, /*deprecated=*/false); }

void Runtime::deprecate_patch(const std::string& id) { mark_patch(id, /*deprecated=*/true); }

bool Runtime::mark_patch(const std::string& id, bool deprecated) {
  if (destroying_) {
    return false;
  }
  const auto [decided, is_new] = patches_.try_emplace(id, false);
  if (is_new) {
    decided->second = recorded_patches_.contains(id) || !replaying_;
    if (decided->second) {
      push(EventType::kMarkerRecorded,
           marker(kPatchMarker, {{"id", id}, {"deprecated", deprecated}}));
    }
  }
  return decided->second;
}

}  // namespace holdfast::flow::detail
