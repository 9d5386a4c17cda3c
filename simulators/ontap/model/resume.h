// What a start does with what the last run left behind.
#pragma once

#include "simulators/ontap/model/world.h"

namespace holdfast::ontap_sim {

// Under the lock: jobs and transfers that were under way have failed, what they reserved is gone,
// half-made folders are removed.
void resume(World& world, Cluster& cluster);

}  // namespace holdfast::ontap_sim
