// .../metrics of volumes, aggregates, nodes, groups and the cluster; counter tables.
//
// Samples lie on a grid (15 s for 1h, 5 min for 1d, 30 min for 1w, 2 h for 1m, 1 d for 1y) and show
// the load curve of the object. A node that is down makes its samples partial_no_response.
#include <fmt/core.h>

#include <algorithm>

#include "simulators/ontap/model/load.h"
#include "simulators/ontap/resources/resources.h"

namespace holdfast::ontap_sim {
namespace {

using enum FieldType;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

struct Interval {
  std::string_view name;
  std::string_view duration;
  Nanoseconds span;
  Nanoseconds step;
};
constexpr Interval kIntervals[] = {{"1h", "PT15S", hours(1), seconds(15)},
                                   {"1d", "PT5M", hours(24), minutes(5)},
                                   {"1w", "PT30M", hours(24 * 7), minutes(30)},
                                   {"1m", "PT2H", hours(24 * 30), hours(2)},
                                   {"1y", "P1D", hours(24 * 365), hours(24)}};

const Schema kSchema{{"timestamp", kTime, kIdentity},
                     {"duration", kText},
                     {"status", kText},
                     {"iops", kAny},
                     {"latency", kAny},
                     {"throughput", kAny},
                     {"processor_utilization", kInteger},
                     {"uuid", kText},
                     {"cloud", kAny},
                     {"flexcache", kAny},
                     {"used_space", kSize},
                     {"available_space", kSize},
                     {"size", kSize}};

JsonObject spread(double read, double write, double other) {
  const auto whole = [](double value) { return static_cast<std::int64_t>(value); };
  return {{"read", whole(read)},
          {"write", whole(write)},
          {"other", whole(other)},
          {"total", whole(read) + whole(write) + whole(other)}};
}

JsonObject sample(const std::string& uuid, UtcTime when, std::string_view duration, bool partial) {
  const Load load = load_at(uuid, when);
  const auto latency = static_cast<std::int64_t>(load.latency);
  return {
      {"timestamp", to_time_text(when)},
      {"duration", duration},
      {"status", partial ? "partial_no_response" : "ok"},
      {"iops", spread(load.read_iops, load.write_iops, load.other_iops)},
      {"latency", {{"read", latency}, {"write", latency}, {"other", latency}, {"total", latency}}},
      {"throughput", spread(load.throughput_read, load.throughput_write, 0)}};
}

bool node_is_down(const Cluster& cluster) {
  return std::ranges::any_of(cluster.rows(kind::kNode),
                             [](const auto& row) { return text_at(row.second, "state") != "up"; });
}

Outcome<Answer> metrics_of(Call& call, const std::string& uuid, bool node) {
  const std::string asked = call.query.option("interval", "1h");
  const auto interval = std::ranges::find(kIntervals, std::string_view(asked), &Interval::name);
  if (interval == std::end(kIntervals)) {
    return bad(
        262197,
        fmt::format("The value \"{}\" is invalid for field \"interval\" (1h|1d|1w|1m|1y)", asked),
        "interval");
  }
  const bool partial = node_is_down(call.cluster);
  const Nanoseconds step = interval->step;
  const UtcTime end(call.world.now().time_since_epoch() / step * step);
  std::vector<JsonObject> records;
  for (UtcTime when = end - interval->span + step; when <= end; when += step) {
    JsonObject one = sample(uuid, when, interval->duration, partial);
    if (node) {
      one["processor_utilization"] = static_cast<std::int64_t>(load_at(uuid, when).iops() / 10);
    }
    records.push_back(std::move(one));
  }
  ListingOptions options{.base = call.base, .path = call.path, .key = "timestamp", .hal = call.hal};
  options.default_page = call.world.config().default_page;
  if (call.query.order.empty()) {
    call.query.order.push_back({"timestamp", true});
  }
  if (call.query.fields.empty()) {
    call.query.fields = "*";
  }
  HF_TRY(Listing listing, list_records(kSchema, std::move(records), call.query, options,
                                       [](JsonObject&, const Selection&) {}));
  Answer answer;
  answer.body = std::move(listing.body);
  if (!listing.next_link.empty()) {
    answer.headers["link"] = "<" + listing.next_link + ">; rel=\"next\"";
  }
  return answer;
}

template <const std::string_view& Kind>
Outcome<Answer> object_metrics(Call& call) {
  if (call.cluster.find(Kind, call.key()) == nullptr) {
    return not_found("uuid");
  }
  return metrics_of(call, call.key(), Kind == kind::kNode);
}

Outcome<Answer> cluster_metrics(Call& call) { return metrics_of(call, call.cluster.uuid, false); }

// --- counter tables
const Schema kTableSchema{{"name", kText, kIdentity},
                          {"description", kText},
                          {"counter_schemas", kObjects},
                          {"counter_schemas.name", kText},
                          {"counter_schemas.type", kText},
                          {"counter_schemas.unit", kText},
                          {"counter_schemas.description", kText},
                          {"counter_schemas.denominator.name", kText}};
const Schema kRowSchema{{"id", kText, kIdentity},
                        {"counters", kObjects, kIdentity},
                        {"counters.name", kText, kIdentity},
                        {"counters.value", kInteger, kIdentity},
                        {"properties", kObjects, kIdentity},
                        {"properties.name", kText, kIdentity},
                        {"properties.value", kText, kIdentity},
                        {"aggregation", kAny, kIdentity},
                        {"counter_table.name", kText, kIdentity}};

std::vector<JsonObject> tables(Call&) {
  JsonArray schemas;
  for (const auto& [name, type, unit, denominator] :
       {std::array{"total_ops", "rate", "per_sec", ""},
        {"read_ops", "rate", "per_sec", ""},
        {"write_ops", "rate", "per_sec", ""},
        {"read_latency", "average", "microsec", "read_ops"},
        {"write_latency", "average", "microsec", "write_ops"},
        {"bytes_read", "rate", "b_per_sec", ""},
        {"bytes_written", "rate", "b_per_sec", ""}}) {
    JsonObject one{{"name", name}, {"type", type}, {"unit", unit}, {"description", ""}};
    if (*denominator != 0) {
      one["denominator"] = {{"name", denominator}};
    }
    schemas.emplace_back(std::move(one));
  }
  return {{{"name", "volume"},
           {"description", "Activity of volumes."},
           {"counter_schemas", std::move(schemas)}}};
}

// Counters only grow: the sum of the curve since the cluster was made, an hour at a time.
std::vector<JsonObject> counter_rows(Call& call) {
  std::vector<JsonObject> out;
  if (call.key() != "volume" && call.key() != "*") {
    return out;
  }
  const auto created =
      parse_time(text_at(*call.cluster.find(kind::kCluster, "self"), "_sim.created"));
  const double age =
      created ? std::chrono::duration<double>(call.world.now() - *created).count() + 1 : 1;
  for (const auto& [uuid, volume] : call.cluster.rows(kind::kVolume)) {
    const Load load = load_at(uuid, UtcTime());
    const auto value = [&](double rate) { return static_cast<std::int64_t>(rate * age); };
    JsonArray counters;
    for (const auto& [name, rate] : {std::pair("total_ops", load.iops()),
                                     {"read_ops", load.read_iops},
                                     {"write_ops", load.write_iops},
                                     {"read_latency", load.read_iops * load.latency},
                                     {"write_latency", load.write_iops * load.latency},
                                     {"bytes_read", load.throughput_read},
                                     {"bytes_written", load.throughput_write}}) {
      counters.push_back({{"name", name}, {"value", value(rate)}});
    }
    out.push_back(
        {{"id", fmt::format("{}:{}:{}:{}", call.cluster.name, text_at(volume, "svm.name"),
                            text_at(volume, "name"), uuid)},
         {"counter_table", {{"name", "volume"}}},
         {"counters", std::move(counters)},
         {"properties",
          JsonArray{JsonObject{{"name", "name"}, {"value", text_at(volume, "name")}},
                    JsonObject{{"name", "svm.name"}, {"value", text_at(volume, "svm.name")}},
                    JsonObject{{"name", "uuid"}, {"value", uuid}}}},
         {"aggregation", {{"count", 1}, {"complete", true}}}});
  }
  return out;
}

}  // namespace

void add_metric_resources(Table& table) {
  static constexpr std::string_view kOptions[] = {"interval"};
  const auto add = [&](std::string_view pattern, Handler handler) {
    table.add(Route{.method = "GET",
                    .pattern = pattern,
                    .handler = handler,
                    .schema = &kSchema,
                    .options = kOptions});
  };
  add("/cluster/metrics", &cluster_metrics);
  add("/cluster/nodes/{}/metrics", &object_metrics<kind::kNode>);
  add("/storage/volumes/{}/metrics", &object_metrics<kind::kVolume>);
  add("/storage/aggregates/{}/metrics", &object_metrics<kind::kAggregate>);
  add("/application/consistency-groups/{}/metrics", &object_metrics<kind::kGroup>);
  table.add(Resource{.path = "/cluster/counter/tables/{counter_table.name}/rows",
                     .kind = "counter_row",
                     .schema = &kRowSchema,
                     .key = "id",
                     .rows = &counter_rows});
  table.add(Resource{.path = "/cluster/counter/tables",
                     .kind = "counter_table",
                     .schema = &kTableSchema,
                     .key = "name",
                     .rows = &tables});
}

}  // namespace holdfast::ontap_sim
