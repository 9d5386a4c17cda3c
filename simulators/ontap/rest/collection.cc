#include "simulators/ontap/rest/collection.h"

#include <fmt/core.h>

#include "core/net/url.h"
#include "simulators/ontap/model/volume.h"

namespace holdfast::ontap_sim {
namespace {

// The names in the pattern's {}: the parents' fields.
std::vector<std::string> parent_fields(std::string_view pattern) {
  std::vector<std::string> out;
  for (size_t at = pattern.find('{'); at != std::string_view::npos;
       at = pattern.find('{', at + 1)) {
    out.emplace_back(pattern.substr(at + 1, pattern.find('}', at) - at - 1));
  }
  return out;
}

// The resource's records below the parents that the path names; `*` stands for any.
std::vector<JsonObject> records_of(Call& call, const Resource& resource) {
  std::vector<JsonObject> out;
  if (resource.rows != nullptr) {
    out = resource.rows(call);
  } else if (const auto parents = parent_fields(resource.path);
             !parents.empty() && call.key() != "*") {
    for (const JsonObject* row : call.cluster.below(resource.kind, call.key())) {
      out.push_back(*row);
    }
  } else {
    for (const auto& [id, row] : call.cluster.rows(resource.kind)) {
      out.push_back(row);
    }
  }
  const std::string svm_name(call.http.header("x-dot-svm-name"));
  const std::string svm_uuid(call.http.header("x-dot-svm-uuid"));
  std::erase_if(out, [&](const JsonObject& one) {
    const bool elsewhere =
        at(one, "svm") != nullptr && ((!svm_name.empty() && text_at(one, "svm.name") != svm_name) ||
                                      (!svm_uuid.empty() && text_at(one, "svm.uuid") != svm_uuid));
    return is_pending(one) || elsewhere;
  });
  return out;
}

ListingOptions listing_options(const Call& call, const Resource& resource) {
  ListingOptions options;
  options.base = call.base;
  options.key = std::string(resource.key);
  options.hal = call.hal;
  options.next_on_last_page = call.world.config().next_on_last_page;
  options.default_page = call.world.config().default_page;
  std::string path;
  size_t parent = 0;
  for (size_t at = 0; at < resource.path.size(); ++at) {
    if (resource.path[at] == '{') {
      path += net::url_encode(call.key(parent++));
      at = resource.path.find('}', at);
    } else {
      path += resource.path[at];
    }
  }
  options.path = std::move(path);
  return options;
}

std::optional<JsonObject> find_record(Call& call, const Resource& resource,
                                      const std::string& key) {
  if (resource.rows == nullptr && resource.key == "uuid" && call.key() != "*") {
    const bool below = call.keys.size() > 1;
    const JsonObject* row =
        call.cluster.find(resource.kind, below ? below_id(call.key(), key) : key);
    return row != nullptr && !is_pending(*row) ? std::optional(*row) : std::nullopt;
  }
  for (JsonObject& record : records_of(call, resource)) {
    const Json* value = at(record, resource.key);
    if (value != nullptr &&
        (value->is_string() ? std::string(value->as_string()) : to_text(*value)) == key) {
      return std::move(record);
    }
  }
  return std::nullopt;
}

void decorate(Call& call, const Resource& resource, JsonObject& record,
              const Selection& selection) {
  if (resource.decorate != nullptr) {
    resource.decorate(call, record, selection);
  }
}

Outcome<Answer> list(Call& call, const Resource& resource) {
  auto records = records_of(call, resource);
  if (records.empty() && resource.parent != nullptr && (call.keys.empty() || call.key() != "*")) {
    HF_TRY_VOID(resource.parent(call));
  }
  const ListingOptions options = listing_options(call, resource);
  HF_TRY(Listing listing, list_records(*resource.schema, std::move(records), call.query, options,
                                       [&](JsonObject& record, const Selection& selection) {
                                         decorate(call, resource, record, selection);
                                       }));
  Answer answer;
  answer.body = std::move(listing.body);
  if (!listing.next_link.empty()) {
    answer.headers["link"] = "<" + listing.next_link + ">; rel=\"next\"";
  }
  return answer;
}

Outcome<Answer> show(Call& call, const Resource& resource, const std::string& key) {
  auto record =
      resource.singleton ? records_of(call, resource).front() : find_record(call, resource, key);
  if (!record) {
    return not_found(std::string(resource.key));
  }
  HF_TRY(const Selection selection,
         Selection::parse(*resource.schema, call.query.fields, Selection::Base::kNormal,
                          call.query.ignore_unknown));
  decorate(call, resource, *record, selection);
  Answer answer;
  answer.body = selection.project(*record);
  if (call.hal) {
    const ListingOptions options = listing_options(call, resource);
    add_links(answer.body, call.base,
              resource.singleton ? call.base + options.path : record_href(options, *record));
  }
  return answer;
}

// One answer of the answers for several records.
void gather(Answer& all, Answer one) {
  all.jobs.insert(all.jobs.end(), one.jobs.begin(), one.jobs.end());
  for (JsonObject& record : one.records) {
    all.records.push_back(std::move(record));
  }
}

// The headers X-Dot-SVM-Name and -UUID name the SVM of a body that names none. 2621706: it names
// another.
Done scope_body(const Call& call, const Schema& schema, JsonObject& body) {
  for (const auto& [header, path] :
       {std::pair("x-dot-svm-name", "svm.name"), {"x-dot-svm-uuid", "svm.uuid"}}) {
    const std::string wanted(call.http.header(header));
    const std::string given = text_at(body, path);
    if (wanted.empty() || schema.find(path) == nullptr) {
      continue;
    }
    if (!given.empty() && given != wanted) {
      return bad(2621706, "The SVM of the header and the SVM of the body differ.", path);
    }
    set(body, path, Json(wanted));
  }
  return {};
}

Outcome<Answer> create(Call& call, const Resource& resource, JsonObject body) {
  HF_TRY_VOID(scope_body(call, *resource.schema, body));
  if (resource.own_body) {
    return resource.create(call, body);
  }
  HF_TRY(JsonObject accepted, resource.schema->accept(body, kCreate));
  return resource.create(call, std::move(accepted));
}

Outcome<Answer> create_all(Call& call, const Resource& resource) {
  const Json* records = call.body.if_contains("records");
  if (records == nullptr || !records->is_array()) {
    return create(call, resource, call.body);
  }
  Answer all;
  for (const Json& element : records->as_array()) {
    if (!element.is_object()) {
      return bad(262254, "\"records\" takes objects.", "records");
    }
    HF_TRY(JsonObject body, expand_dotted(element.as_object()));
    auto one = create(call, resource, body);
    if (!one && !call.query.continue_on_failure) {
      return one;
    }
    if (one) {
      gather(all, *std::move(one));
    }
  }
  return all;
}

Outcome<Answer> change(Call& call, const Resource& resource, const std::string& verb,
                       const JsonObject& record) {
  if (verb == "DELETE") {
    return resource.remove(call, record);
  }
  if (resource.own_body) {
    return resource.modify(call, record, call.body);
  }
  HF_TRY(JsonObject accepted, resource.schema->accept(call.body, kModify));
  return resource.modify(call, record, std::move(accepted));
}

// PATCH and DELETE of a collection: every record that the filters leave.
Outcome<Answer> change_all(Call& call, const Resource& resource, const std::string& verb) {
  if (call.query.filters.empty()) {
    return bad(262177, fmt::format("{} on a collection needs a filter.", verb));
  }
  Answer all;
  auto records = records_of(call, resource);
  for (JsonObject& record : records) {
    HF_TRY(const Selection everything,
           Selection::parse(*resource.schema, "**", Selection::Base::kAll, true));
    decorate(call, resource, record, everything);
  }
  for (const JsonObject& record : matching(std::move(records), call.query)) {
    auto one = change(call, resource, verb, record);
    if (!one && !call.query.continue_on_failure) {
      return one;
    }
    if (one) {
      gather(all, *std::move(one));
    }
  }
  if (all.jobs.empty()) {
    all.body["num_records"] = static_cast<std::int64_t>(all.records.size());
  }
  return all;
}

bool has_verb(const Resource& resource, const std::string& verb, bool instance) {
  if (verb == "GET") {
    return true;
  }
  if (verb == "POST") {
    return !instance && resource.create != nullptr;
  }
  const bool present =
      verb == "PATCH" ? resource.modify != nullptr : verb == "DELETE" && resource.remove != nullptr;
  return present && (instance || resource.bulk || resource.singleton);
}

}  // namespace

void add_methods(const Resource& resource, const std::vector<std::string>& segments,
                 std::set<std::string>& methods) {
  const bool collection = match_path(resource.path, segments).has_value();
  const bool instance = match_path(std::string(resource.path) + "/{key}", segments).has_value();
  for (const char* verb : {"GET", "POST", "PATCH", "DELETE"}) {
    if ((collection && has_verb(resource, verb, false)) ||
        (instance && !resource.singleton && has_verb(resource, verb, true))) {
      methods.insert(verb);
    }
  }
}

std::optional<Outcome<Answer>> try_resource(Call& call, const Resource& resource,
                                            const std::string& verb,
                                            const std::vector<std::string>& segments, bool& known) {
  auto keys = match_path(resource.path, segments);
  const bool instance = !keys && !resource.singleton;
  if (instance) {
    keys = match_path(std::string(resource.path) + "/{key}", segments);
  }
  if (!keys) {
    return std::nullopt;
  }
  if (!has_verb(resource, verb, instance)) {
    known = true;
    return std::nullopt;
  }
  call.keys = *std::move(keys);
  auto query = parse_query(call.http.query, *resource.schema, verb, resource.options);
  if (!query) {
    return Outcome<Answer>(query.error());
  }
  call.query = *std::move(query);
  if (verb == "POST") {
    return create_all(call, resource);
  }
  if (!instance && !resource.singleton) {
    return verb == "GET" ? list(call, resource) : change_all(call, resource, verb);
  }
  const std::string key = resource.singleton ? "" : call.keys.back();
  if (verb == "GET") {
    return show(call, resource, key);
  }
  const auto record =
      resource.singleton ? records_of(call, resource).front() : find_record(call, resource, key);
  if (!record) {
    return Outcome<Answer>(not_found(std::string(resource.key)));
  }
  return change(call, resource, verb, *record);
}

}  // namespace holdfast::ontap_sim
