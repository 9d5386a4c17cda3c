// What Unified Manager itself knows: figures of all its clusters in four lists. It asks its
// clusters about every 15 minutes, so all of this may be that old; what is there now is asked of
// the clusters through its gateway.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "drivers/storage/ontap/systems.h"
#include "drivers/storage/ontap/usage.h"

namespace holdfast::storage::ontap {

struct ManagedCluster {
  std::string uuid;
  std::string name;
  std::string version;
  std::uint64_t total = 0;  // bytes
  std::uint64_t used = 0;
  std::uint64_t available = 0;
};

struct ManagedAggregate {
  std::string cluster;  // by name, as everything below
  std::string name;
  std::string state;
  std::uint64_t size = 0;
  std::uint64_t used = 0;
  std::uint64_t logical_used = 0;  // before savings; 0: not told
  std::uint64_t savings = 0;
};

struct ManagedSvm {
  std::string cluster;
  std::string name;
  std::string state;
};

struct ManagedVolume {
  std::string cluster;
  std::string svm;
  std::string name;
  std::string uuid;
  std::string state;
  std::uint64_t size = 0;
  std::uint64_t used = 0;
  bool is_replicated = false;  // snapmirror.is_protected
};

struct ManagerInventory {
  std::vector<ManagedCluster> clusters;
  std::vector<ManagedSvm> svms;
  std::vector<ManagedAggregate> aggregates;
  std::vector<ManagedVolume> volumes;
};

// Four lists, page after page. kFailedPrecondition: the system is no Unified Manager.
async::Co<Result<ManagerInventory>> take_manager_inventory(std::shared_ptr<System> manager);
// The clusters and their capacity alone: one list each.
async::Co<Result<ManagerInventory>> take_manager_capacity(std::shared_ptr<System> manager);

// How a volume was used, from Unified Manager's own samples; `interval` as 1d, 3d, 1w. kNotFound:
// it has not seen the volume yet.
async::Co<Result<Usage>> managed_volume_usage(std::shared_ptr<System> manager,
                                              std::string cluster_uuid, std::string volume_uuid,
                                              std::string interval);
// How busy each aggregate is, over the last days: one list.
struct ManagedLoad {
  std::string cluster;
  std::string name;
  double iops = 0;
  double throughput = 0;  // bytes a second
  double latency_microseconds = 0;
  std::int64_t hours = 0;  // that this is a mean of
};
async::Co<Result<std::vector<ManagedLoad>>> aggregate_loads(std::shared_ptr<System> manager);

Json to_json(const ManagedCluster& cluster);
Json to_json(const ManagedLoad& load);

}  // namespace holdfast::storage::ontap
