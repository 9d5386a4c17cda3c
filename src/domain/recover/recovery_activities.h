// Control activities of data_recovery and recovery_proof (queue `control`).
#pragma once

#include "domain/protect/server_context.h"
#include "flow/activity.h"

namespace holdfast::recover {

// Registers recover.begin, recover.request_approval, recover.end_approval,
// recover.write_manifest, recover.begin_proof and recover.record_proof. `context` outlives the
// registry.
void register_recovery_activities(flow::ActivityRegistry& registry,
                                  const protect::ServerContext& context);

}  // namespace holdfast::recover
