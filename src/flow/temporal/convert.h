// Protobuf messages to the JSON that flow stores, and back, by reflection.
//
// Names are proto3 JSON's (camelCase); fields without a value are absent. Unlike proto3 JSON, as in
// flow/event.h: payloads are plain JSON, and 64-bit numbers are numbers.
#pragma once

#include "core/base/json.h"
#include "core/base/result.h"

namespace google::protobuf {
class Message;
}

namespace holdfast::flow::temporal {

// The value of a payload: its JSON; text that is no JSON, or another encoding, as proto3 JSON.
// Several payloads become a list, none null.
Json to_json(const google::protobuf::Message& message);
// Fields that the message does not have are left out; kInvalidArgument names a value of a wrong
// type.
Status from_json(const Json& json, google::protobuf::Message& message);

}  // namespace holdfast::flow::temporal
