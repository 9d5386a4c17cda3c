// The scheduler on simulated time: a real engine and database, a backup workflow that only ends.
#include "domain/protect/scheduler.h"

#include <gtest/gtest.h>

#include "core/async/run.h"
#include "core/base/yaml.h"
#include "core/db/testing/temp_database.h"
#include "core/env/sim/manual_clock.h"
#include "core/env/sim/seeded_random.h"
#include "domain/inventory/catalog.h"
#include "domain/protect/lease.h"
#include "domain/protect/ledger.h"
#include "domain/protect/policy_store.h"
#include "flow/embedded/engine.h"

namespace holdfast::protect {
namespace {

using std::chrono::hours;

db::Migrations schema() {
  db::Migrations all;
  for (db::Migrations part : {inventory::migrations(), policy_migrations(), ledger_migrations(),
                              lease_migrations(), flow::embedded::migrations()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

flow::Task<Result<Json>> ends_at_once(flow::WorkflowContext& ctx) { co_return ctx.input(); }

flow::Task<Result<Json>> lasts_a_day(flow::WorkflowContext& ctx) {
  const Status slept = co_await ctx.timer(hours(26));
  HF_CO_TRY_VOID(slept);
  co_return ctx.input();
}

class SchedulerTest : public testing::Test {
 protected:
  void start(flow::WorkflowFunction workflow) {
    workflows_.add("scheduled_backup", std::move(workflow));
    engine_ = std::make_unique<flow::embedded::Engine>(*database_, clock_, random_, workflows_,
                                                       activities_);
    ASSERT_TRUE(engine_->start());
    scheduler_ = std::make_unique<Scheduler>(context_, engine_->client(), "test");
    Policy policy =
        decode_policy(
            parse_yaml("kind: policy\nname: p\ntimezone: Europe/Berlin\nschedules:\n"
                       "  - daily: {time: '02:30', frequency: daily, retention: 30_days}\n")
                ->front()
                .value,
            "UTC")
            .value();
    inventory::Resource resource;
    resource.id = inventory::ResourceId("res_a");
    resource.name = "a";
    resource.path = "/srv";
    resource.driver = "directory";
    resource.policy = "p";
    ASSERT_TRUE(database_.write([&](db::Connection& sql) -> Status {
      HF_TRY_VOID(status_of(put_policy(sql, policy, "pol_1", clock_.now())));
      return inventory::put_resource(sql, resource);
    }));
  }
  Scheduler::Pass pass() {
    const auto done = async::block_on(pool_.executor(), scheduler_->pass());
    EXPECT_TRUE(done) << done.error().to_string();
    engine_->wait_idle();
    return *done;
  }
  std::vector<ExpectedRun> ledger(const std::string& status) {
    LedgerQuery query;
    query.status = status;
    query.limit = 500;
    query.oldest_first = true;
    return database_.write([query](db::Connection& sql) { return list_expected(sql, query); })
        .value();
  }

  async::Pool pool_{"test", 1};  // goes after those who post to it
  db::TempDatabase database_{schema()};
  env::ManualClock clock_{parse_rfc3339("2026-03-20T12:00:00Z").value()};
  env::SeededRandom random_{5};
  ServerContext context_{*database_, clock_, random_, database_.directory(), "host", "UTC"};
  flow::WorkflowRegistry workflows_;
  flow::ActivityRegistry activities_;
  std::unique_ptr<flow::embedded::Engine> engine_;
  std::unique_ptr<Scheduler> scheduler_;
};

TEST_F(SchedulerTest, WritesAheadAndStartsEachRunOnceAcrossSummerTime) {
  start(ends_at_once);
  int started = 0;
  for (int hour = 0; hour < 24 * 20; ++hour) {
    started += pass().started;
    clock_.advance(hours(1));
  }
  EXPECT_EQ(started, 20);
  const auto rows = ledger("completed");
  EXPECT_GE(rows.size(), 19u);
  for (const ExpectedRun& row : rows) {
    EXPECT_EQ(row.id.substr(0, 4), "run_");
  }
  // 29 March has no 02:30 in Berlin: the first instant after the gap.
  EXPECT_TRUE(std::any_of(rows.begin(), rows.end(), [](const ExpectedRun& row) {
    return to_rfc3339(row.due_at) == "2026-03-29T01:00:00Z";
  }));
}

TEST_F(SchedulerTest, ARunThatNeverStartedIsARecordedFailure) {
  start(ends_at_once);
  pass();
  clock_.advance(hours(24 * 4));  // nobody was there
  const Scheduler::Pass back = pass();
  EXPECT_EQ(back.started, 1);
  EXPECT_EQ(back.missed, 3);
  EXPECT_EQ(ledger("missed").size(), 3u);
  EXPECT_EQ(pass().missed, 0);
  for (const ExpectedRun& row : ledger("missed")) {
    EXPECT_EQ(row.detail, "the server was not running when it was due");
  }
}

TEST_F(SchedulerTest, ABackupThatStillRunsIsNotOvertaken) {
  start(lasts_a_day);
  pass();
  clock_.advance(hours(15));
  EXPECT_EQ(pass().started, 1);
  clock_.advance(hours(24));
  const Scheduler::Pass second = pass();
  EXPECT_EQ(second.started, 0);
  EXPECT_EQ(second.skipped, 1);
  ASSERT_EQ(ledger("skipped").size(), 1u);
}

TEST_F(SchedulerTest, OnlyTheHolderOfTheLeaseWorks) {
  start(ends_at_once);
  Scheduler other(context_, engine_->client(), "other");
  EXPECT_TRUE(pass().leader);
  EXPECT_FALSE(async::block_on(pool_.executor(), other.pass())->leader);
  clock_.advance(std::chrono::minutes(5));  // the first one died
  EXPECT_TRUE(async::block_on(pool_.executor(), other.pass())->leader);
  EXPECT_FALSE(pass().leader);
}

}  // namespace
}  // namespace holdfast::protect
