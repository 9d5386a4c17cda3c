// A filter as text again.
#include <fmt/core.h>

#include "flow/filter.h"

namespace holdfast::flow {
namespace {

using Op = Filter::Op;

std::string in_quotes(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') {
      out += '\\';
    }
    out += c;
  }
  return out + "'";
}

struct ValueText {
  std::string operator()(const std::string& text) const { return in_quotes(text); }
  std::string operator()(std::int64_t number) const { return std::to_string(number); }
  std::string operator()(bool truth) const { return truth ? "true" : "false"; }
  std::string operator()(RunStatus status) const { return in_quotes(filter_status_name(status)); }
  std::string operator()(UtcTime time) const { return in_quotes(to_rfc3339(time)); }
};

std::string field_text(const Filter& term) {
  switch (term.field) {
    case Filter::Field::kWorkflowId:
      return "WorkflowId";
    case Filter::Field::kRunId:
      return "RunId";
    case Filter::Field::kType:
      return "WorkflowType";
    case Filter::Field::kStatus:
      return "ExecutionStatus";
    case Filter::Field::kStarted:
      return "StartTime";
    case Filter::Field::kClosed:
      return "CloseTime";
    case Filter::Field::kAttribute:
      break;
  }
  return "`" + term.attribute + "`";
}

std::string_view operator_text(Op op) {
  switch (op) {
    case Op::kEqual:
      return "=";
    case Op::kNotEqual:
      return "!=";
    case Op::kGreater:
      return ">";
    case Op::kGreaterEqual:
      return ">=";
    case Op::kLess:
      return "<";
    case Op::kLessEqual:
      return "<=";
    case Op::kIn:
      return "IN";
    case Op::kNotIn:
      return "NOT IN";
    case Op::kBetween:
      return "BETWEEN";
    case Op::kStartsWith:
      return "STARTS_WITH";
    case Op::kIsNull:
      return "IS NULL";
    case Op::kIsNotNull:
      break;
  }
  return "IS NOT NULL";
}

std::string term_text(const Filter& term) {
  std::vector<std::string> values;
  for (const Filter::Value& value : term.values) {
    values.push_back(std::visit(ValueText(), value));
  }
  std::string text = fmt::format("{} {}", field_text(term), operator_text(term.op));
  if (term.op == Op::kBetween) {
    return fmt::format("{} {} AND {}", text, values.at(0), values.at(1));
  }
  if (term.op == Op::kIn || term.op == Op::kNotIn) {
    std::string list;
    for (const std::string& value : values) {
      list += (list.empty() ? "" : ", ") + value;
    }
    return fmt::format("{} ({})", text, list);
  }
  return values.empty() ? text : text + " " + values.front();
}

}  // namespace

std::string filter_text(const Filter& filter) {
  if (filter.kind == Filter::Kind::kTerm) {
    return term_text(filter);
  }
  std::string text;
  for (const Filter& part : filter.parts) {
    const std::string inner = filter_text(part);
    text += text.empty() ? "" : (filter.kind == Filter::Kind::kAll ? " AND " : " OR ");
    text += part.kind == Filter::Kind::kTerm ? inner : "(" + inner + ")";
  }
  return text;
}

}  // namespace holdfast::flow
