// The catalog in the state database: functions on a connection, so that several compose in one
// transaction (with the audit row of the change).
//
// Every write is an upsert by id: repeating it changes nothing. Lists page by key: pass the last id
// of the previous page. Errors: kNotFound names what was looked for; others are the database's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/db/database.h"
#include "domain/inventory/model.h"

namespace holdfast::inventory {

db::Migrations migrations();

// Resources. A removed resource keeps its points; its name is free again.
Status put_resource(db::Connection& sql, const Resource& resource);
Result<Resource> find_resource(db::Connection& sql, const std::string& id_or_name);
Result<std::vector<Resource>> list_resources(db::Connection& sql);
Status remove_resource(db::Connection& sql, const ResourceId& id, UtcTime now);

// Repositories.
Status put_repository(db::Connection& sql, const Repository& repository);
Result<Repository> find_repository(db::Connection& sql, const std::string& id_or_name);
Result<std::vector<Repository>> list_repositories(db::Connection& sql);

// What the catalog knows to lie in a repository: the snapshots of its available copies, and what
// was stored for them when they were made. Chunks that others wrote are not counted.
struct Stored {
  std::int64_t snapshots = 0;
  std::int64_t bytes = 0;
};
Result<Stored> stored_in(db::Connection& sql, const std::string& repository);

// Points with their copies. put_point also writes point.copies; copies that are not in the list
// stay.
Status put_point(db::Connection& sql, const Point& point);
Result<Point> find_point(db::Connection& sql, const std::string& id);

struct PointQuery {
  std::optional<ResourceId> resource;
  std::optional<UtcTime> at_or_before;  // of the consistency time
  std::string after_id;                 // keyset: the last id of the previous page
  int limit = 100;
};
// Newest consistency time first.
Result<std::vector<Point>> list_points(db::Connection& sql, const PointQuery& query);

// The snapshot id of the newest available copy of this resource in a repository: the parent that
// makes the next backup incremental. Empty when there is none.
Result<std::string> newest_snapshot(db::Connection& sql, const ResourceId& resource,
                                    const std::string& repository);

// The resource's copies in this storage snapshot are missing: the snapshot is gone.
Status lose_snapshot(db::Connection& sql, const ResourceId& resource, const std::string& snapshot);
Status set_copy_state(db::Connection& sql, const CopyId& copy, const std::string& state);

// Proofs are appended; a copy's proof is its best one, the newest among equals.
Status add_proof(db::Connection& sql, const CopyId& copy, const Proof& proof);
// The newest proof per copy level and method of a resource, at or above `level`.
Result<std::vector<ProofRecord>> newest_proofs(db::Connection& sql, const ResourceId& resource,
                                               ProofLevel level);

}  // namespace holdfast::inventory
