#include "flow/temporal/convert.h"

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/message.h>
#include <google/protobuf/timestamp.pb.h>

#include <map>

#include "core/base/bytes.h"
#include "flow/event.h"
#include "flow/temporal/proto/common.pb.h"

namespace holdfast::flow::temporal {
namespace {

namespace pb = google::protobuf;
namespace common = ::temporal::api::common::v1;

constexpr std::string_view kEncoding = "encoding";

Json plain(const common::Payload& payload) {
  const auto found = payload.metadata().find(std::string(kEncoding));
  const std::string encoding = found == payload.metadata().end() ? "" : found->second;
  if (encoding == "binary/null") {
    return {};
  }
  if (encoding == "json/plain" || encoding == "json/protobuf") {
    if (auto value = parse_json(payload.data())) {
      return std::move(*value);
    }
  }
  JsonObject metadata;
  for (const auto& [key, value] : payload.metadata()) {
    metadata[key] = to_base64(as_bytes(value));
  }
  return {{"metadata", std::move(metadata)}, {"data", to_base64(as_bytes(payload.data()))}};
}

void set_payload(const Json& value, common::Payload& payload) {
  const bool null = value.is_null();
  (*payload.mutable_metadata())[std::string(kEncoding)] = null ? "binary/null" : "json/plain";
  if (!null) {
    payload.set_data(to_text(value));
  }
}

std::string_view search_type(const Json& value) {
  if (value.is_bool()) {
    return "Bool";
  }
  if (value.is_int64() || value.is_uint64()) {
    return "Int";
  }
  return value.is_array() ? "KeywordList" : "Keyword";
}

// Ordered by key: a map of protobuf has another order each time.
template <class Map>
Json plain_map(const Map& fields) {
  std::map<std::string_view, const common::Payload*> ordered;
  for (const auto& [key, payload] : fields) {
    ordered.emplace(key, &payload);
  }
  JsonObject values;
  for (const auto& [key, payload] : ordered) {
    values[key] = plain(*payload);
  }
  return Json(std::move(values));
}

template <class Map>
void set_map(const Json& json, Map& fields) {
  if (const JsonObject* object = json.if_object()) {
    for (const auto& [key, value] : *object) {
      set_payload(value, fields[std::string(key)]);
    }
  }
}

// The messages that have a form of their own.
std::optional<Json> special_to_json(const pb::Message& message) {
  if (const auto* payloads = dynamic_cast<const common::Payloads*>(&message)) {
    if (payloads->payloads_size() == 1) {
      return plain(payloads->payloads(0));
    }
    JsonArray values;
    for (const auto& payload : payloads->payloads()) {
      values.push_back(plain(payload));
    }
    return values.empty() ? Json() : Json(std::move(values));
  }
  if (const auto* payload = dynamic_cast<const common::Payload*>(&message)) {
    return plain(*payload);
  }
  if (const auto* memo = dynamic_cast<const common::Memo*>(&message)) {
    return plain_map(memo->fields());
  }
  if (const auto* header = dynamic_cast<const common::Header*>(&message)) {
    return plain_map(header->fields());
  }
  if (const auto* attributes = dynamic_cast<const common::SearchAttributes*>(&message)) {
    return plain_map(attributes->indexed_fields());
  }
  if (const auto* time = dynamic_cast<const pb::Timestamp*>(&message)) {
    return Json(
        to_rfc3339(UtcTime(std::chrono::seconds(time->seconds()) + Nanoseconds(time->nanos()))));
  }
  if (const auto* duration = dynamic_cast<const pb::Duration*>(&message)) {
    return Json(
        duration_text(std::chrono::seconds(duration->seconds()) + Nanoseconds(duration->nanos())));
  }
  return std::nullopt;
}

// One value of a field; `index` -1: the field is not repeated.
Json value_to_json(const pb::Message& message, const pb::FieldDescriptor* field, int index) {
  const pb::Reflection& reflection = *message.GetReflection();
  const bool one = index < 0;
  switch (field->cpp_type()) {
    case pb::FieldDescriptor::CPPTYPE_INT32:
      return one ? reflection.GetInt32(message, field)
                 : reflection.GetRepeatedInt32(message, field, index);
    case pb::FieldDescriptor::CPPTYPE_INT64:
      return one ? reflection.GetInt64(message, field)
                 : reflection.GetRepeatedInt64(message, field, index);
    case pb::FieldDescriptor::CPPTYPE_DOUBLE:
      return one ? reflection.GetDouble(message, field)
                 : reflection.GetRepeatedDouble(message, field, index);
    case pb::FieldDescriptor::CPPTYPE_BOOL:
      return one ? reflection.GetBool(message, field)
                 : reflection.GetRepeatedBool(message, field, index);
    case pb::FieldDescriptor::CPPTYPE_ENUM: {
      const int number = one ? reflection.GetEnumValue(message, field)
                             : reflection.GetRepeatedEnumValue(message, field, index);
      const auto* known = field->enum_type()->FindValueByNumber(number);
      return known ? Json(known->name()) : Json(number);
    }
    case pb::FieldDescriptor::CPPTYPE_STRING: {
      const std::string text = one ? reflection.GetString(message, field)
                                   : reflection.GetRepeatedString(message, field, index);
      return Json(field->type() == pb::FieldDescriptor::TYPE_BYTES ? to_base64(as_bytes(text))
                                                                   : text);
    }
    case pb::FieldDescriptor::CPPTYPE_MESSAGE:
      return to_json(one ? reflection.GetMessage(message, field)
                         : reflection.GetRepeatedMessage(message, field, index));
    default:
      return {};
  }
}

Json repeated_to_json(const pb::Message& message, const pb::FieldDescriptor* field) {
  const pb::Reflection& reflection = *message.GetReflection();
  const int size = reflection.FieldSize(message, field);
  if (!field->is_map()) {
    JsonArray values;
    for (int i = 0; i < size; ++i) {
      values.push_back(value_to_json(message, field, i));
    }
    return Json(std::move(values));
  }
  JsonObject values;
  for (int i = 0; i < size; ++i) {
    const pb::Message& entry = reflection.GetRepeatedMessage(message, field, i);
    const Json key = value_to_json(entry, entry.GetDescriptor()->map_key(), -1);
    values[key.is_string() ? std::string_view(key.get_string()) : to_text(key)] =
        value_to_json(entry, entry.GetDescriptor()->map_value(), -1);
  }
  return Json(std::move(values));
}

Error wrong(const pb::FieldDescriptor* field, const Json& value) {
  return Error(Code::kInvalidArgument, "a value has the wrong type for Temporal's protocol")
      .with("field", field->full_name())
      .with("value", to_text(value).substr(0, 100));
}

Status set_enum(const Json& json, pb::Message& message, const pb::FieldDescriptor* field) {
  if (!json.is_string()) {
    return wrong(field, json);
  }
  const auto* known = field->enum_type()->FindValueByName(std::string(json.get_string()));
  if (!known) {
    return wrong(field, json);
  }
  message.GetReflection()->SetEnum(&message, field, known);
  return {};
}

Status set_text(const Json& json, pb::Message& message, const pb::FieldDescriptor* field) {
  if (!json.is_string()) {
    return wrong(field, json);
  }
  std::string text(json.get_string());
  if (field->type() == pb::FieldDescriptor::TYPE_BYTES) {
    HF_TRY(const Buffer bytes, from_base64(text));
    text = as_text(bytes);
  }
  message.GetReflection()->SetString(&message, field, text);
  return {};
}

Status set_number(const Json& json, pb::Message& message, const pb::FieldDescriptor* field) {
  const pb::Reflection& reflection = *message.GetReflection();
  if (field->cpp_type() == pb::FieldDescriptor::CPPTYPE_DOUBLE) {
    boost::system::error_code failed;
    const double number = json.to_number<double>(failed);
    reflection.SetDouble(&message, field, number);
    return failed ? Status(wrong(field, json)) : Status();
  }
  if (!json.is_int64() && !json.is_uint64() && !json.is_string()) {
    return wrong(field, json);
  }
  const std::int64_t number = event_ref({{"it", json}}, "it");
  if (field->cpp_type() == pb::FieldDescriptor::CPPTYPE_INT32) {
    reflection.SetInt32(&message, field, static_cast<std::int32_t>(number));
  } else {
    reflection.SetInt64(&message, field, number);
  }
  return {};
}

Status set_field(const Json& json, pb::Message& message, const pb::FieldDescriptor* field) {
  const pb::Reflection& reflection = *message.GetReflection();
  switch (field->cpp_type()) {
    case pb::FieldDescriptor::CPPTYPE_INT32:
    case pb::FieldDescriptor::CPPTYPE_INT64:
    case pb::FieldDescriptor::CPPTYPE_DOUBLE:
      return set_number(json, message, field);
    case pb::FieldDescriptor::CPPTYPE_BOOL:
      if (!json.is_bool()) {
        return wrong(field, json);
      }
      reflection.SetBool(&message, field, json.get_bool());
      return {};
    case pb::FieldDescriptor::CPPTYPE_ENUM:
      return set_enum(json, message, field);
    case pb::FieldDescriptor::CPPTYPE_STRING:
      return set_text(json, message, field);
    default:
      return from_json(json, *reflection.MutableMessage(&message, field));
  }
}

Status add_values(const Json& json, pb::Message& message, const pb::FieldDescriptor* field) {
  const pb::Reflection& reflection = *message.GetReflection();
  if (field->is_map()) {
    if (!json.is_object()) {
      return wrong(field, json);
    }
    for (const auto& [key, value] : json.get_object()) {
      pb::Message* entry = reflection.AddMessage(&message, field);
      HF_TRY_VOID(set_text(Json(key), *entry, entry->GetDescriptor()->map_key()));
      HF_TRY_VOID(set_field(value, *entry, entry->GetDescriptor()->map_value()));
    }
    return {};
  }
  if (!json.is_array()) {
    return wrong(field, json);
  }
  for (const Json& value : json.get_array()) {
    if (field->cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE) {
      HF_TRY_VOID(from_json(value, *reflection.AddMessage(&message, field)));
    } else if (field->cpp_type() == pb::FieldDescriptor::CPPTYPE_STRING && value.is_string()) {
      reflection.AddString(&message, field, std::string(value.get_string()));
    } else {
      return wrong(field, value);
    }
  }
  return {};
}

bool special_from_json(const Json& json, pb::Message& message) {
  if (auto* payloads = dynamic_cast<common::Payloads*>(&message)) {
    set_payload(json, *payloads->add_payloads());
  } else if (auto* payload = dynamic_cast<common::Payload*>(&message)) {
    set_payload(json, *payload);
  } else if (auto* memo = dynamic_cast<common::Memo*>(&message)) {
    set_map(json, *memo->mutable_fields());
  } else if (auto* header = dynamic_cast<common::Header*>(&message)) {
    set_map(json, *header->mutable_fields());
  } else if (auto* attributes = dynamic_cast<common::SearchAttributes*>(&message)) {
    auto& fields = *attributes->mutable_indexed_fields();
    set_map(json, fields);
    for (auto& [key, value] : fields) {
      if (const Json* one = find(json, key); one && !one->is_null()) {
        (*value.mutable_metadata())["type"] = search_type(*one);
      }
    }
  } else {
    return false;
  }
  return true;
}

}  // namespace

Json to_json(const pb::Message& message) {
  if (auto special = special_to_json(message)) {
    return std::move(*special);
  }
  std::vector<const pb::FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  JsonObject object;
  for (const pb::FieldDescriptor* field : fields) {
    object[field->json_name()] =
        field->is_repeated() ? repeated_to_json(message, field) : value_to_json(message, field, -1);
  }
  return Json(std::move(object));
}

Status from_json(const Json& json, pb::Message& message) {
  if (special_from_json(json, message)) {
    return {};
  }
  if (auto* time = dynamic_cast<pb::Timestamp*>(&message)) {
    HF_TRY(const UtcTime at, parse_rfc3339(json.is_string() ? json.get_string() : ""));
    const auto seconds = std::chrono::floor<std::chrono::seconds>(at);
    time->set_seconds(seconds.time_since_epoch().count());
    time->set_nanos(static_cast<std::int32_t>((at - seconds).count()));
    return {};
  }
  if (auto* duration = dynamic_cast<pb::Duration*>(&message)) {
    const Nanoseconds length = duration_from({{"it", json}}, "it");
    duration->set_seconds(length / std::chrono::seconds(1));
    duration->set_nanos(static_cast<std::int32_t>((length % std::chrono::seconds(1)).count()));
    return {};
  }
  if (!json.is_object()) {
    return Error(Code::kInvalidArgument, "a value has the wrong type for Temporal's protocol")
        .with("message", message.GetDescriptor()->full_name());
  }
  for (const auto& [key, value] : json.get_object()) {
    const auto* field = message.GetDescriptor()->FindFieldByCamelcaseName(std::string(key));
    if (field && field->is_repeated()) {
      HF_TRY_VOID(add_values(value, message, field));
    } else if (field) {
      HF_TRY_VOID(set_field(value, message, field));
    }
  }
  return {};
}

}  // namespace holdfast::flow::temporal
