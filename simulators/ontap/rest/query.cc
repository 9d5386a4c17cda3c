#include "simulators/ontap/rest/query.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

namespace holdfast::ontap_sim {
namespace {

constexpr std::int64_t kReturnTimeoutMax = 120;  // seconds
constexpr std::int64_t kReturnTimeoutGet = 15;

Outcome<std::int64_t> integer(std::string_view name, std::string_view text, std::int64_t least,
                              std::int64_t most) {
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size() || number < least ||
      number > most) {
    return bad(262197,
               fmt::format("The value \"{}\" is invalid for field \"{}\" (<{}..{}>)", text, name,
                           least, most),
               std::string(name));
  }
  return number;
}

Outcome<bool> flag(std::string_view name, const std::string& text) {
  const Field row{name, FieldType::kFlag};
  HF_TRY(const Json value, accept_scalar(row, Json(text.empty() ? "true" : text)));
  return value.as_bool();
}

Outcome<std::vector<OrderKey>> parse_order(const Schema& schema, std::string_view text) {
  std::vector<OrderKey> out;
  while (!text.empty()) {
    std::string_view part = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    const size_t space = part.find(' ');
    const std::string_view way = space == std::string_view::npos ? "asc" : part.substr(space + 1);
    part = part.substr(0, space);
    if (!schema.knows(part) || (way != "asc" && way != "desc")) {
      return bad(262268, fmt::format("\"{}\" is no order: write a field and asc or desc.", part),
                 "order_by");
    }
    out.push_back({std::string(part), way == "desc"});
  }
  return out;
}

// Takes one of the parameters that every endpoint knows; false when it is none.
Outcome<bool> generic(Query& query, const Schema& schema, const std::string& name,
                      const std::string& value) {
  if (name == "fields") {
    query.fields = value;
  } else if (name == "max_records") {
    HF_TRY(query.max_records, integer(name, value, 0, 1'000'000));
  } else if (name == "offset") {
    HF_TRY(query.offset, integer(name, value, 0, 1'000'000'000));
  } else if (name == "order_by" || name == "$orderBy") {
    HF_TRY(query.order, parse_order(schema, value));
  } else if (name == "return_records") {
    HF_TRY(query.return_records, flag(name, value));
  } else if (name == "return_timeout") {
    HF_TRY(query.return_timeout, integer(name, value, 0, kReturnTimeoutMax));
  } else if (name == "ignore_unknown_fields") {
    HF_TRY(query.ignore_unknown, flag(name, value));
  } else if (name == "continue_on_failure" || name == "serial_records") {
    HF_TRY(const bool on, flag(name, value));
    query.continue_on_failure = query.continue_on_failure || (on && name == "continue_on_failure");
  } else if (name == "start.after") {
    query.start = value;
  } else {
    return name == "query" || name == "query_fields" || name == "privilege_level";
  }
  return true;
}

// `query=abc&query_fields=name,comment`: a part of one of the fields.
Done substring_search(Query& query, const Schema& schema) {
  const auto text = query.raw.find("query");
  const auto fields = query.raw.find("query_fields");
  if (text == query.raw.end() && fields == query.raw.end()) {
    return {};
  }
  if (text == query.raw.end() || fields == query.raw.end() || text->second.empty()) {
    return bad(262272, "\"query\" and \"query_fields\" go together.", "query");
  }
  std::string_view names = fields->second;
  while (!names.empty()) {
    const std::string_view one = names.substr(0, names.find(','));
    names.remove_prefix(std::min(names.size(), one.size() + 1));
    if (one != "*" && !schema.knows(one)) {
      return bad(262273, fmt::format("\"{}\" is no field.", one), "query_fields");
    }
  }
  return {};
}

}  // namespace

std::string Query::option(std::string_view name, std::string fallback) const {
  const auto found = options.find(name);
  return found == options.end() ? fallback : found->second;
}

bool Query::option_flag(std::string_view name) const {
  const auto found = options.find(name);
  return found != options.end() &&
         (found->second.empty() || found->second == "true" || found->second == "True");
}

Outcome<Query> parse_query(const RawQuery& raw, const Schema& schema, std::string_view method,
                           OptionNames options, bool lenient) {
  const bool reads = method == "GET" || method == "HEAD" || method == "OPTIONS";
  Query query;
  query.raw = raw;
  query.return_records = reads;
  query.return_timeout = reads ? kReturnTimeoutGet : 0;
  for (const auto& [name, value] : raw) {
    if (name.ends_with("password") || name.ends_with("passphrase")) {
      return bad(262202, "A secret does not belong into the address: send it in the body.", name);
    }
    if (std::ranges::find(options, std::string_view(name)) != options.end()) {
      query.options[name] = value;
      continue;
    }
    HF_TRY(const bool taken, generic(query, schema, name, value));
    if (taken) {
      continue;
    }
    if (name == "ignore_unknown_fields" || name.starts_with("_links")) {
      continue;
    }
    const Field* field = schema.find(name);
    if (field == nullptr && lenient) {
      query.options[name] = value;
      continue;
    }
    if (field == nullptr) {
      const auto ignore = raw.find("ignore_unknown_fields");
      if (ignore != raw.end() && ignore->second != "false") {
        continue;
      }
      return bad(262179, fmt::format("Unexpected argument \"{}\".", name), name);
    }
    if (method == "POST") {
      return bad(262211, fmt::format("A POST takes no filter, but \"{}\" was given.", name), name);
    }
    HF_TRY(Filter filter, Filter::parse(*field, value));
    query.filters.emplace_back(name, std::move(filter));
  }
  HF_TRY_VOID(substring_search(query, schema));
  return query;
}

}  // namespace holdfast::ontap_sim
