// Control activities of catalog_rebuild: from snapshots and their tags back to resources and
// points.
#pragma once

#include "domain/protect/server_context.h"
#include "flow/activity.h"

namespace holdfast::protect {

// Registers protect.known_repositories, protect.adopt_snapshots, protect.known_volumes and
// protect.adopt_storage_snapshots. `context` outlives the registry.
void register_rebuild_activities(flow::ActivityRegistry& registry, const ServerContext& context);

}  // namespace holdfast::protect
