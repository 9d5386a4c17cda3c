// The filter language of lists: which runs, as one condition.
//
//   WorkflowType = 'scheduled_backup' AND (ExecutionStatus = 'Failed' OR StartTime > '2026-11-01')
//   resource IN ('web', 'db') AND trigger != 'manual' AND attempts BETWEEN 2 AND 5
//
// A part of Temporal's own list filter, so that one text means the same on both engines. Fields:
// WorkflowId, RunId, WorkflowType (text); ExecutionStatus ('Running', 'Completed', 'Failed',
// 'Canceled', 'Terminated', 'TimedOut', 'ContinuedAsNew'); StartTime, CloseTime (RFC 3339, or a
// date); every other name is an own search attribute (in `backticks` where it is no plain word).
// Operators: = != > >= < <= IN, NOT IN, BETWEEN .. AND .., STARTS_WITH, IS NULL, IS NOT NULL,
// joined by AND, OR and parentheses; words in any case. Text stands in single or double quotes,
// with a backslash before a quote in it. An attribute that is a list meets = when it contains the
// value. A run without the attribute meets IS NULL and nothing else. Source: the visibility section
// of Temporal's documentation.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/result.h"
#include "core/base/time.h"
#include "flow/types.h"

namespace holdfast::flow {

inline constexpr std::size_t kMaxFilterBytes = 4096;
inline constexpr int kMaxFilterDepth = 32;  // of parentheses

struct Filter {
  enum class Kind { kAll, kAny, kTerm };  // every part holds; one holds; the term holds
  enum class Field { kWorkflowId, kRunId, kType, kStatus, kStarted, kClosed, kAttribute };
  enum class Op {
    kEqual,
    kNotEqual,
    kGreater,
    kGreaterEqual,
    kLess,
    kLessEqual,
    kIn,
    kNotIn,
    kBetween,     // two values, both included
    kStartsWith,  // text
    kIsNull,
    kIsNotNull,
  };
  // Of the field's type: text; a status; a time; of an attribute what was written.
  using Value = std::variant<std::string, std::int64_t, bool, RunStatus, UtcTime>;

  Kind kind = Kind::kAll;
  std::vector<Filter> parts;

  Field field = Field::kAttribute;
  std::string attribute;  // its name, for kAttribute
  Op op = Op::kEqual;
  std::vector<Value> values;
};

// An empty text gives kAll without parts: every run. kInvalidArgument says at which character what
// is wrong, and what would be right.
Result<Filter> parse_filter(std::string_view text);

// The condition as Temporal's server reads it, in its canonical form: parsing it again gives the
// same filter. Empty for a filter that every run meets.
std::string filter_text(const Filter& filter);

// "Running", "TimedOut": a status as the language writes it.
std::string_view filter_status_name(RunStatus status);

}  // namespace holdfast::flow
