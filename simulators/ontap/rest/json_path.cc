#include "simulators/ontap/rest/json_path.h"

namespace holdfast::ontap_sim {
namespace {

// Takes the first part off: "a.b.c" gives "a" and leaves "b.c".
std::string_view take_part(std::string_view& path) {
  const size_t dot = path.find('.');
  const std::string_view part = path.substr(0, dot);
  path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  return part;
}

Done lay_over(JsonObject& object, const JsonObject& more, const std::string& prefix) {
  for (const auto& [key, value] : more) {
    std::string_view rest = key;
    JsonObject* place = &object;
    std::string_view part = take_part(rest);
    while (!rest.empty()) {
      Json& next = (*place)[part];
      if (next.is_null()) {
        next = JsonObject();
      }
      if (!next.is_object()) {
        return bad(262186, "The field is given twice, as a value and as an object.",
                   prefix + std::string(key));
      }
      place = &next.as_object();
      part = take_part(rest);
    }
    if (const JsonObject* inner = value.if_object()) {
      HF_TRY(JsonObject expanded, expand_dotted(*inner));
      Json& present = (*place)[part];
      if (present.is_object()) {
        HF_TRY_VOID(lay_over(present.as_object(), expanded, prefix + std::string(key) + "."));
      } else if (present.is_null()) {
        present = std::move(expanded);
      } else {
        return bad(262186, "The field is given twice, as a value and as an object.",
                   prefix + std::string(key));
      }
      continue;
    }
    if (place->contains(part)) {
      return bad(262188, "The field is given twice.", prefix + std::string(key));
    }
    if (const JsonArray* array = value.if_array()) {
      JsonArray expanded;
      for (const Json& element : *array) {
        if (const JsonObject* inner = element.if_object()) {
          HF_TRY(JsonObject one, expand_dotted(*inner));
          expanded.emplace_back(std::move(one));
        } else {
          expanded.push_back(element);
        }
      }
      (*place)[part] = std::move(expanded);
    } else {
      (*place)[part] = value;
    }
  }
  return {};
}

}  // namespace

const Json* at(const JsonObject& object, std::string_view path) {
  const JsonObject* place = &object;
  while (true) {
    const Json* found = place->if_contains(take_part(path));
    if (found == nullptr || path.empty()) {
      return found;
    }
    place = found->if_object();
    if (place == nullptr) {
      return nullptr;
    }
  }
}

std::string text_at(const JsonObject& object, std::string_view path, std::string fallback) {
  const Json* found = at(object, path);
  return found && found->is_string() ? std::string(found->as_string()) : fallback;
}

std::int64_t int_at(const JsonObject& object, std::string_view path, std::int64_t fallback) {
  const Json* found = at(object, path);
  if (found == nullptr) {
    return fallback;
  }
  boost::system::error_code failure;
  const auto number = found->to_number<std::int64_t>(failure);
  return failure ? fallback : number;
}

bool flag_at(const JsonObject& object, std::string_view path, bool fallback) {
  const Json* found = at(object, path);
  return found && found->is_bool() ? found->as_bool() : fallback;
}

std::vector<JsonObject> objects_at(const JsonObject& object, std::string_view path) {
  std::vector<JsonObject> out;
  const Json* found = at(object, path);
  for (const Json& element : found && found->is_array() ? found->as_array() : JsonArray()) {
    if (element.is_object()) {
      out.push_back(element.as_object());
    }
  }
  return out;
}

std::vector<std::string> texts_at(const JsonObject& object, std::string_view path) {
  std::vector<std::string> out;
  const Json* found = at(object, path);
  for (const Json& element : found && found->is_array() ? found->as_array() : JsonArray()) {
    if (element.is_string()) {
      out.emplace_back(element.as_string());
    }
  }
  return out;
}

void set(JsonObject& object, std::string_view path, Json value) {
  JsonObject* place = &object;
  std::string_view part = take_part(path);
  while (!path.empty()) {
    Json& next = (*place)[part];
    if (!next.is_object()) {
      next = JsonObject();
    }
    place = &next.as_object();
    part = take_part(path);
  }
  (*place)[part] = std::move(value);
}

void drop(JsonObject& object, std::string_view path) {
  const std::string_view part = take_part(path);
  Json* found = object.if_contains(part);
  if (found == nullptr) {
    return;
  }
  if (!path.empty()) {
    if (!found->is_object()) {
      return;
    }
    drop(found->as_object(), path);
    if (!found->as_object().empty()) {
      return;
    }
  }
  object.erase(part);
}

void copy_field(const JsonObject& from, JsonObject& to, std::string_view path) {
  if (const Json* found = at(from, path)) {
    set(to, path, *found);
  }
}

void merge(JsonObject& object, const JsonObject& changes) {
  for (const auto& [key, value] : changes) {
    if (value.is_null()) {
      object.erase(key);
    } else if (const JsonObject* inner = value.if_object()) {
      Json& place = object[key];
      if (!place.is_object()) {
        place = JsonObject();
      }
      merge(place.as_object(), *inner);
    } else {
      object[key] = value;
    }
  }
}

void collect(const Json& value, std::string_view path, std::vector<const Json*>& found) {
  if (const JsonArray* array = value.if_array()) {
    for (const Json& element : *array) {
      collect(element, path, found);
    }
    return;
  }
  if (path.empty()) {
    found.push_back(&value);
    return;
  }
  if (const JsonObject* object = value.if_object()) {
    const std::string_view part = take_part(path);
    if (const Json* next = object->if_contains(part)) {
      collect(*next, path, found);
    }
  }
}

Outcome<JsonObject> expand_dotted(const JsonObject& body) {
  JsonObject out;
  HF_TRY_VOID(lay_over(out, body, ""));
  return out;
}

}  // namespace holdfast::ontap_sim
