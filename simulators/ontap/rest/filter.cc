#include "simulators/ontap/rest/filter.h"

#include <fmt/core.h>

#include <charconv>
#include <compare>

namespace holdfast::ontap_sim {
namespace {

// A number to compare by, for the types that have one.
std::optional<double> as_number(FieldType type, const Json& value) {
  if (value.is_number()) {
    return value.to_number<double>();
  }
  if (!value.is_string()) {
    return std::nullopt;
  }
  const std::string_view text = value.as_string();
  if (type == FieldType::kTime) {
    const auto time = parse_time(text);
    return time ? std::optional(static_cast<double>(time->time_since_epoch().count()) / 1e9)
                : std::nullopt;
  }
  if (type == FieldType::kDuration) {
    const auto duration = parse_iso_duration(text);
    return duration ? std::optional(static_cast<double>(*duration)) : std::nullopt;
  }
  if (type == FieldType::kSize) {
    const auto size = parse_size(text);
    return size ? std::optional(static_cast<double>(*size)) : std::nullopt;
  }
  if (type == FieldType::kInteger || type == FieldType::kNumber || type == FieldType::kIntegers) {
    double number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    return failure == std::errc() && end == text.data() + text.size() ? std::optional(number)
                                                                      : std::nullopt;
  }
  return std::nullopt;
}

bool numeric(FieldType type) {
  return type == FieldType::kInteger || type == FieldType::kSize || type == FieldType::kNumber ||
         type == FieldType::kTime || type == FieldType::kDuration || type == FieldType::kIntegers;
}

std::string plain_text(const Json& value) {
  if (value.is_string()) {
    return std::string(value.as_string());
  }
  return value.is_bool() ? (value.as_bool() ? "true" : "false") : to_text(value);
}

// Splits at | and , outside of quotes and braces.
std::vector<std::string_view> alternatives(std::string_view text) {
  std::vector<std::string_view> out;
  char closing = 0;
  size_t start = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (closing != 0) {
      closing = text[i] == closing ? 0 : closing;
    } else if (text[i] == '"') {
      closing = '"';
    } else if (text[i] == '{') {
      closing = '}';
    } else if (text[i] == '|' || text[i] == ',') {
      out.push_back(text.substr(start, i - start));
      start = i + 1;
    }
  }
  out.push_back(text.substr(start));
  return out;
}

}  // namespace

bool wildcard_match(std::string_view pattern, std::string_view text) {
  size_t star = std::string_view::npos;
  size_t mark = 0;
  size_t p = 0;
  size_t t = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') {
    ++p;
  }
  return p == pattern.size();
}

int compare_values(FieldType type, const Json* a, const Json* b) {
  if (a == nullptr || b == nullptr) {
    return a == b ? 0 : (a == nullptr ? 1 : -1);
  }
  const auto x = as_number(type, *a);
  const auto y = as_number(type, *b);
  if (x && y) {
    return *x < *y ? -1 : (*x > *y ? 1 : 0);
  }
  const int order = plain_text(*a).compare(plain_text(*b));
  return order < 0 ? -1 : (order > 0 ? 1 : 0);
}

Filter::Term Filter::parse_term(std::string_view text) {
  Term term;
  if (text.starts_with('!')) {
    term.negated = true;
    text.remove_prefix(1);
  }
  if (text.size() >= 2 && ((text.front() == '"' && text.back() == '"') ||
                           (text.front() == '{' && text.back() == '}'))) {
    term.kind = Kind::kExact;
    term.text = std::string(text.substr(1, text.size() - 2));
    return term;
  }
  const size_t dots = text.find("..");
  if (text == "null") {
    term.kind = Kind::kNull;
  } else if (text.starts_with("<=")) {
    term.kind = Kind::kLessEqual;
    text.remove_prefix(2);
  } else if (text.starts_with(">=")) {
    term.kind = Kind::kGreaterEqual;
    text.remove_prefix(2);
  } else if (text.starts_with('<')) {
    term.kind = Kind::kLess;
    text.remove_prefix(1);
  } else if (text.starts_with('>')) {
    term.kind = Kind::kGreater;
    text.remove_prefix(1);
  } else if (dots != std::string_view::npos && dots > 0 && dots + 2 < text.size() &&
             text[dots + 2] != '.') {
    term.kind = Kind::kRange;
    term.upper = std::string(text.substr(dots + 2));
    text = text.substr(0, dots);
  }
  term.text = std::string(text);
  return term;
}

Outcome<Filter> Filter::parse(const Field& field, std::string_view text) {
  Filter filter;
  filter.type_ = field.type == FieldType::kIntegers ? FieldType::kInteger : field.type;
  for (const std::string_view part : alternatives(text)) {
    Term term = parse_term(part);
    const bool free = term.kind == Kind::kNull || term.text.find('*') != std::string::npos;
    if (!free && numeric(field.type) &&
        (!as_number(filter.type_, Json(term.text)) ||
         (term.kind == Kind::kRange && !as_number(filter.type_, Json(term.upper))))) {
      return bad(262197,
                 fmt::format("The value \"{}\" is invalid for field \"{}\".", part, field.path),
                 std::string(field.path));
    }
    if (field.type == FieldType::kFlag && !free) {
      HF_TRY(const Json flag, accept_scalar(field, Json(term.text)));
      term.text = plain_text(flag);
    }
    filter.terms_.push_back(std::move(term));
  }
  return filter;
}

bool Filter::value_matches(const Term& term, const Json& value) const {
  const Json own(term.text);
  switch (term.kind) {
    case Kind::kLess:
      return compare_values(type_, &value, &own) < 0;
    case Kind::kLessEqual:
      return compare_values(type_, &value, &own) <= 0;
    case Kind::kGreater:
      return compare_values(type_, &value, &own) > 0;
    case Kind::kGreaterEqual:
      return compare_values(type_, &value, &own) >= 0;
    case Kind::kRange: {
      const Json upper(term.upper);
      return compare_values(type_, &value, &own) >= 0 && compare_values(type_, &value, &upper) <= 0;
    }
    case Kind::kExact:
      return plain_text(value) == term.text;
    case Kind::kNull:
      return value.is_null();
    default:
      return numeric(type_) && term.text.find('*') == std::string::npos
                 ? compare_values(type_, &value, &own) == 0
                 : wildcard_match(term.text, plain_text(value));
  }
}

bool Filter::term_matches(const Term& term, const std::vector<const Json*>& values) const {
  bool found = values.empty() && term.kind == Kind::kNull;
  for (const Json* value : values) {
    found = found || value_matches(term, *value);
  }
  return found != term.negated;
}

bool Filter::matches(const std::vector<const Json*>& values) const {
  for (const Term& term : terms_) {
    if (term_matches(term, values)) {
      return true;
    }
  }
  return false;
}

}  // namespace holdfast::ontap_sim
