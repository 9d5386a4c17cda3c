// A recursive descent over the tokens: any := all (OR all)*; all := one (AND one)*;
// one := ( any ) | term. Depth and size are bounded before anything is built.
#include "flow/filter.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "flow/filter_tokens.h"

namespace holdfast::flow {
namespace {

using detail::filter_error;
using detail::FilterToken;
using Op = Filter::Op;
using Field = Filter::Field;

constexpr std::array<std::pair<RunStatus, std::string_view>, 7> kStatuses = {{
    {RunStatus::kRunning, "Running"},
    {RunStatus::kCompleted, "Completed"},
    {RunStatus::kFailed, "Failed"},
    {RunStatus::kCanceled, "Canceled"},
    {RunStatus::kTerminated, "Terminated"},
    {RunStatus::kTimedOut, "TimedOut"},
    {RunStatus::kContinuedAsNew, "ContinuedAsNew"},
}};

constexpr std::array<std::pair<std::string_view, Field>, 6> kFields = {{
    {"WorkflowId", Field::kWorkflowId},
    {"RunId", Field::kRunId},
    {"WorkflowType", Field::kType},
    {"ExecutionStatus", Field::kStatus},
    {"StartTime", Field::kStarted},
    {"CloseTime", Field::kClosed},
}};

constexpr std::array<std::pair<std::string_view, Op>, 6> kSigns = {{
    {"=", Op::kEqual},
    {"!=", Op::kNotEqual},
    {">", Op::kGreater},
    {">=", Op::kGreaterEqual},
    {"<", Op::kLess},
    {"<=", Op::kLessEqual},
}};

bool same_word(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

bool orders(Op op) {
  return op == Op::kGreater || op == Op::kGreaterEqual || op == Op::kLess || op == Op::kLessEqual ||
         op == Op::kBetween;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : tokens_(text) {}

  Result<Filter> whole() {
    HF_TRY_VOID(advance());
    if (token_.kind == FilterToken::Kind::kEnd) {
      return Filter();
    }
    HF_TRY(Filter filter, any(0));
    if (token_.kind != FilterToken::Kind::kEnd) {
      return filter_error(token_.at, "AND, OR or the end is expected, not " + shown());
    }
    return filter;
  }

 private:
  Status advance() {
    HF_TRY(token_, tokens_.next());
    return {};
  }
  std::string shown() const {
    return token_.kind == FilterToken::Kind::kEnd ? "the end" : "'" + token_.text + "'";
  }
  bool at_word(std::string_view word) const {
    return token_.kind == FilterToken::Kind::kWord && same_word(token_.text, word);
  }
  bool at_sign(std::string_view sign) const {
    return token_.kind == FilterToken::Kind::kSign && token_.text == sign;
  }
  Status take_word(std::string_view word) {
    if (!at_word(word)) {
      return filter_error(token_.at, fmt::format("{} is expected, not {}", word, shown()));
    }
    return advance();
  }
  Status take_sign(std::string_view sign) {
    if (!at_sign(sign)) {
      return filter_error(token_.at, fmt::format("'{}' is expected, not {}", sign, shown()));
    }
    return advance();
  }

  // Parts that `word` joins; one part alone stays itself.
  template <class Part>
  Result<Filter> joined(std::string_view word, Filter::Kind kind, Part part) {
    HF_TRY(Filter first, part());
    if (!at_word(word)) {
      return first;
    }
    Filter whole;
    whole.kind = kind;
    whole.parts.push_back(std::move(first));
    while (at_word(word)) {
      HF_TRY_VOID(advance());
      HF_TRY(Filter next, part());
      whole.parts.push_back(std::move(next));
    }
    return whole;
  }

  Result<Filter> any(int depth) {
    return joined("OR", Filter::Kind::kAny, [this, depth] { return all(depth); });
  }
  Result<Filter> all(int depth) {
    return joined("AND", Filter::Kind::kAll, [this, depth] { return one(depth); });
  }
  Result<Filter> one(int depth) {
    if (!at_sign("(")) {
      return term();
    }
    if (depth == kMaxFilterDepth) {
      return filter_error(
          token_.at, fmt::format("more than {} parentheses inside one another", kMaxFilterDepth));
    }
    HF_TRY_VOID(advance());
    HF_TRY(Filter inner, any(depth + 1));
    HF_TRY_VOID(take_sign(")"));
    return inner;
  }

  Result<Filter> term() {
    Filter term;
    term.kind = Filter::Kind::kTerm;
    HF_TRY_VOID(take_field(term));
    const std::size_t at = token_.at;
    HF_TRY(term.op, take_operator());
    if (!allowed(term)) {
      return filter_error(at, fmt::format("'{}' cannot be compared in this way", name_));
    }
    HF_TRY_VOID(take_values(term));
    return term;
  }

  Status take_field(Filter& term) {
    name_ = token_.text;
    if (token_.kind == FilterToken::Kind::kQuotedName) {
      term.attribute = token_.text;
    } else if (token_.kind == FilterToken::Kind::kWord) {
      const auto known = std::ranges::find(kFields, std::string_view(name_),
                                           &std::pair<std::string_view, Field>::first);
      if (known == kFields.end()) {
        term.attribute = name_;
      } else {
        term.field = known->second;
      }
    } else {
      return filter_error(token_.at, "a field is expected, not " + shown());
    }
    if (term.field == Field::kAttribute && term.attribute.empty()) {
      return filter_error(token_.at, "a field has a name");
    }
    return advance();
  }

  Result<Op> take_operator() {
    for (const auto& [sign, op] : kSigns) {
      if (at_sign(sign)) {
        HF_TRY_VOID(advance());
        return op;
      }
    }
    if (at_word("IS")) {
      HF_TRY_VOID(advance());
      const bool negated = at_word("NOT");
      if (negated) {
        HF_TRY_VOID(advance());
      }
      HF_TRY_VOID(take_word("NULL"));
      return negated ? Op::kIsNotNull : Op::kIsNull;
    }
    if (at_word("NOT")) {
      HF_TRY_VOID(advance());
      HF_TRY_VOID(take_word("IN"));
      return Op::kNotIn;
    }
    constexpr std::array<std::pair<std::string_view, Op>, 3> kWords = {
        {{"IN", Op::kIn}, {"BETWEEN", Op::kBetween}, {"STARTS_WITH", Op::kStartsWith}}};
    for (const auto& [word, op] : kWords) {
      if (at_word(word)) {
        HF_TRY_VOID(advance());
        return op;
      }
    }
    return filter_error(token_.at,
                        fmt::format("after '{}' one of = != > >= < <= IN, NOT IN, BETWEEN, "
                                    "STARTS_WITH, IS NULL is expected, not {}",
                                    name_, shown()));
  }

  static bool allowed(const Filter& term) {
    switch (term.field) {
      case Field::kStatus:
        return !orders(term.op) && term.op != Op::kStartsWith && term.op != Op::kIsNull &&
               term.op != Op::kIsNotNull;
      case Field::kWorkflowId:
      case Field::kRunId:
      case Field::kType:
        return !orders(term.op) && term.op != Op::kIsNull && term.op != Op::kIsNotNull;
      case Field::kStarted:
      case Field::kClosed:
        return term.op != Op::kStartsWith && term.op != Op::kIn && term.op != Op::kNotIn;
      case Field::kAttribute:
        return true;
    }
    return false;
  }

  Status take_values(Filter& term) {
    switch (term.op) {
      case Op::kIsNull:
      case Op::kIsNotNull:
        return {};
      case Op::kBetween:
        HF_TRY_VOID(take_value(term));
        HF_TRY_VOID(take_word("AND"));
        return take_value(term);
      case Op::kIn:
      case Op::kNotIn:
        HF_TRY_VOID(take_sign("("));
        HF_TRY_VOID(take_value(term));
        while (at_sign(",")) {
          HF_TRY_VOID(advance());
          HF_TRY_VOID(take_value(term));
        }
        return take_sign(")");
      default:
        return take_value(term);
    }
  }

  Status take_value(Filter& term) {
    HF_TRY(Filter::Value value, value_of(term));
    const bool ordered_text = term.field == Field::kAttribute && orders(term.op) &&
                              !std::holds_alternative<std::int64_t>(value);
    const bool prefix_is_text =
        term.op != Op::kStartsWith || std::holds_alternative<std::string>(value);
    if (ordered_text) {
      return filter_error(token_.at, fmt::format("'{}' can be ordered by whole numbers only; use "
                                                 "=, !=, IN or STARTS_WITH for text",
                                                 name_));
    }
    if (!prefix_is_text) {
      return filter_error(token_.at, "STARTS_WITH takes text in quotes");
    }
    term.values.push_back(std::move(value));
    return advance();
  }

  Result<Filter::Value> value_of(const Filter& term) const {
    const bool text = token_.kind == FilterToken::Kind::kText;
    switch (term.field) {
      case Field::kStatus:
        return status_value();
      case Field::kStarted:
      case Field::kClosed:
        return time_value();
      case Field::kAttribute:
        return text ? Result<Filter::Value>(token_.text) : plain_value();
      default:
        if (!text) {
          return filter_error(token_.at,
                              fmt::format("'{}' takes text in quotes, not {}", name_, shown()));
        }
        return Filter::Value(token_.text);
    }
  }

  Result<Filter::Value> status_value() const {
    for (const auto& [status, name] : kStatuses) {
      if (token_.kind == FilterToken::Kind::kText &&
          (same_word(name, token_.text) || status_name(status) == token_.text)) {
        return Filter::Value(status);
      }
    }
    return filter_error(token_.at,
                        "ExecutionStatus takes 'Running', 'Completed', 'Failed', 'Canceled', "
                        "'Terminated', 'TimedOut' or 'ContinuedAsNew', not " +
                            shown());
  }

  Result<Filter::Value> time_value() const {
    if (token_.kind == FilterToken::Kind::kText) {
      const bool date = token_.text.size() == 10;
      const auto time = parse_rfc3339(date ? token_.text + "T00:00:00Z" : token_.text, true);
      if (time) {
        return Filter::Value(*time);
      }
    }
    return filter_error(token_.at, fmt::format("'{}' takes a time like '2026-11-24T02:00:00Z' or "
                                               "'2026-11-24', not {}",
                                               name_, shown()));
  }

  // A whole number or a truth value.
  Result<Filter::Value> plain_value() const {
    if (at_word("true") || at_word("false")) {
      return Filter::Value(at_word("true"));
    }
    std::int64_t number = 0;
    const char* end = token_.text.data() + token_.text.size();
    const auto parsed = std::from_chars(token_.text.data(), end, number);
    if (token_.kind != FilterToken::Kind::kNumber || parsed.ec != std::errc() ||
        parsed.ptr != end) {
      return filter_error(token_.at, fmt::format("'{}' takes text in quotes, a whole number, true "
                                                 "or false, not {}",
                                                 name_, shown()));
    }
    return Filter::Value(number);
  }

  detail::FilterTokens tokens_;
  FilterToken token_;
  std::string name_;  // of the field of the term under way
};

}  // namespace

std::string_view filter_status_name(RunStatus status) {
  return kStatuses.at(static_cast<std::size_t>(status)).second;
}

Result<Filter> parse_filter(std::string_view text) {
  if (text.size() > kMaxFilterBytes) {
    return Error(Code::kInvalidArgument,
                 fmt::format("a filter has at most {} bytes", kMaxFilterBytes));
  }
  return Parser(text).whole();
}

}  // namespace holdfast::flow
