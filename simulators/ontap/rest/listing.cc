#include "simulators/ontap/rest/listing.h"

#include <algorithm>

#include "core/base/bytes.h"
#include "core/net/url.h"

namespace holdfast::ontap_sim {
namespace {

// Where objects that appear inside others live.
constexpr std::pair<std::string_view, std::string_view> kHomes[] = {
    {"svm", "/svm/svms/"},
    {"volume", "/storage/volumes/"},
    {"parent_volume", "/storage/volumes/"},
    {"parent_svm", "/svm/svms/"},
    {"aggregates", "/storage/aggregates/"},
    {"node", "/cluster/nodes/"},
    {"home_node", "/cluster/nodes/"},
    {"policy", "/snapmirror/policies/"},
    {"consistency_group", "/application/consistency-groups/"},
    {"snapshot_policy", "/storage/snapshot-policies/"},
};

std::vector<const Json*> values_at(const JsonObject& record, std::string_view path) {
  std::vector<const Json*> found;
  const size_t dot = path.find('.');
  if (const Json* first = record.if_contains(path.substr(0, dot))) {
    collect(*first, dot == std::string_view::npos ? "" : path.substr(dot + 1), found);
  }
  return found;
}

const Json* first_at(const JsonObject& record, std::string_view path) {
  const auto found = values_at(record, path);
  return found.empty() ? nullptr : found.front();
}

// The order of a listing is total, so that a page can say where it ended: by the keys of order_by,
// then by name, then by key.
class Order {
 public:
  Order(const Schema& schema, const Query& query, const std::string& key) {
    for (const OrderKey& one : query.order) {
      add(schema, one.path, one.descending);
    }
    if (query.order.empty() && schema.find("name") != nullptr) {
      add(schema, "name", false);
    }
    add(schema, key, false);
  }

  std::vector<Json> values(const JsonObject& record) const {
    std::vector<Json> out;
    for (const Part& part : parts_) {
      const Json* found = first_at(record, part.path);
      out.push_back(found == nullptr ? Json() : *found);
    }
    return out;
  }
  bool less(const std::vector<Json>& a, const std::vector<Json>& b) const {
    for (size_t i = 0; i < parts_.size() && i < a.size() && i < b.size(); ++i) {
      const int order = compare_values(parts_[i].type, a[i].is_null() ? nullptr : &a[i],
                                       b[i].is_null() ? nullptr : &b[i]);
      if (order != 0) {
        return parts_[i].descending ? order > 0 : order < 0;
      }
    }
    return false;
  }

