// How volumes and consistency groups are used: means over the samples that a cluster keeps.
#pragma once

#include <string>

#include "drivers/storage/ontap/systems.h"

namespace holdfast::storage::ontap {

// Means over the interval. A sample that a node was missing from counts as incomplete and not into
// the means.
struct Usage {
  double read_iops = 0;
  double write_iops = 0;
  double read_bytes_per_second = 0;
  double write_bytes_per_second = 0;
  double latency_microseconds = 0;
  int samples = 0;
  int incomplete = 0;
};

// `interval` is 1h, 1d, 1w, 1m or 1y: one call that answers 240, 288, 336, 360 or 365 samples.
async::Co<Result<Usage>> volume_usage(ClusterPtr cluster, std::string uuid, std::string interval);
async::Co<Result<Usage>> group_usage(ClusterPtr cluster, std::string uuid, std::string interval);
Json to_json(const Usage& usage);

}  // namespace holdfast::storage::ontap
