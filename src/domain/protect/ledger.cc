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

// A due time may have further rows by a backfill, so that only the schedule's own are unique.
constexpr std::string_view kWithOrigin = R"sql(
CREATE TABLE expected_runs_2(
  id TEXT PRIMARY KEY, resource_id TEXT NOT NULL, resource_name TEXT NOT NULL, policy TEXT NOT NULL,
  label TEXT NOT NULL, due_at INTEGER NOT NULL, timezone TEXT NOT NULL, status TEXT NOT NULL,
  detail TEXT NOT NULL, started_at INTEGER, ended_at INTEGER, start_at INTEGER NOT NULL,
  origin TEXT NOT NULL, batch TEXT NOT NULL, reason TEXT NOT NULL, queued_at INTEGER) STRICT;
INSERT INTO expected_runs_2 SELECT id, resource_id, resource_name, policy, label, due_at, timezone,
  status, detail, started_at, ended_at, due_at, 'schedule', '',
  CASE status WHEN 'missed' THEN 'down' WHEN 'skipped' THEN 'overlap' ELSE '' END, NULL
  FROM expected_runs;
DROP TABLE expected_runs;
ALTER TABLE expected_runs_2 RENAME TO expected_runs;
CREATE INDEX expected_runs_by_due ON expected_runs(due_at, id);
CREATE INDEX expected_runs_by_status ON expected_runs(status, due_at);
CREATE INDEX expected_runs_by_schedule ON expected_runs(resource_id, label, due_at);
CREATE UNIQUE INDEX expected_runs_once ON expected_runs(resource_id, label, due_at)
  WHERE origin = 'schedule';
CREATE TABLE schedule_states(
  resource_id TEXT NOT NULL, label TEXT NOT NULL, rule TEXT NOT NULL,
  counted_until INTEGER NOT NULL, paused_by TEXT, paused_why TEXT, paused_at INTEGER,
  PRIMARY KEY(resource_id, label)) STRICT;
)sql";

constexpr std::string_view kColumns =
    "id, resource_id, resource_name, policy, label, due_at, timezone, status, detail, started_at, "
    "ended_at, start_at, origin, batch, reason, queued_at";

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
  run.start_at = row.time(11);
  run.origin = row.text(12);
  run.batch = row.text(13);
  run.reason = row.text(14);
  run.queued_at = row.optional_time(15);
  return run;
}

}  // namespace

db::Migrations ledger_migrations() {
  return {{"ledger", 1, std::string(kSchema)}, {"ledger", 2, std::string(kWithOrigin)}};
}

Result<bool> expect_run(db::Connection& sql, const ExpectedRun& run) {
  HF_TRY(
      const std::int64_t written,
      sql.exec("INSERT INTO expected_runs(id, resource_id, resource_name, policy, label, due_at, "
               "timezone, status, detail, start_at, origin, batch, reason) VALUES "
               "(?1,?2,?3,?4,?5,?6,?7,'expected','',?8,?9,?10,'') ON CONFLICT DO NOTHING",
               run.id, run.resource_id, run.resource_name, run.policy, run.label, run.due_at,
               run.timezone, run.start_at, run.origin, run.batch));
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
                         "WHERE id = ?5)) AND (?7 = '' OR label = ?7) AND (?8 = '' OR origin = ?8) "
                         "AND (?9 = '' OR batch = ?9) ORDER BY due_at {}, id {} LIMIT ?6",
                         kColumns, beyond, order, order),
             query.status, query.resource, query.since.value_or(UtcTime::min()),
             query.until.value_or(UtcTime::max()), query.after_id, query.limit, query.label,
             query.origin, query.batch));
  std::vector<ExpectedRun> runs;
  for (const db::Row& row : rows) {
    runs.push_back(run_from(row));
  }
  return runs;
}

Result<std::optional<ExpectedRun>> find_expected(db::Connection& sql, const std::string& id) {
  HF_TRY(const auto row,
         sql.one(fmt::format("SELECT {} FROM expected_runs WHERE id = ?1", kColumns), id));
  return row ? std::optional(run_from(*row)) : std::nullopt;
}

Result<bool> claim_start(db::Connection& sql, const ExpectedRun& run, UtcTime now) {
  HF_TRY(const std::int64_t claimed,
         sql.exec("UPDATE expected_runs SET status = 'started', detail = '', started_at = ?3 WHERE "
                  "id = ?1 AND "
                  "status = 'expected' AND NOT EXISTS (SELECT 1 FROM expected_runs other WHERE "
                  "other.status = 'started' AND other.resource_id = ?2)",
                  run.id, run.resource_id, now));
  return claimed > 0;
}

Status mark_started(db::Connection& sql, const std::string& id, UtcTime now) {
  HF_TRY_VOID(
      sql.exec("UPDATE expected_runs SET status = 'started', started_at = ?2 WHERE id = ?1 AND "
               "status = 'expected'",
               id, now));
  return {};
}

Status mark_queued(db::Connection& sql, const std::string& id, const std::string& detail,
                   UtcTime now) {
  HF_TRY_VOID(
      sql.exec("UPDATE expected_runs SET detail = ?2, queued_at = COALESCE(queued_at, ?3) WHERE id "
               "= ?1 AND status = 'expected' AND detail <> ?2",
               id, detail, now));
  return {};
}

Status mark_not_run(db::Connection& sql, const std::string& id, const NotRun& why, UtcTime now) {
  HF_TRY_VOID(sql.exec(
      "UPDATE expected_runs SET status = ?2, reason = ?3, detail = ?4, ended_at = ?5 WHERE "
      "id = ?1 AND status = 'expected'",
      id, why.status, why.reason, why.detail, now));
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
               "'expected' AND origin = 'schedule' AND due_at > ?3",
               resource_id, label, now));
  return {};
}

std::string among(const std::vector<std::string>* resource_ids) {
  if (resource_ids == nullptr) {
    return "*";
  }
  std::string list = ",";
  for (const std::string& id : *resource_ids) {
    list += id + ",";
  }
  return list;
}

Result<JsonObject> count_expected(db::Connection& sql, UtcTime since, UtcTime until,
                                  const std::vector<std::string>* resource_ids) {
  HF_TRY(const auto rows,
         sql.all(fmt::format("SELECT status, COUNT(*), COALESCE(SUM(CASE WHEN reason = 'paused' "
                             "THEN 1 ELSE 0 END), 0) FROM expected_runs WHERE due_at >= ?1 AND "
                             "due_at < ?2 AND {} GROUP BY status",
                             kIsAmong),
                 since, until, among(resource_ids)));
  JsonObject counts;
  std::int64_t ended = 0;
  std::int64_t good = 0;
  for (const db::Row& row : rows) {
    const std::string& status = row.text(0);
    counts[status] = row.integer(1);
    const bool open = status == "expected" || status == "started";
    ended += open ? 0 : row.integer(1) - row.integer(2);
    good += status == "completed" ? row.integer(1) : 0;
  }
  counts["success_rate"] =
      ended == 0 ? Json() : Json(static_cast<double>(good) / static_cast<double>(ended));
  return counts;
}

}  // namespace holdfast::protect
