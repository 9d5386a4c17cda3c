// The expected-run ledger: what should have run, written before it runs.
//
// A row is written ahead with the id that the run will have. Its status moves one way only:
// expected -> started -> completed | partial | failed, or expected -> missed | skipped. A run that
// never started is a recorded failure (missed); one that was not to start is skipped, with its
// reason. A row of the schedule is keyed by (resource, label, due): writing it twice, or by two
// servers, leaves one row. `due_at` is nominal and never moves; `start_at` adds the jitter.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/db/database.h"

namespace holdfast::protect {

struct ExpectedRun {
  std::string id;  // run_..., the id of the run
  std::string resource_id;
  std::string resource_name;
  std::string policy;
  std::string label;
  UtcTime due_at;
  UtcTime start_at;
  std::string timezone;
  std::string origin = "schedule";  // schedule, trigger, backfill
  std::string batch;                // of a backfill: the request that wrote the row
  std::string status;  // expected, started, completed, partial, failed, missed, skipped
  std::string reason;  // why not: down, catch_up, overlap, superseded, paused, dropped
  std::string detail;
  std::optional<UtcTime> queued_at;  // waits for another run since then
  std::optional<UtcTime> started_at;
  std::optional<UtcTime> ended_at;
};

struct LedgerQuery {
  std::string status;            // empty: all
  std::string resource;          // id or name; empty: all
  std::string label;             // empty: all
  std::string origin;            // empty: all
  std::string batch;             // empty: all
  std::optional<UtcTime> since;  // due at or after
  std::optional<UtcTime> until;  // due before
  std::string after_id;
  int limit = 100;
  bool oldest_first = false;
};

// How a row ended that never ran.
struct NotRun {
  std::string status;  // missed, skipped
  std::string reason;
  std::string detail;
};

db::Migrations ledger_migrations();

// Inserts unless it is there; true when a row was written.
Result<bool> expect_run(db::Connection& sql, const ExpectedRun& run);
Result<std::vector<ExpectedRun>> list_expected(db::Connection& sql, const LedgerQuery& query);
Result<std::optional<ExpectedRun>> find_expected(db::Connection& sql, const std::string& id);
// Moves expected -> started unless another row of the resource is started; true when this row is
// started now. So two callers never start two runs of one resource.
Result<bool> claim_start(db::Connection& sql, const ExpectedRun& run, UtcTime now);
// Moves expected -> started; a row that is started already stays as it is.
Status mark_started(db::Connection& sql, const std::string& id, UtcTime now);
// An expected row waits for another run: why, and since when.
Status mark_queued(db::Connection& sql, const std::string& id, const std::string& detail,
                   UtcTime now);
// Ends an expected row that will not run; a row that has started stays as it is.
Status mark_not_run(db::Connection& sql, const std::string& id, const NotRun& why, UtcTime now);
// Moves to completed, partial or failed, unless the row has ended.
Status mark_ended(db::Connection& sql, const std::string& id, const std::string& status,
                  const std::string& detail, UtcTime now);
// Takes expected rows of a schedule that no longer exists, due after `now`, back out of the ledger.
Status withdraw_expected(db::Connection& sql, const std::string& resource_id,
                         const std::string& label, UtcTime now);

// Rows due in [since, until) by status, and the share of successes among those that ended; paused
// occurrences count in neither.
Result<JsonObject> count_expected(db::Connection& sql, UtcTime since, UtcTime until,
                                  const std::vector<std::string>* resource_ids = nullptr);

// Ids as a parameter of `kIsAmong`; null: every resource.
std::string among(const std::vector<std::string>* resource_ids);
// A condition on the column resource_id with the parameter ?3.
inline constexpr std::string_view kIsAmong = "(?3 = '*' OR ?3 LIKE '%,' || resource_id || ',%')";

}  // namespace holdfast::protect
