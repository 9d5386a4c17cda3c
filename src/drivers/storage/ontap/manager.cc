#include "drivers/storage/ontap/manager.h"

#include <algorithm>

#include "core/net/url.h"
#include "drivers/storage/ontap/values.h"

namespace holdfast::storage::ontap {
namespace {

using async::Co;

constexpr double kMicroseconds = 1000;  // of the milliseconds in which the manager tells latencies

std::uint64_t bytes(const Json& value, std::string_view key) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(get_int(value, key), 0));
}

ManagedCluster cluster_from(const Json& record) {
  const Json& capacity = at(record, "storage_capacity");
  return {.uuid = get_string(record, "uuid"),
          .name = get_string(record, "name"),
          .version = get_string(at(record, "version"), "full"),
          .total = bytes(capacity, "total"),
          .used = bytes(capacity, "used"),
          .available = bytes(capacity, "available")};
}

ManagedAggregate aggregate_from(const Json& record) {
  const Json& space = at(record, "space");
  return {.cluster = get_string(at(record, "cluster"), "name"),
          .name = get_string(record, "name"),
          .state = get_string(record, "state"),
          .size = bytes(at(space, "block_storage"), "size"),
          .used = bytes(at(space, "block_storage"), "used"),
          .logical_used = bytes(at(space, "efficiency"), "logical_used"),
          .savings = bytes(at(space, "efficiency"), "savings")};
}

ManagedSvm svm_from(const Json& record) {
  return {.cluster = get_string(at(record, "cluster"), "name"),
          .name = get_string(record, "name"),
          .state = get_string(record, "state")};
}

ManagedVolume volume_from(const Json& record) {
  return {.cluster = get_string(at(record, "cluster"), "name"),
          .svm = get_string(at(record, "svm"), "name"),
          .name = get_string(record, "name"),
          .uuid = get_string(record, "uuid"),
          .state = get_string(record, "state"),
          .size = bytes(at(record, "space"), "size"),
          .used = bytes(at(record, "space"), "used"),
          .is_replicated = get_bool(at(record, "snapmirror"), "is_protected")};
}

template <class T>
Co<Status> fill(std::shared_ptr<System> manager, std::string path, T (*read)(const Json&),
                std::vector<T>* into) {
  HF_CO_TRY(const JsonArray records,
            co_await manager->root().list("/datacenter" + path, {},
                                          "read the inventory of Unified Manager"));
  into->reserve(records.size());
  for (const Json& record : records) {
    into->push_back(read(record));
  }
  co_return Status();
}

}  // namespace

Co<Result<ManagerInventory>> take_manager_capacity(std::shared_ptr<System> manager) {
  if (manager->endpoint().kind != SystemKind::kUnifiedManager) {
    co_return Error(Code::kFailedPrecondition, "only Unified Manager has an inventory of its own");
  }
  ManagerInventory found;
  HF_CO_TRY_VOID(co_await fill(manager, "/cluster/clusters", cluster_from, &found.clusters));
  HF_CO_TRY_VOID(co_await fill(manager, "/storage/aggregates", aggregate_from, &found.aggregates));
  co_return found;
}

Co<Result<ManagerInventory>> take_manager_inventory(std::shared_ptr<System> manager) {
  HF_CO_TRY(ManagerInventory found, co_await take_manager_capacity(manager));
  HF_CO_TRY_VOID(co_await fill(manager, "/svm/svms", svm_from, &found.svms));
  HF_CO_TRY_VOID(co_await fill(manager, "/storage/volumes", volume_from, &found.volumes));
  co_return found;
}

Co<Result<Usage>> managed_volume_usage(std::shared_ptr<System> manager, std::string cluster_uuid,
                                       std::string volume_uuid, std::string interval) {
  const std::string key = cluster_uuid + ":type=volume,uuid=" + volume_uuid;
  HF_CO_TRY(const Json found,
            co_await manager->root().get(
                "/datacenter/storage/volumes/" + net::url_encode(key) + "/metrics",
                {{"interval", std::move(interval)}}, "read how the volume is used"));
  const Json& summary = at(found, "summary");
  const auto mean = [&summary](std::string_view of, std::string_view kind) {
    return get_double(at(at(summary, of), kind), "avg");
  };
  co_return Usage{.read_iops = mean("iops", "read"),
                  .write_iops = mean("iops", "write"),
                  .read_bytes_per_second = mean("throughput", "read"),
                  .write_bytes_per_second = mean("throughput", "write"),
                  .latency_microseconds = mean("latency", "total") * kMicroseconds,
                  .samples = static_cast<int>(get_int(found, "num_samples")),
                  .incomplete = 0};
}

Co<Result<std::vector<ManagedLoad>>> aggregate_loads(std::shared_ptr<System> manager) {
  HF_CO_TRY(const JsonArray records,
            co_await manager->root().list("/datacenter/storage/aggregates/analytics", {},
                                          "read how busy the aggregates are"));
  std::vector<ManagedLoad> loads;
  for (const Json& record : records) {
    loads.push_back({.cluster = get_string(at(record, "cluster"), "name"),
                     .name = get_string(at(record, "aggregate"), "name"),
                     .iops = get_double(record, "iops"),
                     .throughput = get_double(record, "throughput"),
                     .latency_microseconds = get_double(record, "latency") * kMicroseconds,
                     .hours = get_int(record, "period")});
  }
  co_return loads;
}

Json to_json(const ManagedLoad& load) {
  return JsonObject{{"iops", load.iops},
                    {"bytes_per_second", load.throughput},
                    {"latency_microseconds", load.latency_microseconds},
                    {"hours", load.hours}};
}

Json to_json(const ManagedCluster& cluster) {
  return JsonObject{{"total", cluster.total},
                    {"used", cluster.used},
                    {"available", cluster.available},
                    {"version", cluster.version}};
}

}  // namespace holdfast::storage::ontap
