#include "domain/protect/ledger.h"

#include <fmt/core.h>

namespace holdfast::protect {
namespace {

constexpr std::string_view kSchema = R"sql(
CREATE TABLE expected_runs(
  id TEXT PRIMARY KEY, resource_id TEXT NOT NULL, resource_name TEXT NOT NULL, policy TEXT NOT NULL,
  label TEXT NOT NULL, due_at INTEGER NOT NULL, timezone TEXT NOT NULL, status TEXT NOT NULL,
  detail TEXT NOT NULL, started_at INTEGER, ended_at INTEGER,
  UNIQUE(resource_id, label, due_at)) STRICT;
CREATE INDEX expected_runs_by_due ON expected_runs(due_at, id);
CREATE INDEX expected_runs_by_status ON expected_runs(status, due_at);
)sql";

constexpr std::string_view kColumns =
    "id, resource_id, resource_name, policy, label, due_at, timezone, status, detail, started_at, "
    "ended_at";

ExpectedRun run_from(const db::Row& row) {
  ExpectedRun run;
  run.id = row.text(0);
  run.resource_id = row.text(1);
  run.resource_name = row.text(2);
  run.policy = row.text(3);
  run.label = row.text(4);
  run.due_at = row.time(5);
  run.timezone = row.text(6);
  run.status = row.text(7);
  run.detail = row.text(8);
  run.started_at = row.optional_time(9);
  run.ended_at = row.optional_time(10);
  return run;
}

}  // namespace

db::Migrations ledger_migrations() { return {{"ledger", 1, std::string(kSchema)}}; }

Result<bool> expect_run(db::Connection& sql, const ExpectedRun& run) {
  HF_TRY(
      const std::int64_t written,
      sql.exec("INSERT INTO expected_runs(id, resource_id, resource_name, policy, label, due_at, "
               "timezone, status, detail) VALUES (?1,?2,?3,?4,?5,?6,?7,'expected','') "
               "ON CONFLICT DO NOTHING",
               run.id, run.resource_id, run.resource_name, run.policy, run.label, run.due_at,
               run.timezone));
  return written > 0;
}

Result<std::vector<ExpectedRun>> list_expected(db::Connection& sql, const LedgerQuery& query) {
  const std::string_view order = query.oldest_first ? "ASC" : "DESC";
  const std::string_view beyond = query.oldest_first ? ">" : "<";
  HF_TRY(const auto rows,
         sql.all(
             fmt::format("SELECT {} FROM expected_runs WHERE (?1 = '' OR status = ?1) AND (?2 = '' "
                         "OR resource_id = ?2 OR resource_name = ?2) AND due_at >= ?3 AND due_at < "
                         "?4 AND (?5 = '' OR (due_at, id) {} (SELECT due_at, id FROM expected_runs "
                         "WHERE id = ?5)) ORDER BY due_at {}, id {} LIMIT ?6",
                         kColumns, beyond, order, order),
             query.status, query.resource, query.since.value_or(UtcTime::min()),
             query.until.value_or(UtcTime::max()), query.after_id, query.limit));
  std::vector<ExpectedRun> runs;
  for (const db::Row& row : rows) {
    runs.push_back(run_from(row));
  }
  return runs;
}

Status mark_started(db::Connection& sql, const std::string& id, UtcTime now) {
  HF_TRY_VOID(
      sql.exec("UPDATE expected_runs SET status = 'started', started_at = ?2 WHERE id = ?1 AND "
               "status = 'expected'",
               id, now));
  return {};
}

Status mark_ended(db::Connection& sql, const std::string& id, const std::string& status,
                  const std::string& detail, UtcTime now) {
  HF_TRY_VOID(
      sql.exec("UPDATE expected_runs SET status = ?2, detail = ?3, ended_at = ?4 WHERE id = ?1 "
               "AND status IN ('expected', 'started')",
               id, status, detail, now));
  return {};
}

Status withdraw_expected(db::Connection& sql, const std::string& resource_id,
                         const std::string& label, UtcTime now) {
  HF_TRY_VOID(
      sql.exec("DELETE FROM expected_runs WHERE resource_id = ?1 AND label = ?2 AND status = "
               "'expected' AND due_at > ?3",
               resource_id, label, now));
  return {};
}

}  // namespace holdfast::protect
