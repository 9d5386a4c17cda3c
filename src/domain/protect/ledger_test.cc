#include "domain/protect/ledger.h"

#include <gtest/gtest.h>

#include "core/db/testing/temp_database.h"

namespace holdfast::protect {
namespace {

ExpectedRun row(const std::string& id, const std::string& origin = "schedule") {
  ExpectedRun run;
  run.id = id;
  run.resource_id = "res_a";
  run.resource_name = "a";
  run.policy = "p";
  run.label = "daily";
  run.origin = origin;
  run.due_at = run.start_at = UtcTime(std::chrono::hours(1));
  return run;
}

TEST(Ledger, TakesOverRowsOfTheFirstSchema) {
  const db::TestStore store;
  const db::Migrations all = ledger_migrations();
  {
    const auto old = store.open({all.front()}).value();
    ASSERT_TRUE(old->write_blocking([](db::Connection& sql) -> Status {
      for (const char* status : {"missed", "skipped", "expected"}) {
        HF_TRY_VOID(
            sql.exec("INSERT INTO expected_runs VALUES (?1, 'res_a', 'a', 'p', 'daily', ?2, 'UTC', "
                     "?1, '', NULL, NULL)",
                     status, static_cast<std::int64_t>(status[0])));
      }
      return {};
    }));
  }
  {
    const auto now = store.open(all).value();
    const auto rows = now->write_blocking([](db::Connection& sql) {
                           LedgerQuery query;
                           query.oldest_first = true;
                           return list_expected(sql, query);
                         })
                          .value();
    ASSERT_EQ(rows.size(), 3u);
    EXPECT_EQ(rows[0].status + rows[0].reason, "expected");
    EXPECT_EQ(rows[1].status + " " + rows[1].reason, "missed down");
    EXPECT_EQ(rows[2].status + " " + rows[2].reason, "skipped overlap");
    EXPECT_EQ(rows[2].start_at, rows[2].due_at);
    EXPECT_EQ(rows[2].origin, "schedule");
  }
}

TEST(Ledger, OneRowOfAResourceIsClaimedAtATime) {
  const db::TempDatabase database(ledger_migrations());
  const UtcTime now(std::chrono::hours(2));
  ASSERT_TRUE(database->write_blocking([now](db::Connection& sql) -> Status {
    EXPECT_TRUE(expect_run(sql, row("run_1")).value());
    EXPECT_FALSE(expect_run(sql, row("run_twice")).value());
    EXPECT_TRUE(expect_run(sql, row("run_2", "backfill")).value());
    EXPECT_TRUE(claim_start(sql, row("run_1"), now).value());
    EXPECT_FALSE(claim_start(sql, row("run_2", "backfill"), now).value());
    // What has started is not marked as skipped by a scheduler that came late.
    HF_TRY_VOID(mark_not_run(sql, "run_1", {"skipped", "overlap", ""}, now));
    HF_TRY(const auto first, find_expected(sql, "run_1"));
    EXPECT_EQ(first->status, "started");
    HF_TRY_VOID(mark_ended(sql, "run_1", "completed", "", now));
    EXPECT_TRUE(claim_start(sql, row("run_2", "backfill"), now).value());
    return {};
  }));
}

}  // namespace
}  // namespace holdfast::protect
