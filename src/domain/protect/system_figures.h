// What a storage system measures of itself, taken at each look: for status reports and metrics, and
// what in it deserves an alert.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/async/co.h"
#include "core/base/json.h"
#include "core/base/result.h"
#include "domain/inventory/systems.h"
#include "drivers/storage/ontap/inventory.h"

namespace holdfast::protect {

// {"clusters": [...]}, each with its name, uuid, version, svms (names), volumes (how many),
// aggregates (space in bytes) and relationships (healthy and not, the largest lag in seconds).
Json figures_of(const std::vector<storage::ontap::ClusterInventory>& clusters);

// Volumes that the cluster believes to be attacked; and, where no Unified Manager watches over
// them (`unwatched`), relationships that are not healthy and aggregates that are 95 % full.
std::vector<inventory::SystemEvent> alarms_of(const storage::ontap::ClusterInventory& cluster,
                                              bool unwatched);

// Sets the gauges of a system: of what it answered at its last look, or that it did not.
void publish(const inventory::SystemLook& look);
// Takes them away.
void unpublish(const std::string& system);

// The part of a status report that is about storage: of one cluster (by name or uuid), or of all of
// the system's.
Json storage_section(const inventory::StoredSystem& system, const std::string& cluster,
                     const std::vector<inventory::SystemEvent>& open);

}  // namespace holdfast::protect
