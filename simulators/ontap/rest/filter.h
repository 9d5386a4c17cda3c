// The filter grammar of the API: what stands right of the '=' in `?state=online|offline&size=>1GB`.
//
//   *          any part of a text        <5 <=5 >5 >=5   order (sizes, times, durations, texts)
//   a..b       from a to b               !x              not x
//   x|y  x,y   one of them               null            the field is unset
//   "a|b" {a|b}  taken as it is
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "simulators/ontap/rest/schema.h"

namespace holdfast::ontap_sim {

class Filter {
 public:
  // 262197: the value does not fit the field's type.
  static Outcome<Filter> parse(const Field& field, std::string_view text);
  // Whether one of the values satisfies it; with none, the field is unset.
  bool matches(const std::vector<const Json*>& values) const;

 private:
  enum class Kind { kPattern, kExact, kLess, kLessEqual, kGreater, kGreaterEqual, kRange, kNull };
  struct Term {
    Kind kind = Kind::kPattern;
    bool negated = false;
    std::string text;
    std::string upper;  // of a range
  };

  static Term parse_term(std::string_view text);
  bool term_matches(const Term& term, const std::vector<const Json*>& values) const;
  bool value_matches(const Term& term, const Json& value) const;

  FieldType type_ = FieldType::kText;
  std::vector<Term> terms_;
};

// `*` in the pattern stands for any text.
bool wildcard_match(std::string_view pattern, std::string_view text);
// -1, 0 or 1 as two values of this type compare; unset comes last.
int compare_values(FieldType type, const Json* a, const Json* b);

}  // namespace holdfast::ontap_sim
