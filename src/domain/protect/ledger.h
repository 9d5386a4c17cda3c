// The expected-run ledger: what should have run, written before it runs.
//
// A row is written ahead with the id that the run will have. Its status moves one way only:
// expected -> started -> completed | partial | failed, or expected -> missed | skipped. A run that
// never started is a recorded failure (missed). Keyed by (resource, label, due): writing it twice,
// or by two servers, leaves one row.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/db/database.h"

namespace holdfast::protect {

struct ExpectedRun {
  std::string id;  // run_..., the id of the run
  std::string resource_id;
  std::string resource_name;
  std::string policy;
  std::string label;
  UtcTime due_at;
  std::string timezone;
  std::string status;  // expected, started, completed, partial, failed, missed, skipped
  std::string detail;
  std::optional<UtcTime> started_at;
  std::optional<UtcTime> ended_at;
};

struct LedgerQuery {
  std::string status;            // empty: all
  std::string resource;          // id or name; empty: all
  std::optional<UtcTime> since;  // due at or after
  std::optional<UtcTime> until;  // due before
  std::string after_id;
  int limit = 100;
  bool oldest_first = false;
};

db::Migrations ledger_migrations();

// Inserts unless (resource, label, due) is there; true when a row was written.
Result<bool> expect_run(db::Connection& sql, const ExpectedRun& run);
Result<std::vector<ExpectedRun>> list_expected(db::Connection& sql, const LedgerQuery& query);
// Moves expected -> started; a row that is started already stays as it is.
Status mark_started(db::Connection& sql, const std::string& id, UtcTime now);
// Moves to completed, partial, failed, missed or skipped, unless the row has ended.
Status mark_ended(db::Connection& sql, const std::string& id, const std::string& status,
                  const std::string& detail, UtcTime now);
// Takes expected rows of a schedule that no longer exists, due after `now`, back out of the ledger.
Status withdraw_expected(db::Connection& sql, const std::string& resource_id,
                         const std::string& label, UtcTime now);

}  // namespace holdfast::protect
