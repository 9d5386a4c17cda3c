#include "simulators/ontap/um/manager.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "core/net/url.h"
#include "simulators/ontap/rest/dispatch.h"
#include "simulators/ontap/um/events.h"

namespace holdfast::ontap_sim {
namespace {

constexpr std::int64_t kPage = 20;  // records, where max_records is not given
constexpr std::int64_t kPageMax = 1000;

// Lists that this program has nothing for.
constexpr std::string_view kEmpty[] = {"/datacenter/storage/luns",
                                       "/datacenter/storage/qtrees",
                                       "/datacenter/storage/qos/policies",
                                       "/datacenter/network/ip/interfaces",
                                       "/datacenter/network/ethernet/ports",
                                       "/datacenter/network/fc/ports",
                                       "/datacenter/network/fc/interfaces",
                                       "/datacenter/protocols/cifs/shares",
                                       "/datacenter/protocols/nfs/export-policies",
                                       "/datacenter/protocols/san/igroups",
                                       "/datacenter/cluster/licensing/licenses",
                                       "/storage-provider/access-endpoints",
                                       "/storage-provider/active-directories-mappings",
                                       "/storage-provider/aggregate-capabilities",
                                       "/storage-provider/file-shares",
                                       "/storage-provider/luns",
                                       "/storage-provider/performance-service-levels",
                                       "/storage-provider/performance-service-levels/pgp-policies",
                                       "/storage-provider/storage-efficiency-policies",
                                       "/storage-provider/workloads",
                                       "/datacenter/storage/luns/analytics",
                                       "/datacenter/network/ip/interfaces/analytics",
                                       "/datacenter/network/ethernet/ports/analytics",
                                       "/datacenter/network/fc/ports/analytics",
                                       "/datacenter/network/fc/interfaces/analytics"};

Outcome<std::int64_t> number(const UmCall& call, const char* name, std::int64_t fallback,
                             std::int64_t most) {
  const std::string text = call.http.query_or(name, "");
  std::int64_t value = fallback;
  if (!text.empty()) {
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failure != std::errc() || end != text.data() + text.size() || value < 0 || value > most) {
      return um_fault(400, fmt::format("{} takes a number from 0 to {}.", name, most), name);
    }
  }
  return value;
}

std::vector<const Json*> values_at(const JsonObject& record, std::string path) {
  if (path.starts_with("aggregate.")) {
    path = "aggregates" + path.substr(9);
  }
  std::vector<const Json*> found;
  const size_t dot = path.find('.');
  if (const Json* first = record.if_contains(path.substr(0, dot))) {
    collect(*first, dot == std::string::npos ? "" : std::string_view(path).substr(dot + 1), found);
  }
  return found;
}

Outcome<bool> passes(const JsonObject& record, const std::string& name, const std::string& value) {
  const auto values = values_at(record, name);
  if (name == "query") {
    return to_text(Json(record)).find(value) != std::string::npos;
  }
  const bool numeric = !values.empty() && values.front()->is_number();
  HF_TRY(const Filter filter,
         Filter::parse(Field{name, numeric ? FieldType::kNumber : FieldType::kText}, value));
  return filter.matches(values);
}

// `history.state` goes with one other history.* only.
Done check_history(const net::HttpRequest& http) {
  int others = 0;
  for (const auto& [name, value] : http.query) {
    others += name.starts_with("history.") && name != "history.state" ? 1 : 0;
  }
  return others > 1
             ? Done(um_fault(400, "Only history.state and one other history filter go together.",
                             "history"))
             : Done();
}

void sort_by(std::vector<JsonObject>& records, std::string_view order) {
  std::vector<std::pair<std::string, bool>> keys;
  while (!order.empty()) {
    const std::string_view one = order.substr(0, order.find(','));
    order.remove_prefix(std::min(order.size(), one.size() + 1));
    keys.emplace_back(one.substr(0, one.find(' ')), one.ends_with(" desc"));
  }
  std::ranges::sort(records, [&](const JsonObject& a, const JsonObject& b) {
    for (const auto& [path, descending] : keys) {
      const auto x = values_at(a, path);
      const auto y = values_at(b, path);
      const int order = compare_values(FieldType::kNumber, x.empty() ? nullptr : x.front(),
                                       y.empty() ? nullptr : y.front());
      if (order != 0) {
        return descending ? order > 0 : order < 0;
      }
    }
    return false;
  });
}

std::string page_link(const UmCall& call, std::int64_t offset, std::int64_t page) {
  std::string link = fmt::format("/api{}?offset={}&max_records={}", call.path, offset, page);
  for (const auto& [name, value] : call.http.query) {
    if (name != "offset" && name != "max_records") {
      link += "&" + net::url_encode(name) + "=" + net::url_encode(value);
    }
  }
  return link;
}

Outcome<UmAnswer> empty_list(UmCall& call) { return um_list(call, {}); }

Outcome<UmAnswer> run(UmCall& call, const std::vector<std::string>& segments) {
  bool known = false;
  for (const UmRoute& route : um_routes()) {
    auto keys = match_path(route.pattern, segments);
    if (!keys) {
      continue;
    }
    known = true;
    if (route.method != call.http.method &&
        !(route.method == "GET" && call.http.method == "HEAD")) {
      continue;
    }
    if (route.administrator && !call.administrator) {
      return um_fault(403, "The user needs the role Application Administrator.");
    }
    call.keys = *std::move(keys);
    return route.handler(call);
  }
  return known ? um_fault(405, fmt::format("{} is not supported on /api{}.", call.http.method,
                                           call.path))
               : um_fault(404, fmt::format("There is no API at /api{}.", call.path));
}

}  // namespace

