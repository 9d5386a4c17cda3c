// SQL of the catalog. Columns are read in the order of the k...Columns constants, by the row
// functions right below them.
#include "domain/inventory/catalog.h"

#include <fmt/core.h>

namespace holdfast::inventory {
namespace {

constexpr std::string_view kSchema = R"sql(
CREATE TABLE resources(
  id TEXT PRIMARY KEY, name TEXT NOT NULL, path TEXT NOT NULL, driver TEXT NOT NULL,
  policy TEXT NOT NULL, labels TEXT NOT NULL, quiesce_command TEXT NOT NULL,
  release_command TEXT NOT NULL, probe_command TEXT NOT NULL, consistency_group TEXT NOT NULL,
  created_at INTEGER NOT NULL, removed_at INTEGER) STRICT;
CREATE UNIQUE INDEX resources_by_name ON resources(name) WHERE removed_at IS NULL;
CREATE TABLE repositories(
  id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, location TEXT NOT NULL, group_name TEXT NOT NULL,
  replica_of TEXT NOT NULL, password_file TEXT NOT NULL, same_disk_as TEXT NOT NULL,
  created_at INTEGER NOT NULL) STRICT;
CREATE TABLE points(
  id TEXT PRIMARY KEY, resource_id TEXT NOT NULL, resource_name TEXT NOT NULL, time INTEGER NOT NULL,
  consistency TEXT NOT NULL, manual INTEGER NOT NULL, partial INTEGER NOT NULL,
  schedules TEXT NOT NULL, timezone TEXT NOT NULL, files INTEGER NOT NULL, bytes INTEGER NOT NULL,
  run_id TEXT NOT NULL) STRICT;
CREATE INDEX points_by_resource ON points(resource_id, time, id);
CREATE INDEX points_by_time ON points(time, id);
CREATE TABLE copies(
  id TEXT PRIMARY KEY, point_id TEXT NOT NULL REFERENCES points(id), level TEXT NOT NULL,
  method TEXT NOT NULL, repository TEXT NOT NULL, location TEXT NOT NULL, snapshot_id TEXT NOT NULL,
  state TEXT NOT NULL, added_bytes INTEGER NOT NULL) STRICT;
CREATE INDEX copies_by_point ON copies(point_id);
CREATE TABLE proofs(
  id INTEGER PRIMARY KEY, copy_id TEXT NOT NULL REFERENCES copies(id), level INTEGER NOT NULL,
  at INTEGER NOT NULL, run_id TEXT NOT NULL, detail TEXT NOT NULL,
  UNIQUE(copy_id, run_id, level)) STRICT;
CREATE INDEX proofs_by_copy ON proofs(copy_id, level, at);
)sql";

// Which agent reads a resource; empty: the server itself.
constexpr std::string_view kAgents =
    "ALTER TABLE resources ADD COLUMN agent TEXT NOT NULL DEFAULT '';";

std::string labels_text(const std::map<std::string, std::string>& labels) {
  JsonObject object;
  for (const auto& [name, value] : labels) {
    object[name] = value;
  }
  return to_text(object);
}

std::map<std::string, std::string> labels_from(const std::string& text) {
  std::map<std::string, std::string> labels;
  if (const auto value = parse_json(text); value && value->is_object()) {
    for (const auto& field : value->get_object()) {
      labels[field.key()] = get_string(*value, field.key());
    }
  }
  return labels;
}

std::string schedules_text(const std::vector<ScheduleLabel>& schedules) {
  JsonArray list;
  for (const ScheduleLabel& schedule : schedules) {
    list.push_back(JsonObject{{"label", schedule.label}, {"retention", schedule.retention}});
  }
  return to_text(list);
}

std::vector<ScheduleLabel> schedules_from(const std::string& text) {
  std::vector<ScheduleLabel> schedules;
  if (const auto value = parse_json(text); value && value->is_array()) {
    for (const Json& item : value->get_array()) {
      schedules.push_back({get_string(item, "label"), get_string(item, "retention")});
    }
  }
  return schedules;
}

constexpr std::string_view kResourceColumns =
    "id, name, path, driver, policy, labels, quiesce_command, release_command, probe_command, "
    "consistency_group, created_at, agent";

Resource resource_from(const db::Row& row) {
  Resource resource;
  resource.id = ResourceId(row.text(0));
  resource.name = row.text(1);
  resource.path = row.text(2);
  resource.driver = row.text(3);
  resource.policy = row.text(4);
  resource.labels = labels_from(row.text(5));
  resource.quiesce_command = row.text(6);
  resource.release_command = row.text(7);
  resource.probe_command = row.text(8);
  resource.consistency_group = row.text(9);
  resource.created_at = row.time(10);
  resource.agent = row.text(11);
  return resource;
}

constexpr std::string_view kRepositoryColumns =
    "id, name, location, group_name, replica_of, password_file, same_disk_as, created_at";

Repository repository_from(const db::Row& row) {
  Repository repository;
  repository.id = RepositoryId(row.text(0));
  repository.name = row.text(1);
  repository.location = row.text(2);
  repository.group = row.text(3);
  repository.replica_of = row.text(4);
  repository.password_file = row.text(5);
  repository.same_disk_as = row.text(6);
  repository.created_at = row.time(7);
  return repository;
}

constexpr std::string_view kPointColumns =
    "id, resource_id, resource_name, time, consistency, manual, partial, schedules, timezone, "
    "files, "
    "bytes, run_id";

Point point_from(const db::Row& row) {
  Point point;
  point.id = PointId(row.text(0));
  point.resource = ResourceId(row.text(1));
  point.resource_name = row.text(2);
  point.time = row.time(3);
  point.consistency = row.text(4);
  point.manual = row.boolean(5);
  point.partial = row.boolean(6);
  point.schedules = schedules_from(row.text(7));
  point.timezone = row.text(8);
  point.files = static_cast<std::uint64_t>(row.integer(9));
  point.bytes = static_cast<std::uint64_t>(row.integer(10));
  point.run_id = row.text(11);
  return point;
}

// Reads the copies of a point, each with its best proof.
Result<std::vector<Copy>> copies_of(db::Connection& sql, const PointId& point) {
  HF_TRY(
      const auto rows,
      sql.all("SELECT c.id, c.level, c.method, c.repository, c.location, c.snapshot_id, c.state, "
              "c.added_bytes, p.level, p.at, p.run_id, p.detail FROM copies c LEFT JOIN proofs p "
              "ON p.id = (SELECT q.id FROM proofs q WHERE q.copy_id = c.id ORDER BY q.level DESC, "
              "q.at DESC LIMIT 1) WHERE c.point_id = ?1 ORDER BY c.level DESC, c.id",
              point.text()));
  std::vector<Copy> copies;
  for (const db::Row& row : rows) {
    Copy copy;
    copy.id = CopyId(row.text(0));
    copy.level = row.text(1);
    copy.method = row.text(2);
    copy.repository = row.text(3);
    copy.location = row.text(4);
    copy.snapshot_id = row.text(5);
    copy.state = row.text(6);
    copy.added_bytes = static_cast<std::uint64_t>(row.integer(7));
    if (!row.is_null(8)) {
      copy.proof = {static_cast<ProofLevel>(row.integer(8)), row.time(9), row.text(10),
                    row.text(11)};
    }
    copies.push_back(std::move(copy));
  }
  return copies;
}

Error not_found(std::string_view kind, const std::string& name, std::string_view list_command) {
  return Error(Code::kNotFound,
               fmt::format("there is no {} '{}': see 'holdfast {}'", kind, name, list_command));
}

}  // namespace

