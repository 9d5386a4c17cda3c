#include "core/base/json.h"

#include <fmt/core.h>
#include <boost/json.hpp>

#include <algorithm>
#include <cmath>

namespace holdfast {
namespace {

constexpr std::size_t kMaxDepth = 64;

std::string escape_pointer(std::string_view key) {
  std::string text;
  for (const char c : key) {
    text += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  }
  return text;
}

void print(const Json& value, std::string& out, size_t indent) {
  const std::string inner(indent + 2, ' ');
  if (const JsonObject* object = value.if_object(); object != nullptr && !object->empty()) {
    out += "{\n";
    for (auto it = object->begin(); it != object->end(); ++it) {
      out += inner + boost::json::serialize(boost::json::string_view(it->key())) + ": ";
      print(it->value(), out, indent + 2);
      out += std::next(it) == object->end() ? "\n" : ",\n";
    }
    out += std::string(indent, ' ') + "}";
  } else if (const JsonArray* array = value.if_array(); array != nullptr && !array->empty()) {
    out += "[\n";
    for (auto it = array->begin(); it != array->end(); ++it) {
      out += inner;
      print(*it, out, indent + 2);
      out += std::next(it) == array->end() ? "\n" : ",\n";
    }
    out += std::string(indent, ' ') + "]";
  } else {
    out += boost::json::serialize(value);
  }
}

bool all_finite(const Json& value) {
  if (const JsonObject* object = value.if_object()) {
    return std::all_of(object->begin(), object->end(),
                       [](const auto& field) { return all_finite(field.value()); });
  }
  if (const JsonArray* array = value.if_array()) {
    return std::all_of(array->begin(), array->end(), all_finite);
  }
  const double* number = value.if_double();
  return number == nullptr || std::isfinite(*number);
}

std::string_view kind_name(const Json& value) {
  switch (value.kind()) {
    case boost::json::kind::null:
      return "null";
    case boost::json::kind::bool_:
      return "a boolean";
    case boost::json::kind::int64:
    case boost::json::kind::uint64:
      return "an integer";
    case boost::json::kind::double_:
      return "a number";
    case boost::json::kind::string:
      return "a text";
    case boost::json::kind::array:
      return "a list";
    default:
      return "an object";
  }
}

}  // namespace

Result<Json> parse_json(std::string_view text, std::size_t max_bytes) {
  if (text.size() > max_bytes) {
    return Error(
        Code::kInvalidArgument,
        fmt::format("JSON text of {} bytes is longer than the {} allowed", text.size(), max_bytes));
  }
  boost::json::parse_options options;
  options.max_depth = kMaxDepth;
  boost::system::error_code failure;
  boost::json::stream_parser parser({}, options);
  const size_t consumed = parser.write_some(text.data(), text.size(), failure);
  if (!failure && text.substr(consumed).find_first_not_of(" \t\r\n") != std::string_view::npos) {
    failure = boost::json::error::extra_data;
  }
  if (!failure) {
    parser.finish(failure);
  }
  if (failure) {
    return Error(Code::kInvalidArgument,
                 fmt::format("not valid JSON at byte {}: {}", consumed, failure.message()));
  }
  Json value = parser.release();
  if (!all_finite(value)) {  // there is no JSON text for it, so it could never be written again
    return Error(Code::kInvalidArgument, "not valid JSON: a number is too large");
  }
  return value;
}

std::string to_text(const Json& value) { return boost::json::serialize(value); }

std::string to_pretty_text(const Json& value) {
  std::string out;
  print(value, out, 0);
  return out + "\n";
}

const Json* find(const Json& value, std::string_view key) {
  const JsonObject* object = value.if_object();
  return object == nullptr ? nullptr : object->if_contains(key);
}

std::string get_string(const Json& value, std::string_view key, std::string fallback) {
  const Json* found = find(value, key);
  const boost::json::string* text = found == nullptr ? nullptr : found->if_string();
  return text == nullptr ? std::move(fallback) : std::string(*text);
}

std::int64_t get_int(const Json& value, std::string_view key, std::int64_t fallback) {
  const Json* found = find(value, key);
  if (found == nullptr) {
    return fallback;
  }
  if (const std::int64_t* number = found->if_int64()) {
    return *number;
  }
  const std::uint64_t* number = found->if_uint64();
  return number == nullptr ? fallback : static_cast<std::int64_t>(*number);
}

bool get_bool(const Json& value, std::string_view key, bool fallback) {
  const Json* found = find(value, key);
  const bool* flag = found == nullptr ? nullptr : found->if_bool();
  return flag == nullptr ? fallback : *flag;
}

double get_double(const Json& value, std::string_view key, double fallback) {
  const Json* found = find(value, key);
  return found == nullptr || !found->is_number() ? fallback : found->to_number<double>();
}

Error to_error(const std::vector<Problem>& problems) {
  Error error(Code::kInvalidArgument,
              problems.size() == 1 ? "the document has a problem"
                                   : fmt::format("the document has {} problems", problems.size()));
  for (const Problem& problem : problems) {
    error = std::move(error).with(problem.pointer.empty() ? "/" : problem.pointer, problem.message);
  }
  return error;
}

ObjectReader::ObjectReader(const Json& value, std::string pointer, std::vector<Problem>& problems)
    : object_(value.if_object()), pointer_(std::move(pointer)), problems_(problems) {
  if (object_ == nullptr) {
    problems_.push_back({pointer_, fmt::format("must be an object, not {}", kind_name(value))});
  }
}

std::string ObjectReader::pointer_to(std::string_view key) const {
  return pointer_ + "/" + escape_pointer(key);
}

void ObjectReader::problem(std::string_view key, std::string message) {
  problems_.push_back({pointer_to(key), std::move(message)});
}

bool ObjectReader::has(std::string_view key) const {
  return object_ != nullptr && object_->if_contains(key) != nullptr;
}

const Json* ObjectReader::take(std::string_view key) {
  known_.emplace_back(key);
  const Json* found = object_ == nullptr ? nullptr : object_->if_contains(key);
  return found == nullptr || found->is_null() ? nullptr : found;
}

const Json* ObjectReader::value(std::string_view key) { return take(key); }

std::optional<std::string> ObjectReader::optional_string(std::string_view key) {
  const Json* found = take(key);
  if (found == nullptr) {
    return std::nullopt;
  }
  if (const boost::json::string* text = found->if_string()) {
    return std::string(*text);
  }
  problem(key, fmt::format("must be a text, not {}", kind_name(*found)));
  return std::nullopt;
}

std::string ObjectReader::string(std::string_view key) {
  const size_t before = problems_.size();
  std::string text = optional_string(key).value_or("");
  if (text.empty() && problems_.size() == before && object_ != nullptr) {
    problem(key, "is required");
  }
  return text;
}

std::string ObjectReader::string_or(std::string_view key, std::string fallback) {
  return optional_string(key).value_or(std::move(fallback));
}

std::int64_t ObjectReader::integer_or(std::string_view key, std::int64_t fallback) {
  const Json* found = take(key);
  if (found == nullptr) {
    return fallback;
  }
  if (!found->is_int64()) {
    problem(key, fmt::format("must be an integer, not {}", kind_name(*found)));
    return fallback;
  }
  return found->get_int64();
}

bool ObjectReader::boolean_or(std::string_view key, bool fallback) {
  const Json* found = take(key);
  if (found == nullptr) {
    return fallback;
  }
  if (!found->is_bool()) {
    problem(key, fmt::format("must be true or false, not {}", kind_name(*found)));
    return fallback;
  }
  return found->get_bool();
}

std::vector<std::string> ObjectReader::strings_or_empty(std::string_view key) {
  std::vector<std::string> texts;
  const Json* found = take(key);
  if (found == nullptr) {
    return texts;
  }
  const JsonArray* array = found->if_array();
  if (array == nullptr) {
    problem(key, fmt::format("must be a list of texts, not {}", kind_name(*found)));
    return texts;
  }
  for (size_t i = 0; i < array->size(); ++i) {
    if (const boost::json::string* text = (*array)[i].if_string()) {
      texts.emplace_back(*text);
    } else {
      problems_.push_back({pointer_to(key) + "/" + std::to_string(i),
                           fmt::format("must be a text, not {}", kind_name((*array)[i]))});
    }
  }
  return texts;
}

void ObjectReader::reject_unknown() {
  if (object_ == nullptr) {
    return;
  }
  for (const auto& field : *object_) {
    if (std::find(known_.begin(), known_.end(), field.key()) == known_.end()) {
      problem(field.key(), "is not a known field");
    }
  }
}

}  // namespace holdfast
