// Translating between stored attributes and Temporal's wire form.
//
// Differences, by name of the field: payload fields (input, result, details,
// lastHeartbeatDetails) become {"payloads": [...]}; maps of payloads (memo, header, upsertedMemo
// under "fields"; searchAttributes under "indexedFields") become maps of single payloads; fields
// that end in EventId become text. Failures are walked along their causes.
#include "flow/history_json.h"

#include <array>

#include "core/base/bytes.h"

namespace holdfast::flow {
namespace {

constexpr std::array<std::string_view, 4> kPayloadFields = {"input", "result", "details",
                                                            "lastHeartbeatDetails"};
constexpr std::array<std::string_view, 3> kPayloadMaps = {"memo", "header", "upsertedMemo"};
constexpr std::array<std::string_view, 2> kFailures = {"failure", "lastFailure"};

bool one_of(std::string_view key, auto& names) {
  return std::ranges::find(names, key) != std::end(names);
}

Json payload(const Json& value) {
  return {{"metadata", {{"encoding", to_base64(as_bytes("json/plain"))}}},
          {"data", to_base64(as_bytes(to_text(value)))}};
}

Json payload_map(const Json& values) {
  JsonObject map;
  if (values.is_object()) {
    for (const auto& [key, value] : values.get_object()) {
      map[key] = payload(value);
    }
  }
  return Json(std::move(map));
}

JsonObject wire(const JsonObject& attributes);

Json wire_failure(const Json& failure) {
  if (!failure.is_object()) {
    return failure;
  }
  JsonObject out;
  for (const auto& [key, value] : failure.get_object()) {
    if (key == "cause") {
      out[key] = wire_failure(value);
    } else {
      out[key] = value.is_object() ? Json(wire(value.get_object())) : value;
    }
  }
  return Json(std::move(out));
}

Json wire_request(const Json& request);
Json wire_outcome(const Json& outcome);

Json wire_field(std::string_view key, const Json& value) {
  if (one_of(key, kPayloadFields)) {
    return {{"payloads", JsonArray{payload(value)}}};
  }
  if (one_of(key, kPayloadMaps)) {
    return {{"fields", payload_map(value)}};
  }
  if (key == "searchAttributes") {
    return {{"indexedFields", payload_map(value)}};
  }
  if (one_of(key, kFailures)) {
    return wire_failure(value);
  }
  if (key == "acceptedRequest" || key == "request") {
    return wire_request(value);
  }
  if (key == "outcome") {
    return wire_outcome(value);
  }
  if (key.ends_with("EventId") && value.is_int64()) {
    return Json(std::to_string(value.get_int64()));
  }
  return value;
}

// The details of a marker are a map of payload lists.
Json wire_marker_details(const Json& details) {
  JsonObject out;
  if (details.is_object()) {
    for (const auto& [key, value] : details.get_object()) {
      out[key] = {{"payloads", JsonArray{payload(value)}}};
    }
  }
  return Json(std::move(out));
}

// The request of an accepted update: its arguments are payloads.
Json wire_request(const Json& request) {
  JsonObject out = request.is_object() ? request.get_object() : JsonObject();
  if (Json* input = out.if_contains("input"); input && input->is_object()) {
    JsonObject& inner = input->get_object();
    inner["args"] = {{"payloads", JsonArray{payload(inner["args"])}}};
  }
  return Json(std::move(out));
}

// The outcome of an update: payloads or a failure.
Json wire_outcome(const Json& outcome) {
  if (const Json* success = find(outcome, "success")) {
    return {{"success", {{"payloads", JsonArray{payload(*success)}}}}};
  }
  const Json* failure = find(outcome, "failure");
  return {{"failure", failure ? wire_failure(*failure) : Json()}};
}

JsonObject wire(const JsonObject& attributes) {
  JsonObject out;
  for (const auto& [key, value] : attributes) {
    const bool of_marker = key == "details" && attributes.contains("markerName");
    out[key] = of_marker ? wire_marker_details(value) : wire_field(key, value);
  }
  return out;
}

// The value of a payload: its JSON, null for binary/null, the payload itself where it is something
// else.
Json plain(const Json& wired) {
  const Json* metadata = find(wired, "metadata");
  const auto encoding = from_base64(metadata ? get_string(*metadata, "encoding") : "");
  const std::string_view name = encoding ? as_text(*encoding) : "";
  if (name == "binary/null") {
    return {};
  }
  const auto data = from_base64(get_string(wired, "data"));
  if ((name == "json/plain" || name == "json/protobuf") && data) {
    if (auto value = parse_json(as_text(*data))) {
      return std::move(*value);
    }
  }
  return wired;
}

Json plain_payloads(const Json& wired) {
  const Json* list = find(wired, "payloads");
  if (!list || !list->is_array()) {
    return wired.is_null() || list ? Json() : wired;
  }
  const JsonArray& payloads = list->get_array();
  if (payloads.size() == 1) {
    return plain(payloads.front());
  }
  JsonArray values;
  for (const Json& one : payloads) {
    values.push_back(plain(one));
  }
  return values.empty() ? Json() : Json(std::move(values));
}

Json plain_map(const Json& wired, std::string_view under) {
  JsonObject values;
  if (const Json* fields = find(wired, under); fields && fields->is_object()) {
    for (const auto& [key, value] : fields->get_object()) {
      values[key] = plain(value);
    }
  }
  return Json(std::move(values));
}

Json plain_marker_details(const Json& wired) {
  JsonObject out;
  if (wired.is_object()) {
    for (const auto& [key, value] : wired.get_object()) {
      out[key] = plain_payloads(value);
    }
  }
  return Json(std::move(out));
}

JsonObject stored(const JsonObject& attributes);

Json stored_failure(const Json& failure) {
  if (!failure.is_object()) {
    return failure;
  }
  JsonObject out;
  for (const auto& [key, value] : failure.get_object()) {
    if (key == "cause") {
      out[key] = stored_failure(value);
    } else {
      out[key] = value.is_object() ? Json(stored(value.get_object())) : value;
    }
  }
  return Json(std::move(out));
}

Json stored_request(const Json& request) {
  JsonObject out = request.is_object() ? request.get_object() : JsonObject();
  if (Json* input = out.if_contains("input"); input && input->is_object()) {
    JsonObject& inner = input->get_object();
    inner["args"] = plain_payloads(inner["args"]);
  }
  return Json(std::move(out));
}

Json stored_outcome(const Json& outcome) {
  if (const Json* success = find(outcome, "success")) {
    return {{"success", plain_payloads(*success)}};
  }
  const Json* failure = find(outcome, "failure");
  return {{"failure", failure ? stored_failure(*failure) : Json()}};
}

JsonObject stored(const JsonObject& attributes) {
  JsonObject out;
  for (const auto& [key, value] : attributes) {
    if (key == "details" && attributes.contains("markerName")) {
      out[key] = plain_marker_details(value);
    } else if (one_of(key, kPayloadFields)) {
      out[key] = plain_payloads(value);
    } else if (one_of(key, kPayloadMaps)) {
      out[key] = plain_map(value, "fields");
    } else if (key == "searchAttributes") {
      out[key] = plain_map(value, "indexedFields");
    } else if (one_of(key, kFailures)) {
      out[key] = stored_failure(value);
    } else if (key == "acceptedRequest" || key == "request") {
      out[key] = stored_request(value);
    } else if (key == "outcome") {
      out[key] = stored_outcome(value);
    } else if (std::string_view(key).ends_with("EventId")) {
      out[key] = event_ref(attributes, key);
    } else {
      out[key] = value;
    }
  }
  return out;
}

Error not_a_history(std::string_view what) {
  return Error(Code::kInvalidArgument, "the document is not a workflow history")
      .with("problem", std::string(what));
}

Result<Event> import_event(const Json& wired) {
  if (!wired.is_object()) {
    return not_a_history("an event is no object");
  }
  Event event;
  event.id = event_ref(wired.get_object(), "eventId");
  auto time = parse_rfc3339(get_string(wired, "eventTime"));
  if (!time || event.id <= 0) {
    return not_a_history("an event has no eventId or no eventTime");
  }
  event.time = *time;
  event.type = event_type_from(get_string(wired, "eventType"));
  event.may_be_ignored = get_bool(wired, "workerMayIgnore");
  if (const Json* attributes = find(wired, attributes_key_of(event.type));
      attributes && attributes->is_object()) {
    event.attributes = stored(attributes->get_object());
  }
  return event;
}

}  // namespace

Json export_history(std::span<const Event> events) {
  JsonArray list;
  for (const Event& event : events) {
    JsonObject out = {{"eventId", std::to_string(event.id)},
                      {"eventTime", to_rfc3339(event.time)},
                      {"eventType", wire_name_of(event.type)}};
    out[attributes_key_of(event.type)] = wire(event.attributes);
    list.emplace_back(std::move(out));
  }
  return Json(JsonObject{{"events", std::move(list)}});
}

Result<std::vector<Event>> import_history(const Json& history) {
  const Json* list = find(history, "events");
  if (!list || !list->is_array()) {
    return not_a_history("there is no list of events");
  }
  std::vector<Event> events;
  for (const Json& wired : list->get_array()) {
    HF_TRY(Event event, import_event(wired));
    events.push_back(std::move(event));
  }
  return events;
}

}  // namespace holdfast::flow
