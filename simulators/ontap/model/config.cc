#include "simulators/ontap/model/config.h"

namespace holdfast::ontap_sim {

Config default_config() {
  Config config;
  constexpr std::int64_t kSize = std::int64_t{10} << 30;
  for (const auto& [cluster, svm, first, second] :
       {std::array{"cluster1", "svm1", "data1", "data2"},
        {"cluster2", "svm2", "archive1", "archive2"}}) {
    ClusterConfig one;
    one.name = cluster;
    one.svms.push_back({svm, {{first, kSize, ""}, {second, kSize, ""}}});
    config.clusters.push_back(std::move(one));
  }
  return config;
}

}  // namespace holdfast::ontap_sim
