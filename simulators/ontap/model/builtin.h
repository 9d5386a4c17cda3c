// The schedules and policies that every cluster brings along.
#pragma once

#include "simulators/ontap/model/world.h"

namespace holdfast::ontap_sim {

void add_builtin_policies(World& world, Cluster& cluster);

}  // namespace holdfast::ontap_sim