db::Migrations migrations() {
  return {{"inventory", 1, std::string(kSchema)}, {"inventory", 2, std::string(kAgents)}};
}

Status put_resource(db::Connection& sql, const Resource& resource) {
  HF_TRY_VOID(sql.exec(
      "INSERT INTO resources(id, name, path, driver, policy, labels, quiesce_command, "
      "release_command, probe_command, consistency_group, created_at, agent) VALUES "
      "(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12) ON CONFLICT(id) DO UPDATE SET name=excluded.name, "
      "path=excluded.path, driver=excluded.driver, policy=excluded.policy, labels=excluded.labels, "
      "quiesce_command=excluded.quiesce_command, release_command=excluded.release_command, "
      "probe_command=excluded.probe_command, consistency_group=excluded.consistency_group, "
      "agent=excluded.agent",
      resource.id.text(), resource.name, resource.path, resource.driver, resource.policy,
      labels_text(resource.labels), resource.quiesce_command, resource.release_command,
      resource.probe_command, resource.consistency_group, resource.created_at, resource.agent));
  return {};
}

Result<Resource> find_resource(db::Connection& sql, const std::string& id_or_name) {
  HF_TRY(const auto row,
         sql.one(fmt::format("SELECT {} FROM resources WHERE (id = ?1 OR name = ?1) "
                             "AND removed_at IS NULL",
                             kResourceColumns),
                 id_or_name));
  if (!row) {
    return not_found("resource", id_or_name, "resource list");
  }
  return resource_from(*row);
}

