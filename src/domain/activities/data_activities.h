// Registers the activities of queue `data`. They may run in the server or in an agent.
#pragma once

#include "domain/activities/data_context.h"
#include "flow/activity.h"

namespace holdfast::activities {

// engine.backup, engine.copy, engine.verify, engine.forget, engine.list_points. `context` outlives
// the registry.
void register_engine_activities(flow::ActivityRegistry& registry, const DataContext& context);
// engine.plan_restore, engine.restore, engine.compare_restored.
void register_restore_activities(flow::ActivityRegistry& registry, const DataContext& context);
// storage.check_space, storage.verify_connectivity, storage.replica_state,
// storage.delete_snapshots, storage.list_snapshots, and storage.snapshot.
void register_storage_activities(flow::ActivityRegistry& registry, const DataContext& context);
void register_snapshot_activity(flow::ActivityRegistry& registry, const DataContext& context);
// storage.replicate, storage.delete_copies, storage.fetch_copy, storage.drop_fetched.
void register_replication_activities(flow::ActivityRegistry& registry, const DataContext& context);
// storage.choose_means, storage.restore, storage.drop_clone.
void register_native_activities(flow::ActivityRegistry& registry, const DataContext& context);
// proof.run.
void register_proof_activities(flow::ActivityRegistry& registry, const DataContext& context);

}  // namespace holdfast::activities