 private:
  struct Part {
    std::string path;
    FieldType type;
    bool descending;
  };
  void add(const Schema& schema, const std::string& path, bool descending) {
    const Field* field = schema.find(path);
    parts_.push_back({path, field ? field->type : FieldType::kText, descending});
  }
  std::vector<Part> parts_;
};

std::string next_href(const ListingOptions& options, const Query& query,
                      const std::vector<Json>& last) {
  std::string href = options.base + options.path + "?start.after=" +
                     to_base64url(as_bytes(to_text(Json(JsonArray(last.begin(), last.end())))));
  for (const auto& [name, value] : query.raw) {
    if (name != "start.after" && name != "offset") {
      href += "&" + net::url_encode(name) + "=" + net::url_encode(value);
    }
  }
  return href;
}

Outcome<std::vector<Json>> parse_start(const std::string& text) {
  std::string standard = text;
  std::ranges::replace(standard, '-', '+');
  std::ranges::replace(standard, '_', '/');
  standard.append((4 - standard.size() % 4) % 4, '=');
  const auto bytes = from_base64(standard);
  const auto parsed = bytes ? parse_json(as_text(*bytes)) : Result<Json>(bytes.error());
  if (!parsed || !parsed->is_array()) {
    return bad(262197, "The page mark is not one that an answer gave.", "start.after");
  }
  return std::vector<Json>(parsed->as_array().begin(), parsed->as_array().end());
}

bool passes_search(const JsonObject& record, const Query& query) {
  const auto text = query.raw.find("query");
  const auto fields = query.raw.find("query_fields");
  if (text == query.raw.end() || fields == query.raw.end()) {
    return true;
  }
  if (fields->second == "*") {
    return to_text(Json(record)).find(text->second) != std::string::npos;
  }
  std::string_view names = fields->second;
  while (!names.empty()) {
    const std::string_view one = names.substr(0, names.find(','));
    names.remove_prefix(std::min(names.size(), one.size() + 1));
    for (const Json* value : values_at(record, one)) {
      if (wildcard_match("*" + text->second + "*",
                         value->is_string() ? std::string(value->as_string()) : to_text(*value))) {
        return true;
      }
    }
  }
  return false;
}

bool passes(const JsonObject& record, const Query& query) {
  for (const auto& [path, filter] : query.filters) {
    if (!filter.matches(values_at(record, path))) {
      return false;
    }
  }
  return passes_search(record, query);
}

}  // namespace

std::vector<JsonObject> matching(std::vector<JsonObject> records, const Query& query) {
  std::erase_if(records, [&](const JsonObject& record) { return !passes(record, query); });
  return records;
}

void add_links(JsonObject& record, const std::string& base, const std::string& self) {
  const auto link = [&](JsonObject& object, std::string_view home) {
    if (const std::string uuid = text_at(object, "uuid"); !uuid.empty()) {
      object["_links"] = {{"self", {{"href", base + std::string(home) + uuid}}}};
    }
  };
  for (auto& [key, value] : record) {
    for (const auto& [name, home] : kHomes) {
      if (key == name && value.is_object()) {
        link(value.as_object(), home);
      } else if (key == name && value.is_array()) {
        for (Json& element : value.as_array()) {
          if (element.is_object()) {
            link(element.as_object(), home);
          }
        }
      }
    }
  }
  record["_links"] = {{"self", {{"href", self}}}};
}

std::string record_href(const ListingOptions& options, const JsonObject& record) {
  const Json* key = at(record, options.key);
  const std::string text =
      key == nullptr ? "" : (key->is_string() ? std::string(key->as_string()) : to_text(*key));
  return options.base + options.path + "/" + net::url_encode(text);
}

Outcome<Listing> list_records(const Schema& schema, std::vector<JsonObject> records,
                              const Query& query, const ListingOptions& options,
                              const Decorate& decorate) {
  HF_TRY(Selection selection,
         Selection::parse(schema, query.fields, Selection::Base::kIdentity, query.ignore_unknown));
  for (const auto& [path, filter] : query.filters) {
    selection.add(path);
  }
  for (const OrderKey& key : query.order) {
    selection.add(key.path);
  }
  for (JsonObject& record : records) {
    decorate(record, selection);
  }
  records = matching(std::move(records), query);
  const Order order(schema, query, options.key);
  std::vector<std::pair<std::vector<Json>, JsonObject>> sorted;
  sorted.reserve(records.size());
  for (JsonObject& record : records) {
    sorted.emplace_back(order.values(record), std::move(record));
  }
  std::ranges::sort(sorted,
                    [&](const auto& a, const auto& b) { return order.less(a.first, b.first); });
  size_t first = std::min(static_cast<size_t>(query.offset), sorted.size());
  if (!query.start.empty()) {
    HF_TRY(const auto mark, parse_start(query.start));
    first = static_cast<size_t>(
        std::ranges::find_if(sorted, [&](const auto& one) { return order.less(mark, one.first); }) -
        sorted.begin());
  }
  const auto page = static_cast<size_t>(
      std::max<std::int64_t>(0, query.max_records.value_or(options.default_page)));
  const size_t end = std::min(sorted.size(), first + page);

  Listing out;
  JsonArray shown;
  for (size_t i = first; i < end && query.return_records; ++i) {
    const std::string self = record_href(options, sorted[i].second);
    JsonObject one = selection.project(sorted[i].second);
    if (options.hal) {
      add_links(one, options.base, self);
    }
    shown.emplace_back(std::move(one));
  }
  JsonObject links;
  if (options.hal) {
    links["self"] = {{"href", options.base + options.path}};
  }
  const bool more = end < sorted.size() || (options.next_on_last_page && query.start.empty());
  if (more && end > first && query.return_records) {
    out.next_link = next_href(options, query, sorted[end - 1].first);
    links["next"] = {{"href", out.next_link}};
  }
  if (query.return_records) {
    out.body["records"] = std::move(shown);
  }
  out.body["num_records"] =
      static_cast<std::int64_t>(query.return_records ? end - first : sorted.size());
  if (!links.empty()) {
    out.body["_links"] = std::move(links);
  }
  return out;
}

}  // namespace holdfast::ontap_sim
