// Events of the Unified Manager: raised where a condition holds, obsolete where it no longer does.
#pragma once

#include "simulators/ontap/model/world.h"

namespace holdfast::ontap_sim {

// Looks at every cluster and brings the events up to date. Under the lock.
void refresh_events(World& world);
// Whether the manager polls this cluster: every cluster, unless its data source was removed.
bool um_knows(World& world, const Cluster& cluster);

}  // namespace holdfast::ontap_sim
