// .../metrics of one object and .../analytics of all, from the load curve of each object.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "simulators/ontap/model/load.h"
#include "simulators/ontap/rest/schema.h"
#include "simulators/ontap/um/manager.h"

namespace holdfast::ontap_sim {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

struct Interval {
  std::string_view name;
  Nanoseconds span;
  Nanoseconds step;
};
constexpr Interval kIntervals[] = {
    {"1h", hours(1), minutes(5)},     {"12h", hours(12), minutes(5)},
    {"1d", hours(24), minutes(5)},    {"2d", hours(48), minutes(5)},
    {"3d", hours(72), minutes(5)},    {"15d", hours(24 * 15), hours(1)},
    {"1w", hours(24 * 7), hours(1)},  {"1m", hours(24 * 30), hours(1)},
    {"2m", hours(24 * 60), hours(1)}, {"3m", hours(24 * 90), hours(1)},
    {"6m", hours(24 * 180), hours(1)}};

enum class Kind { kCluster, kNode, kSvm, kVolume, kAggregate };

// One number of a sample that is also summed up.
struct Series {
  std::vector<double> values;

  JsonObject summary() const {
    std::vector<double> sorted = values;
    std::ranges::sort(sorted);
    double sum = 0;
    for (const double value : sorted) {
      sum += value;
    }
    const auto count = static_cast<double>(sorted.size());
    return {{"min", sorted.front()},
            {"max", sorted.back()},
            {"avg", sum / count},
            {"95th_percentile", sorted[static_cast<size_t>(std::ceil(count * 0.95)) - 1]}};
  }
};

struct Curves {
  Series read, write, other, total;
  JsonObject summary() const {
    return {{"read", read.summary()},
            {"write", write.summary()},
            {"other", other.summary()},
            {"total", total.summary()}};
  }
};

JsonObject spread(double read, double write, double other) {
  return {{"read", read}, {"write", write}, {"other", other}, {"total", read + write + other}};
}

// Of one number, an average for every statistic: a sample's iops in the volume's answer.
JsonObject constant(const JsonObject& numbers) {
  JsonObject out;
  for (const auto& [name, value] : numbers) {
    out[name] = {{"min", value}, {"max", value}, {"avg", value}, {"95th_percentile", value}};
  }
  return out;
}

struct Samples {
  JsonArray list;
  Curves iops, latency, throughput;
  Series utilization;
};

void add(Curves& curves, const JsonObject& numbers) {
  for (const auto& [series, name] : {std::pair(&curves.read, "read"),
                                     {&curves.write, "write"},
                                     {&curves.other, "other"},
                                     {&curves.total, "total"}}) {
    series->values.push_back(numbers.at(name).to_number<double>());
  }
}

JsonObject one_sample(Kind kind, const std::string& uuid, UtcTime when, Samples& all) {
  const Load load = load_at(uuid, when);
  const JsonObject iops = spread(load.read_iops, load.write_iops, load.other_iops);
  const double milliseconds = load.latency / 1000;
  JsonObject latency{{"read", milliseconds},
                     {"write", milliseconds},
                     {"other", milliseconds},
                     {"total", milliseconds}};
  const JsonObject throughput = spread(load.throughput_read, load.throughput_write, 0);
  const double busy = std::min(100.0, load.iops() / 10);
  add(all.iops, iops);
  add(all.latency, latency);
  add(all.throughput, throughput);
  all.utilization.values.push_back(busy);
  JsonObject sample{{"timestamp", to_time_text(when)}};
  if (kind == Kind::kCluster) {
    sample["iops"] = load.iops();
    sample["throughput"] = load.throughput();
    return sample;
  }
  sample["iops"] = kind == Kind::kVolume ? constant(iops) : iops;
  sample["latency"] = std::move(latency);
  sample["throughput"] = throughput;
  if (kind == Kind::kVolume) {
    sample["iops_per_tb"] = load.iops();
    sample["cache_miss_ratio"] = 5.0;
  }
  if (kind == Kind::kAggregate || kind == Kind::kNode) {
    sample["utilization_percent"] = busy;
  }
  return sample;
}

JsonObject summary_of(Kind kind, const Samples& all) {
  if (kind == Kind::kCluster) {
    return {{"iops", all.iops.total.summary()}, {"throughput", all.throughput.total.summary()}};
  }
  JsonObject out{{"iops", all.iops.summary()},
                 {"latency", all.latency.summary()},
                 {"throughput", all.throughput.summary()}};
  if (kind == Kind::kVolume) {
    out["iops_per_tb"] = all.iops.total.summary();
  }
  if (kind == Kind::kAggregate || kind == Kind::kNode) {
    out["utilization_percent"] = all.utilization.summary();
  }
  return out;
}

constexpr std::string_view kNames[] = {"cluster", "node", "svm", "volume", "aggregate"};

template <Kind K, std::vector<JsonObject> (*Records)(UmCall&)>
Outcome<UmAnswer> metrics(UmCall& call) {
  HF_TRY(const UmAnswer found, um_show(Records(call), call.key()));
  const std::string asked = call.http.query_or("interval", "1h");
  const auto interval = std::ranges::find(kIntervals, std::string_view(asked), &Interval::name);
  if (interval == std::end(kIntervals)) {
    return um_fault(400, "interval takes 1h, 12h, 1d, 2d, 3d, 15d, 1w, 1m, 2m, 3m or 6m.",
                    "interval");
  }
  const Nanoseconds step = interval->step;
  const UtcTime end(call.world.now().time_since_epoch() / step * step);
  Samples all;
  for (UtcTime when = end - interval->span + step; when <= end; when += step) {
    all.list.emplace_back(one_sample(K, text_at(found.body, "uuid"), when, all));
  }
  JsonObject object;
  for (const char* field : {"key", "name", "uuid", "_links"}) {
    copy_field(found.body, object, field);
  }
  UmAnswer answer;
  answer.body = {{"start_time", to_time_text(end - interval->span)},
                 {"end_time", to_time_text(end)},
                 {"duration", step == minutes(5) ? "PT5M" : "PT1H"},
                 {"num_samples", static_cast<std::int64_t>(all.list.size())},
                 {"summary", summary_of(K, all)},
                 {kNames[static_cast<size_t>(K)], std::move(object)},
                 {"_links", {{"self", {{"href", "/api" + call.path}}}}}};
  answer.body["samples"] = std::move(all.list);
  return answer;
}

template <Kind K, std::vector<JsonObject> (*Records)(UmCall&)>
Outcome<UmAnswer> analytics(UmCall& call) {
  constexpr std::int64_t kPeriod = 72;  // hours
  std::vector<JsonObject> out;
  for (const JsonObject& record : Records(call)) {
    const Load load = load_at(text_at(record, "uuid"), call.world.now());
    JsonObject one{{"iops", load.iops()},
                   {"throughput", load.throughput()},
                   {"period", kPeriod},
                   {"_links", *at(record, "_links")}};
    if (K != Kind::kCluster) {
      one["latency"] = load.latency / 1000;  // milliseconds
    } else {
      copy_field(record, one, "management_ip");
    }
    if (K == Kind::kVolume) {
      one["iops_per_tb"] = load.iops();
    }
    JsonObject object;
    for (const char* field : {"key", "name", "uuid", "_links"}) {
      copy_field(record, object, field);
    }
    for (const char* field : {"cluster", K == Kind::kVolume ? "svm" : "cluster",
                              K == Kind::kAggregate ? "node" : "cluster"}) {
      copy_field(record, one, field);
    }
    one[kNames[static_cast<size_t>(K)]] = std::move(object);
    out.push_back(std::move(one));
  }
  return um_list(call, std::move(out));
}

template <Kind K, std::vector<JsonObject> (*Records)(UmCall&)>
void add_pair(std::vector<UmRoute>& routes, std::string_view one, std::string_view all) {
  routes.insert(routes.begin(), {"GET", all, &analytics<K, Records>});
  routes.push_back({"GET", one, &metrics<K, Records>});
}

}  // namespace

void add_um_metrics(std::vector<UmRoute>& routes) {
  add_pair<Kind::kCluster, um_clusters>(routes, "/datacenter/cluster/clusters/{key}/metrics",
                                        "/datacenter/cluster/clusters/analytics");
  add_pair<Kind::kNode, um_nodes>(routes, "/datacenter/cluster/nodes/{key}/metrics",
                                  "/datacenter/cluster/nodes/analytics");
  add_pair<Kind::kSvm, um_svms>(routes, "/datacenter/svm/svms/{key}/metrics",
                                "/datacenter/svm/svms/analytics");
  add_pair<Kind::kVolume, um_volumes>(routes, "/datacenter/storage/volumes/{key}/metrics",
                                      "/datacenter/storage/volumes/analytics");
  add_pair<Kind::kAggregate, um_aggregates>(routes, "/datacenter/storage/aggregates/{key}/metrics",
                                            "/datacenter/storage/aggregates/analytics");
}

}  // namespace holdfast::ontap_sim
