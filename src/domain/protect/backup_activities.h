// Control activities of scheduled_backup: they read and write the state database (queue `control`).
#pragma once

#include <string>

#include "domain/protect/server_context.h"
#include "flow/activity.h"

namespace holdfast::protect {

// Registers protect.begin_backup, protect.record_point, protect.plan_retention,
// protect.copies_expired and protect.finish_run. `context` outlives the registry.
void register_backup_activities(flow::ActivityRegistry& registry, const ServerContext& context);

// The method that makes a copy of `level` for a driver: a btrfs volume's local snapshot is a
// subvolume snapshot, everything else is an engine backup.
std::string method_of(const std::string& driver, const std::string& level, bool has_destination);
// The id of a point's copy: the same whenever it is computed, so that recording twice is harmless.
// `place` tells copies of one level apart: a repository, or short for where a storage system has
// it.
std::string copy_id_of(const std::string& point_id, const std::string& level,
                       const std::string& place);

}  // namespace holdfast::protect
