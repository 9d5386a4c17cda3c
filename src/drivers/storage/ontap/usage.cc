#include "drivers/storage/ontap/usage.h"

#include "core/net/url.h"
#include "drivers/storage/ontap/values.h"

namespace holdfast::storage::ontap {
namespace {

using async::Co;

Usage mean_of(const JsonArray& records) {
  Usage sum;
  for (const Json& record : records) {
    if (const std::string status = get_string(record, "status");
        status != "ok" && status != "backfilled_data") {
      ++sum.incomplete;
      continue;
    }
    ++sum.samples;
    sum.read_iops += get_double(at(record, "iops"), "read");
    sum.write_iops += get_double(at(record, "iops"), "write");
    sum.read_bytes_per_second += get_double(at(record, "throughput"), "read");
    sum.write_bytes_per_second += get_double(at(record, "throughput"), "write");
    sum.latency_microseconds += get_double(at(record, "latency"), "total");
  }
  if (sum.samples > 0) {
    for (double* value : {&sum.read_iops, &sum.write_iops, &sum.read_bytes_per_second,
                          &sum.write_bytes_per_second, &sum.latency_microseconds}) {
      *value /= sum.samples;
    }
  }
  return sum;
}

Co<Result<Usage>> usage_at(ClusterPtr cluster, std::string object, std::string interval) {
  HF_CO_TRY(const JsonArray records,
            co_await cluster->client->list(
                object + "/metrics",
                {{"interval", std::move(interval)},
                 {"fields", "timestamp,duration,status,iops,latency,throughput"}},
                "read how it is used"));
  co_return mean_of(records);
}

}  // namespace

Co<Result<Usage>> volume_usage(ClusterPtr cluster, std::string uuid, std::string interval) {
  return usage_at(std::move(cluster), "/storage/volumes/" + net::url_encode(uuid),
                  std::move(interval));
}

Co<Result<Usage>> group_usage(ClusterPtr cluster, std::string uuid, std::string interval) {
  return usage_at(std::move(cluster), "/application/consistency-groups/" + net::url_encode(uuid),
                  std::move(interval));
}

Json to_json(const Usage& usage) {
  return JsonObject{{"read_iops", usage.read_iops},
                    {"write_iops", usage.write_iops},
                    {"read_bytes_per_second", usage.read_bytes_per_second},
                    {"write_bytes_per_second", usage.write_bytes_per_second},
                    {"latency_microseconds", usage.latency_microseconds},
                    {"samples", usage.samples},
                    {"incomplete", usage.incomplete}};
}

}  // namespace holdfast::storage::ontap
