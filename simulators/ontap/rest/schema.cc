#include "simulators/ontap/rest/schema.h"

#include <fmt/core.h>

namespace holdfast::ontap_sim {

Schema::Schema(std::initializer_list<Field> rows) : Schema(std::vector<Field>(rows)) {}

Schema::Schema(std::vector<Field> rows) : rows_(std::move(rows)) {
  for (const Field& row : rows_) {
    by_path_[std::string(row.path)] = &row;
  }
}

const Field* Schema::find(std::string_view path) const {
  if (const auto exact = by_path_.find(path); exact != by_path_.end()) {
    return exact->second;
  }
  for (size_t dot = path.rfind('.'); dot != std::string_view::npos;
       dot = path.rfind('.', dot - 1)) {
    const auto above = by_path_.find(path.substr(0, dot));
    if (above != by_path_.end() && above->second->type == FieldType::kAny) {
      return above->second;
    }
    if (dot == 0) {
      break;
    }
  }
  return nullptr;
}

bool Schema::knows(std::string_view path) const {
  if (find(path) != nullptr) {
    return true;
  }
  const auto next = by_path_.lower_bound(std::string(path) + ".");
  return next != by_path_.end() && next->first.starts_with(std::string(path) + ".");
}

bool Schema::costly(std::string_view path) const {
  while (true) {
    const auto row = by_path_.find(path);
    if (row != by_path_.end() && (row->second->flags & kCostly) != 0) {
      return true;
    }
    const size_t dot = path.rfind('.');
    if (dot == std::string_view::npos) {
      return false;
    }
    path = path.substr(0, dot);
  }
}

Outcome<Json> Schema::accept_value(const Json& value, const std::string& path,
                                   FieldFlag verb) const {
  const Field* field = find(path);
  if (field == nullptr || (value.is_object() && field->type != FieldType::kAny)) {
    if (!knows(path)) {
      return bad(262179, fmt::format("Unexpected argument \"{}\".", path), path);
    }
    const JsonObject* object = value.if_object();
    if (object == nullptr) {
      return bad(262197,
                 fmt::format("The value is invalid for field \"{}\": it takes an object.", path),
                 path);
    }
    JsonObject out;
    for (const auto& [key, inner] : *object) {
      if (key != "_links") {  // an object that was read may be sent back
        HF_TRY(out[key], accept_value(inner, path + "." + std::string(key), verb));
      }
    }
    return out;
  }
  if ((field->flags & verb) == 0) {
    return verb == kCreate
               ? bad(262196, fmt::format("Field \"{}\" cannot be set in this operation.", path),
                     path)
               : bad(262203, fmt::format("Field \"{}\" cannot be modified.", path), path);
  }
  if (value.is_null()) {
    return value;
  }
  const bool list = field->type == FieldType::kObjects || field->type == FieldType::kTexts ||
                    field->type == FieldType::kIntegers;
  if (!list) {
    return accept_scalar(*field, value);
  }
  if (!value.is_array()) {
    return bad(262197,
               fmt::format("The value is invalid for field \"{}\": it takes an array.", path),
               path);
  }
  JsonArray out;
  for (const Json& element : value.as_array()) {
    if (field->type == FieldType::kObjects) {
      if (!element.is_object()) {
        return bad(262254, fmt::format("The elements of \"{}\" are objects.", path), path);
      }
      JsonObject one;
      for (const auto& [key, inner] : element.as_object()) {
        if (key != "_links") {
          HF_TRY(one[key], accept_value(inner, path + "." + std::string(key), verb));
        }
      }
      out.emplace_back(std::move(one));
    } else {
      const Field scalar{field->path,
                         field->type == FieldType::kTexts ? FieldType::kText : FieldType::kInteger};
      HF_TRY(Json one, accept_scalar(scalar, element));
      out.push_back(std::move(one));
    }
  }
  return out;
}

Outcome<JsonObject> Schema::accept(const JsonObject& body, FieldFlag verb) const {
  JsonObject out;
  for (const auto& [key, value] : body) {
    if (key != "_links") {
      HF_TRY(out[key], accept_value(value, std::string(key), verb));
    }
  }
  for (const Field& row : rows_) {
    if (verb == kCreate && (row.flags & kRequired) != 0 && at(out, row.path) == nullptr) {
      return bad(262212, fmt::format("Field \"{}\" is required.", row.path), std::string(row.path));
    }
  }
  return out;
}

}  // namespace holdfast::ontap_sim
