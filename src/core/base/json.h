// JSON behind one façade (Boost.JSON): parse with limits, print, and decode with clear errors.
//
// Decoding style of the house: `ObjectReader` walks one object, notes each wrong or unknown field
// as a JSON pointer with a sentence, and `finish()` returns them all as one kInvalidArgument error.
// Money, bytes and times are integers or strings, never doubles.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

#include "core/base/result.h"

namespace holdfast {

using Json = boost::json::value;
using JsonObject = boost::json::object;
using JsonArray = boost::json::array;

// Nesting deeper than 64 or a text longer than `max_bytes` is refused.
Result<Json> parse_json(std::string_view text, std::size_t max_bytes = 16u << 20);
std::string to_text(const Json& value);         // compact
std::string to_pretty_text(const Json& value);  // two spaces, final newline

// Total look-ups: never throw, a missing or differently typed field is the fallback.
const Json* find(const Json& value, std::string_view key);
std::string get_string(const Json& value, std::string_view key, std::string fallback = {});
std::int64_t get_int(const Json& value, std::string_view key, std::int64_t fallback = 0);
bool get_bool(const Json& value, std::string_view key, bool fallback = false);
double get_double(const Json& value, std::string_view key, double fallback = 0);

// One thing that is wrong in a document: where (JSON pointer, RFC 6901) and what.
struct Problem {
  std::string pointer;
  std::string message;
};
// All problems as one error; each becomes a context pair (pointer, message).
Error to_error(const std::vector<Problem>& problems);

// Reads the fields of one JSON object. Readers of nested objects share the list of problems.
class ObjectReader {
 public:
  // `value` may be of any type: a value that is no object is a problem.
  ObjectReader(const Json& value, std::string pointer, std::vector<Problem>& problems);

  std::string string(std::string_view key);                           // required, not empty
  std::string string_or(std::string_view key, std::string fallback);  // absent or null: fallback
  std::optional<std::string> optional_string(std::string_view key);   // absent or null: nullopt
  std::int64_t integer_or(std::string_view key, std::int64_t fallback);
  bool boolean_or(std::string_view key, bool fallback);
  std::vector<std::string> strings_or_empty(std::string_view key);  // array of strings
  const Json* value(std::string_view key);                          // marks it as known

  void problem(std::string_view key, std::string message);
  std::string pointer_to(std::string_view key) const;
  bool has(std::string_view key) const;
  // Notes every field that no call above asked for ("unknown field").
  void reject_unknown();

 private:
  const Json* take(std::string_view key);

  const JsonObject* object_ = nullptr;
  std::string pointer_;
  std::vector<Problem>& problems_;
  std::vector<std::string> known_;
};

}  // namespace holdfast
