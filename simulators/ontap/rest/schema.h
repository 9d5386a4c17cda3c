// The shape of one resource as a table: one row a field, with its type and where it may stand.
//
// Everything generic works from these rows: which fields a listing shows, which a body may set,
// what a filter compares as. A field without a row does not exist, and a client that names it is
// told so.
#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.h"
#include "simulators/ontap/rest/json_path.h"

namespace holdfast::ontap_sim {

enum class FieldType {
  kText,
  kInteger,
  kSize,      // bytes; bodies and filters also take "10GB" (1024-based)
  kNumber,    // integer or fraction
  kFlag,      // bodies also take "true", as a client in Python or YAML may send
  kTime,      // RFC 3339
  kDuration,  // ISO 8601, PT15M
  kEnum,      // one of Field::values
  kObjects,   // array of objects, whose fields have rows of their own
  kTexts,
  kIntegers,
  kAny,  // whatever is below
};

enum FieldFlag : unsigned {
  kShown = 0,
  kIdentity = 1,   // shown by a listing that asks for nothing
  kCostly = 2,     // shown only when named, or with **
  kCreate = 4,     // POST may set it
  kModify = 8,     // PATCH may set it
  kRequired = 16,  // POST must set it
  kSecret = 32,    // never shown
};
inline constexpr unsigned kSet = kCreate | kModify;

struct Field {
  std::string_view path;
  FieldType type;
  unsigned flags = kShown;
  std::string_view values = {};  // of an enum: "rw|dp|ls"
};

class Schema {
 public:
  Schema(std::initializer_list<Field> rows);
  explicit Schema(std::vector<Field> rows);
  Schema(const Schema&) = delete;
  Schema& operator=(const Schema&) = delete;

  const std::vector<Field>& rows() const { return rows_; }
  // The row of exactly this path, or of the nearest parent of type kAny.
  const Field* find(std::string_view path) const;
  // Whether the path names a field, a part of one, or an object above fields.
  bool knows(std::string_view path) const;
  // Whether a row at or above `path` is costly.
  bool costly(std::string_view path) const;

  // Checks a body with which `verb` (kCreate or kModify) was called, and brings its values into the
  // stored form. Codes: 262179 no such field, 262196 and 262203 it cannot be set, 262197 a wrong
  // type or value, 262212 (POST) something is missing.
  Outcome<JsonObject> accept(const JsonObject& body, FieldFlag verb) const;

 private:
  Outcome<Json> accept_value(const Json& value, const std::string& path, FieldFlag verb) const;

  std::vector<Field> rows_;
  std::map<std::string, const Field*, std::less<>> by_path_;
};

// One value of a scalar row in its stored form; 262197 when it is none.
Outcome<Json> accept_scalar(const Field& field, const Json& value);
// "PT1H30M", "P1DT2H", "P7D" in seconds. kInvalidArgument: something else.
Result<std::int64_t> parse_iso_duration(std::string_view text);
std::string to_iso_duration(std::int64_t seconds);
// "10GB", "4k", "123": 1024-based. kInvalidArgument: something else.
Result<std::int64_t> parse_size(std::string_view text);
// RFC 3339, also with an offset without colon (+0000).
Result<UtcTime> parse_time(std::string_view text);
// Whole seconds with the offset written out: 2026-11-25T12:00:00+00:00.
std::string to_time_text(UtcTime time);
bool is_one_of(std::string_view word, std::string_view bar_separated);

}  // namespace holdfast::ontap_sim