Result<std::vector<Resource>> list_resources(db::Connection& sql) {
  HF_TRY(const auto rows,
         sql.all(fmt::format("SELECT {} FROM resources WHERE removed_at IS NULL ORDER BY name",
                             kResourceColumns)));
  std::vector<Resource> resources;
  for (const db::Row& row : rows) {
    resources.push_back(resource_from(row));
  }
  return resources;
}

Status remove_resource(db::Connection& sql, const ResourceId& id, UtcTime now) {
  HF_TRY_VOID(sql.exec("UPDATE resources SET removed_at = ?2 WHERE id = ?1", id.text(), now));
  return {};
}

Status put_repository(db::Connection& sql, const Repository& repository) {
  HF_TRY_VOID(sql.exec(
      "INSERT INTO repositories(id, name, location, group_name, replica_of, password_file, "
      "same_disk_as, created_at) VALUES (?1,?2,?3,?4,?5,?6,?7,?8) ON CONFLICT(id) DO UPDATE SET "
      "name=excluded.name, location=excluded.location, group_name=excluded.group_name, "
      "replica_of=excluded.replica_of, password_file=excluded.password_file, "
      "same_disk_as=excluded.same_disk_as",
      repository.id.text(), repository.name, repository.location, repository.group,
      repository.replica_of, repository.password_file, repository.same_disk_as,
      repository.created_at));
  return {};
}

Result<Repository> find_repository(db::Connection& sql, const std::string& id_or_name) {
  HF_TRY(const auto row,
         sql.one(fmt::format("SELECT {} FROM repositories WHERE id = ?1 OR name = ?1",
                             kRepositoryColumns),
                 id_or_name));
  if (!row) {
    return not_found("repository", id_or_name, "repository list");
  }
  return repository_from(*row);
}

Result<std::vector<Repository>> list_repositories(db::Connection& sql) {
  HF_TRY(const auto rows,
         sql.all(fmt::format("SELECT {} FROM repositories ORDER BY created_at, name",
                             kRepositoryColumns)));
  std::vector<Repository> repositories;
  for (const db::Row& row : rows) {
    repositories.push_back(repository_from(row));
  }
  return repositories;
}

Result<Stored> stored_in(db::Connection& sql, const std::string& repository) {
  HF_TRY(const auto rows,
         sql.all("SELECT COUNT(DISTINCT snapshot_id), COALESCE(SUM(added_bytes), 0) FROM copies "
                 "WHERE repository = ?1 AND state = 'available'",
                 repository));
  return Stored{rows.front().integer(0), rows.front().integer(1)};
}

Status put_point(db::Connection& sql, const Point& point) {
  HF_TRY_VOID(sql.exec(
      "INSERT INTO points(id, resource_id, resource_name, time, consistency, manual, partial, "
      "schedules, timezone, files, bytes, run_id) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12) "
      "ON CONFLICT(id) DO UPDATE SET resource_name=excluded.resource_name",
      point.id.text(), point.resource.text(), point.resource_name, point.time, point.consistency,
      point.manual, point.partial, schedules_text(point.schedules), point.timezone, point.files,
      point.bytes, point.run_id));
  for (const Copy& copy : point.copies) {
    HF_TRY_VOID(sql.exec(
        "INSERT INTO copies(id, point_id, level, method, repository, location, snapshot_id, state, "
        "added_bytes) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9) ON CONFLICT(id) DO UPDATE SET "
        "location=excluded.location, snapshot_id=excluded.snapshot_id, state=excluded.state",
        copy.id.text(), point.id.text(), copy.level, copy.method, copy.repository, copy.location,
        copy.snapshot_id, copy.state, copy.added_bytes));
  }
  return {};
}