Fault um_fault(int status, std::string message, std::string target) {
  return {status, status, std::move(message), std::move(target)};
}

const std::vector<UmRoute>& um_routes() {
  static const std::vector<UmRoute> routes = [] {
    std::vector<UmRoute> all;
    add_um_inventory(all);
    add_um_metrics(all);
    add_um_server(all);
    add_um_events(all);
    for (const std::string_view path : kEmpty) {
      all.push_back({"GET", path, &empty_list});
    }
    return all;
  }();
  return routes;
}

std::string um_key(const Cluster& cluster, std::string_view type, std::string_view uuid) {
  return fmt::format("{}:type={},uuid={}", cluster.uuid, type, uuid);
}

JsonObject um_link(std::string_view collection, std::string_view key) {
  return {{"self", {{"href", fmt::format("/api{}/{}", collection, net::url_encode(key))}}}};
}

JsonObject um_reference(const Cluster& cluster, std::string_view type, std::string_view collection,
                        std::string_view uuid, std::string_view name) {
  const std::string key = um_key(cluster, type, uuid);
  return {{"key", key}, {"name", name}, {"uuid", uuid}, {"_links", um_link(collection, key)}};
}

Outcome<UmAnswer> um_list(UmCall& call, std::vector<JsonObject> records, std::string_view) {
  HF_TRY_VOID(check_history(call.http));
  HF_TRY(const std::int64_t offset, number(call, "offset", 0, 1'000'000'000));
  HF_TRY(const std::int64_t page, number(call, "max_records", kPage, kPageMax));
  for (const auto& [name, value] : call.http.query) {
    if (name == "offset" || name == "max_records" || name == "order_by") {
      continue;
    }
    std::vector<JsonObject> left;
    for (JsonObject& record : records) {
      HF_TRY(const bool fits, passes(record, name, value));
      if (fits) {
        left.push_back(std::move(record));
      }
    }
    records = std::move(left);
  }
  sort_by(records, call.http.query_or("order_by", "name,key"));
  const auto total = static_cast<std::int64_t>(records.size());
  const std::int64_t first = std::min(offset, total);
  const std::int64_t end = std::min(total, first + page);
  JsonArray shown;
  for (std::int64_t i = first; i < end; ++i) {
    shown.emplace_back(records[static_cast<size_t>(i)]);
  }
  JsonObject links{{"self", {{"href", page_link(call, offset, page)}}}};
  if (end < total) {
    links["next"] = {{"href", page_link(call, end, page)}};
  }
  UmAnswer answer;
  answer.body = {{"records", std::move(shown)},
                 {"num_records", end - first},
                 {"total_records", total},
                 {"_links", std::move(links)}};
  return answer;
}

Outcome<UmAnswer> um_show(const std::vector<JsonObject>& records, const std::string& key,
                          std::string_view field) {
  for (const JsonObject& record : records) {
    if (text_at(record, field) == key) {
      return UmAnswer{.body = record};
    }
  }
  return um_fault(404, fmt::format("There is no object with the key \"{}\".", key), "key");
}

bool gateway_is_on(World& world) {
  const std::string note = world.note("um.gateway");
  return note.empty() ? world.config().gateway : note == "on";
}

std::optional<Outcome<GatewayTarget>> gateway_target(World& world,
                                                     const std::vector<std::string>& segments,
                                                     const std::string& method,
                                                     bool administrator) {
  if (segments.size() < 3 || segments[0] != "gateways") {
    return std::nullopt;
  }
  if (!gateway_is_on(world)) {
    return um_fault(
        403,
        "The API gateway is disabled: enable it under General > Feature Settings > API Gateway.");
  }
  if (method != "GET" && method != "HEAD" && method != "OPTIONS" && !administrator) {
    return um_fault(403, "Writes through the gateway need the role Application Administrator.");
  }
  GatewayTarget target;
  target.cluster = world.cluster_by_uuid(segments[1]);
  if (target.cluster == nullptr || !um_knows(world, *target.cluster)) {
    return um_fault(
        404, fmt::format("No cluster with the UUID \"{}\" is managed here.", segments[1]), "uuid");
  }
  target.segments.assign(segments.begin() + 2, segments.end());
  return target;
}

net::HttpReply um_answer(World& world, const net::HttpRequest& http,
                         const std::vector<std::string>& segments, const std::string& user,
                         bool administrator) {
  UmCall call{world, http, {}, "", {}, user, administrator};
  for (const std::string& segment : segments) {
    call.path +=
        "/" +
        (segment.find_first_of(":=,") == std::string::npos ? segment : net::url_encode(segment));
  }
  if (!http.body.empty()) {
    const auto parsed = parse_json(http.body);
    if (!parsed || !parsed->is_object()) {
      return fault_reply(um_fault(400, "The body is not a JSON object."));
    }
    call.body = parsed->as_object();
  }
  auto answer = run(call, segments);
  net::HttpReply reply =
      answer ? json_reply(answer->status, answer->body) : fault_reply(answer.error());
  reply.headers["content-type"] = "application/json";
  if (answer && answer->empty) {
    reply.body.clear();
  }
  return reply;
}

}  // namespace holdfast::ontap_sim
