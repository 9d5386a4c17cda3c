#include "domain/inventory/systems.h"

#include <fmt/core.h>

#include <set>

namespace holdfast::inventory {
namespace {

constexpr std::string_view kSchema = R"sql(
CREATE TABLE storage_systems(
  id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, type TEXT NOT NULL, document TEXT NOT NULL,
  created_at INTEGER NOT NULL) STRICT;
)sql";
// What watching them has found.
constexpr std::string_view kWatched = R"sql(
ALTER TABLE storage_systems ADD COLUMN asked_at INTEGER;
ALTER TABLE storage_systems ADD COLUMN problem TEXT NOT NULL DEFAULT '';
CREATE TABLE storage_events(
  id TEXT NOT NULL, system TEXT NOT NULL, cluster TEXT NOT NULL, name TEXT NOT NULL,
  severity TEXT NOT NULL, message TEXT NOT NULL, resource TEXT NOT NULL, time INTEGER,
  closed_at INTEGER, PRIMARY KEY(system, id)) STRICT;
)sql";
constexpr std::string_view kCapacity = R"sql(
CREATE TABLE storage_capacity(
  system TEXT NOT NULL, cluster TEXT NOT NULL, name TEXT NOT NULL, size INTEGER NOT NULL,
  used INTEGER NOT NULL, logical_used INTEGER NOT NULL, savings INTEGER NOT NULL,
  PRIMARY KEY(system, cluster, name)) STRICT;
)sql";
constexpr std::string_view kColumns = "id, name, type, document, created_at, asked_at, problem";

Result<StoredSystem> system_from(const db::Row& row) {
  StoredSystem system;
  system.id = row.text(0);
  system.name = row.text(1);
  system.type = row.text(2);
  HF_TRY(system.document, parse_json(row.text(3)));
  system.created_at = row.time(4);
  system.asked_at = row.optional_time(5);
  system.problem = row.text(6);
  return system;
}

}  // namespace

db::Migrations system_migrations() {
  return {{"storage_systems", 1, std::string(kSchema)},
          {"storage_systems", 2, std::string(kWatched)},
          {"storage_systems", 3, std::string(kCapacity)}};
}

Status put_system(db::Connection& sql, const StoredSystem& system) {
  return status_of(
      sql.exec("INSERT INTO storage_systems(id, name, type, document, created_at) VALUES "
               "(?1,?2,?3,?4,?5) ON CONFLICT(id) DO UPDATE SET name=excluded.name, "
               "type=excluded.type, document=excluded.document",
               system.id, system.name, system.type, to_text(system.document), system.created_at));
}

Result<StoredSystem> find_system(db::Connection& sql, const std::string& id_or_name) {
  HF_TRY(const auto row,
         sql.one(fmt::format("SELECT {} FROM storage_systems WHERE id = ?1 OR name = ?1", kColumns),
                 id_or_name));
  if (!row) {
    return Error(
        Code::kNotFound,
        fmt::format("there is no storage system '{}': see 'holdfast system list'", id_or_name));
  }
  return system_from(*row);
}

Result<std::vector<StoredSystem>> list_systems(db::Connection& sql) {
  HF_TRY(const auto rows,
         sql.all(fmt::format("SELECT {} FROM storage_systems ORDER BY name", kColumns)));
  std::vector<StoredSystem> systems;
  for (const db::Row& row : rows) {
    HF_TRY(StoredSystem system, system_from(row));
    systems.push_back(std::move(system));
  }
  return systems;
}

Status remove_system(db::Connection& sql, const std::string& id) {
  HF_TRY_VOID(sql.exec(
      "DELETE FROM storage_events WHERE system IN (SELECT name FROM storage_systems WHERE id = ?1)",
      id));
  HF_TRY_VOID(
      sql.exec("DELETE FROM storage_capacity WHERE system IN (SELECT name FROM storage_systems "
               "WHERE id = ?1)",
               id));
  return status_of(sql.exec("DELETE FROM storage_systems WHERE id = ?1", id));
}

Result<std::vector<SystemEvent>> note_look(db::Connection& sql, const std::string& system,
                                           const std::string& problem,
                                           const std::vector<SystemEvent>& open, UtcTime now,
                                           UtcTime forget) {
  HF_TRY_VOID(sql.exec("UPDATE storage_systems SET asked_at = ?2, problem = ?3 WHERE name = ?1",
                       system, now, problem));
  std::vector<SystemEvent> fresh;
  if (!problem.empty()) {
    return fresh;  // nothing is known about its events
  }
  HF_TRY(const auto rows,
         sql.all("SELECT id FROM storage_events WHERE system = ?1 AND closed_at IS NULL", system));
  std::set<std::string> known;
  for (const db::Row& row : rows) {
    known.insert(row.text(0));
  }
  for (const SystemEvent& event : open) {
    if (known.erase(event.id) > 0) {
      continue;
    }
    HF_TRY_VOID(sql.exec(
        "INSERT INTO storage_events(id, system, cluster, name, severity, message, resource, "
        "time) VALUES (?1,?2,?3,?4,?5,?6,?7,?8) ON CONFLICT(system, id) DO UPDATE SET "
        "closed_at = NULL",
        event.id, system, event.cluster, event.name, event.severity, event.text, event.resource,
        event.time));
    fresh.push_back(event);
  }
  for (const std::string& gone : known) {
    HF_TRY_VOID(sql.exec("UPDATE storage_events SET closed_at = ?3 WHERE system = ?1 AND id = ?2",
                         system, gone, now));
  }
  HF_TRY_VOID(sql.exec("DELETE FROM storage_events WHERE closed_at < ?1", forget));
  return fresh;
}

Status note_capacity(db::Connection& sql, const std::string& system,
                     const std::vector<AggregateSpace>& aggregates) {
  HF_TRY_VOID(sql.exec("DELETE FROM storage_capacity WHERE system = ?1", system));
  for (const AggregateSpace& one : aggregates) {
    HF_TRY_VOID(
        sql.exec("INSERT INTO storage_capacity(system, cluster, name, size, used, logical_used, "
                 "savings) VALUES (?1,?2,?3,?4,?5,?6,?7)",
                 system, one.cluster, one.name, one.size, one.used, one.logical_used, one.savings));
  }
  return {};
}

Result<std::vector<AggregateSpace>> list_capacity(db::Connection& sql) {
  HF_TRY(const auto rows,
         sql.all("SELECT system, cluster, name, size, used, logical_used, savings FROM "
                 "storage_capacity ORDER BY system, cluster, name"));
  std::vector<AggregateSpace> aggregates;
  for (const db::Row& row : rows) {
    aggregates.push_back({row.text(0), row.text(1), row.text(2), row.integer(3), row.integer(4),
                          row.integer(5), row.integer(6)});
  }
  return aggregates;
}

Result<std::vector<SystemEvent>> open_system_events(db::Connection& sql) {
  HF_TRY(const auto rows,
         sql.all("SELECT id, system, cluster, name, severity, message, resource, time FROM "
                 "storage_events WHERE closed_at IS NULL ORDER BY system, time, id"));
  std::vector<SystemEvent> events;
  for (const db::Row& row : rows) {
    events.push_back({row.text(0), row.text(1), row.text(2), row.text(3), row.text(4), row.text(5),
                      row.text(6), row.optional_time(7)});
  }
  return events;
}

}  // namespace holdfast::inventory
