// Dotted paths into JSON objects ("space.snapshot.used"), through which fields, filters and bodies
// speak. Look-ups never throw; an array on the way is not entered, except by collect().
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "simulators/ontap/rest/fault.h"

namespace holdfast::ontap_sim {

const Json* at(const JsonObject& object, std::string_view path);
std::string text_at(const JsonObject& object, std::string_view path, std::string fallback = {});
std::int64_t int_at(const JsonObject& object, std::string_view path, std::int64_t fallback = 0);
bool flag_at(const JsonObject& object, std::string_view path, bool fallback = false);
// The objects of an array; empty for anything else.
std::vector<JsonObject> objects_at(const JsonObject& object, std::string_view path);
std::vector<std::string> texts_at(const JsonObject& object, std::string_view path);

// Sets a value, making the objects on the way.
void set(JsonObject& object, std::string_view path, Json value);
// Removes a value, and parents that become empty.
void drop(JsonObject& object, std::string_view path);
// Copies `path` when it is there.
void copy_field(const JsonObject& from, JsonObject& to, std::string_view path);
// Lays `changes` over `object`, field by field; arrays are replaced, null removes.
void merge(JsonObject& object, const JsonObject& changes);

// Every scalar that `path` leads to; arrays count as all their elements.
void collect(const Json& value, std::string_view path, std::vector<const Json*>& found);

// {"a.b": 1, "a": {"c": 2}} as {"a": {"b": 1, "c": 2}}: clients write either. 262186: both forms
// give the same field.
Outcome<JsonObject> expand_dotted(const JsonObject& body);

}  // namespace holdfast::ontap_sim
