// A list query as the condition of a SELECT on flow_runs.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/db/connection.h"
#include "flow/client.h"

namespace holdfast::flow::embedded {

class Conditions {
 public:
  // The place of a new parameter with this value.
  std::string next(db::Value value) {
    values.push_back(std::move(value));
    return "?" + std::to_string(values.size());
  }

  std::string text;  // begins with " AND ", or is empty
  std::vector<db::Value> values;
};

// Everything of the query except its page. kInvalidArgument: its filter is wrong, and where.
Status add_query(Conditions& where, const ListQuery& query);

}  // namespace holdfast::flow::embedded
