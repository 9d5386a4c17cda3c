// Conditions on a run's own columns are plain; one on a search attribute asks for a row of
// flow_attributes, which has one row a value: so a list meets = when it contains the value, and a
// run without the attribute meets nothing but IS NULL.
#include "flow/embedded/filter_sql.h"

#include <fmt/core.h>

#include "flow/filter.h"

namespace holdfast::flow::embedded {
namespace {

using Op = Filter::Op;
using Field = Filter::Field;

std::string_view column_of(Field field) {
  switch (field) {
    case Field::kWorkflowId:
      return "workflow_id";
    case Field::kRunId:
      return "run_id";
    case Field::kType:
      return "type";
    case Field::kStatus:
      return "status";
    case Field::kStarted:
      return "started";
    default:
      return "closed";
  }
}

struct ColumnValue {
  db::Value operator()(const std::string& text) const { return db::to_value(text); }
  db::Value operator()(std::int64_t number) const { return db::to_value(number); }
  db::Value operator()(bool truth) const { return db::to_value(truth); }
  db::Value operator()(RunStatus status) const { return db::to_value(status_name(status)); }
  db::Value operator()(UtcTime time) const { return db::to_value(time); }
};

// How flow_attributes keeps a value: its JSON text.
struct AttributeText {
  std::string operator()(const std::string& text) const { return to_text(Json(text)); }
  std::string operator()(std::int64_t number) const { return to_text(Json(number)); }
  std::string operator()(bool truth) const { return to_text(Json(truth)); }
  std::string operator()(RunStatus) const { return {}; }
  std::string operator()(UtcTime) const { return {}; }
};

std::string_view comparison(Op op) {
  switch (op) {
    case Op::kNotEqual:
      return "<>";
    case Op::kGreater:
      return ">";
    case Op::kGreaterEqual:
      return ">=";
    case Op::kLess:
      return "<";
    case Op::kLessEqual:
      return "<=";
    default:
      return "=";
  }
}

// `column` compared with values that next() has the places of.
std::string compared(std::string_view column, Op op, const std::vector<std::string>& places) {
  switch (op) {
    case Op::kIsNull:
      return fmt::format("{} IS NULL", column);
    case Op::kIsNotNull:
      return fmt::format("{} IS NOT NULL", column);
    case Op::kBetween:
      return fmt::format("{} BETWEEN {} AND {}", column, places.at(0), places.at(1));
    case Op::kStartsWith:  // LIKE would not see the case of letters everywhere
      return fmt::format("substr({0}, 1, length({1})) = {1}", column, places.at(0));
    case Op::kIn:
    case Op::kNotIn: {
      std::string list;
      for (const std::string& place : places) {
        list += (list.empty() ? "" : ", ") + place;
      }
      return fmt::format("{} {} ({})", column, op == Op::kIn ? "IN" : "NOT IN", list);
    }
    default:
      return fmt::format("{} {} {}", column, comparison(op), places.at(0));
  }
}

std::string has_attribute(Conditions& where, const std::string& name, const std::string& and_also) {
  return fmt::format(
      "EXISTS (SELECT 1 FROM flow_attributes a WHERE a.run_id = flow_runs.run_id AND a.name = "
      "{}{})",
      where.next(db::to_value(name)), and_also.empty() ? "" : " AND " + and_also);
}

std::string attribute_term(Conditions& where, const Filter& term) {
  const bool negated = term.op == Op::kNotEqual || term.op == Op::kNotIn;
  if (term.op == Op::kIsNull) {
    return "NOT " + has_attribute(where, term.attribute, "");
  }
  if (term.op == Op::kIsNotNull) {
    return has_attribute(where, term.attribute, "");
  }
  const bool ordered =
      !negated && term.op != Op::kEqual && term.op != Op::kIn && term.op != Op::kStartsWith;
  std::vector<std::string> places;
  for (const Filter::Value& value : term.values) {
    std::string text = std::visit(AttributeText(), value);
    if (term.op == Op::kStartsWith) {
      text.pop_back();  // the closing quote
    }
    places.push_back(where.next(ordered ? std::visit(ColumnValue(), value) : db::to_value(text)));
  }
  const Op plain = term.op == Op::kNotEqual ? Op::kEqual
                   : term.op == Op::kNotIn  ? Op::kIn
                                            : term.op;
  const std::string holds = has_attribute(
      where, term.attribute, compared(ordered ? "a.number" : "a.value", plain, places));
  return negated ? "(" + has_attribute(where, term.attribute, "") + " AND NOT " + holds + ")"
                 : holds;
}

std::string term_sql(Conditions& where, const Filter& term) {
  if (term.field == Field::kAttribute) {
    return attribute_term(where, term);
  }
  std::vector<std::string> places;
  for (const Filter::Value& value : term.values) {
    places.push_back(where.next(std::visit(ColumnValue(), value)));
  }
  return compared(column_of(term.field), term.op, places);
}

std::string filter_sql(Conditions& where, const Filter& filter) {
  if (filter.kind == Filter::Kind::kTerm) {
    return term_sql(where, filter);
  }
  std::string text;
  for (const Filter& part : filter.parts) {
    text += text.empty() ? "" : filter.kind == Filter::Kind::kAll ? " AND " : " OR ";
    text += filter_sql(where, part);
  }
  return "(" + text + ")";
}

}  // namespace

Status add_query(Conditions& where, const ListQuery& query) {
  HF_TRY(const Filter filter, parse_filter(query.filter));
  if (filter.kind == Filter::Kind::kTerm || !filter.parts.empty()) {
    where.text += " AND " + filter_sql(where, filter);
  }
  if (!query.statuses.empty()) {
    std::string list;
    for (const RunStatus status : query.statuses) {
      list += (list.empty() ? "" : ", ") + where.next(db::to_value(status_name(status)));
    }
    where.text += " AND status IN (" + list + ")";
  }
  if (!query.type.empty()) {
    where.text += " AND type = " + where.next(query.type);
  }
  if (query.started_after) {
    where.text += " AND started > " + where.next(db::to_value(*query.started_after));
  }
  if (query.started_before) {
    where.text += " AND started < " + where.next(db::to_value(*query.started_before));
  }
  for (const auto& [name, value] : query.attributes) {
    const std::string equal = "a.value = " + where.next(to_text(value));
    where.text += " AND " + has_attribute(where, name, equal);
  }
  return {};
}

}  // namespace holdfast::flow::embedded
