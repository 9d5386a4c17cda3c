// What a new simulator holds: the clusters of its configuration, with nodes, aggregates, SVMs,
// volumes, the policies and schedules that are built in, and peering.
#pragma once

#include "simulators/ontap/model/world.h"

namespace holdfast::ontap_sim {

// Under the lock; clusters that exist stay as they are.
Status seed(World& world);
// An SVM of its own, without volumes.
JsonObject& add_svm(World& world, Cluster& cluster, const std::string& name);

}  // namespace holdfast::ontap_sim
