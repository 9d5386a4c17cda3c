// The query parameters of a call: the generic ones of every endpoint, the options of one operation,
// and filters, which are all the rest.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "simulators/ontap/rest/filter.h"

namespace holdfast::ontap_sim {

using RawQuery = std::map<std::string, std::string, std::less<>>;

struct OrderKey {
  std::string path;
  bool descending = false;
};

struct Query {
  std::string fields;
  std::vector<std::pair<std::string, Filter>> filters;
  std::vector<OrderKey> order;
  std::optional<std::int64_t> max_records;
  std::int64_t offset = 0;
  std::string start;  // where the page before ended; opaque to clients
  bool return_records = true;
  std::int64_t return_timeout = 0;  // seconds
  bool ignore_unknown = false;
  bool continue_on_failure = false;
  RawQuery options;  // of the operation, as they were sent
  RawQuery raw;

  std::string option(std::string_view name, std::string fallback = {}) const;
  // True for "true", "True" and an option without value.
  bool option_flag(std::string_view name) const;
};

// What an operation takes beside the generic parameters.
using OptionNames = std::span<const std::string_view>;

// Codes: 262197 a value out of range, 262179 an unknown parameter, 262268 a bad order_by, 262211 a
// filter on POST, 262202 a secret in the address.
// `lenient`: what is unknown is an option.
Outcome<Query> parse_query(const RawQuery& raw, const Schema& schema, std::string_view method,
                           OptionNames options, bool lenient = false);

}  // namespace holdfast::ontap_sim