Result<Point> find_point(db::Connection& sql, const std::string& id) {
  HF_TRY(const auto row,
         sql.one(fmt::format("SELECT {} FROM points WHERE id = ?1", kPointColumns), id));
  if (!row) {
    return not_found("recovery point", id, "point list");
  }
  Point point = point_from(*row);
  HF_TRY(point.copies, copies_of(sql, point.id));
  return point;
}

Result<std::vector<Point>> list_points(db::Connection& sql, const PointQuery& query) {
  const std::string resource = query.resource ? query.resource->text() : "";
  const std::string where =
      "(?1 = '' OR resource_id = ?1) AND time <= ?2 AND (?3 = '' OR (time, id) < (SELECT time, id "
      "FROM "
      "points WHERE id = ?3))";
  HF_TRY(
      const auto rows,
      sql.all(fmt::format("SELECT {} FROM points WHERE {} ORDER BY time DESC, id DESC LIMIT ?4",
                          kPointColumns, where),
              resource, query.at_or_before.value_or(UtcTime::max()), query.after_id, query.limit));
  std::vector<Point> points;
  for (const db::Row& row : rows) {
    Point point = point_from(row);
    HF_TRY(point.copies, copies_of(sql, point.id));
    points.push_back(std::move(point));
  }
  return points;
}

Result<std::string> newest_snapshot(db::Connection& sql, const ResourceId& resource,
                                    const std::string& repository) {
  HF_TRY(const auto row,
         sql.one("SELECT c.snapshot_id FROM points p JOIN copies c ON c.point_id = p.id WHERE "
                 "p.resource_id = ?1 AND c.repository = ?2 AND c.method = 'restic' AND "
                 "c.state = 'available' ORDER BY p.time DESC, p.id DESC LIMIT 1",
                 resource.text(), repository));
  return row ? row->text(0) : std::string();
}

Status lose_snapshot(db::Connection& sql, const ResourceId& resource, const std::string& snapshot) {
  HF_TRY_VOID(
      sql.exec("UPDATE copies SET state = 'missing' WHERE snapshot_id = ?1 AND state = 'available' "
               "AND method LIKE '%_snapshot' AND point_id IN (SELECT id FROM points WHERE "
               "resource_id = ?2)",
               snapshot, resource.text()));
  return {};
}

Status set_copy_state(db::Connection& sql, const CopyId& copy, const std::string& state) {
  HF_TRY_VOID(sql.exec("UPDATE copies SET state = ?2 WHERE id = ?1", copy.text(), state));
  return {};
}

Status add_proof(db::Connection& sql, const CopyId& copy, const Proof& proof) {
  HF_TRY_VOID(
      sql.exec("INSERT INTO proofs(copy_id, level, at, run_id, detail) VALUES (?1,?2,?3,?4,?5) "
               "ON CONFLICT(copy_id, run_id, level) DO NOTHING",
               copy.text(), static_cast<int>(proof.level), proof.at, proof.run_id, proof.detail));
  return {};
}

Result<std::vector<ProofRecord>> newest_proofs(db::Connection& sql, const ResourceId& resource,
                                               ProofLevel level) {
  HF_TRY(
      const auto rows,
      sql.all(
          "SELECT c.level, c.method, f.level, f.at, f.run_id, f.detail FROM proofs f JOIN copies "
          "c ON c.id = f.copy_id WHERE f.id IN (SELECT MAX(g.id) FROM proofs g JOIN copies d ON "
          "d.id = g.copy_id JOIN points p ON p.id = d.point_id WHERE p.resource_id = ?1 AND "
          "g.level >= ?2 GROUP BY d.level, d.method)",
          resource.text(), static_cast<int>(level)));
  std::vector<ProofRecord> records;
  for (const db::Row& row : rows) {
    records.push_back(
        {row.text(0),
         row.text(1),
         {static_cast<ProofLevel>(row.integer(2)), row.time(3), row.text(4), row.text(5)}});
  }
  return records;
}

}  // namespace holdfast::inventory
