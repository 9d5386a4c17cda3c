// A scheduler on simulated time: a real engine and database, a manual clock, and backups that end
// at once, or when the test says so.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "core/async/run.h"
#include "core/audit/audit.h"
#include "core/base/yaml.h"
#include "core/db/testing/temp_database.h"
#include "core/env/sim/manual_clock.h"
#include "core/env/sim/seeded_random.h"
#include "domain/approve/approvals.h"
#include "domain/inventory/catalog.h"
#include "domain/protect/lease.h"
#include "domain/protect/ledger.h"
#include "domain/protect/policy_store.h"
#include "domain/protect/scheduler.h"
#include "flow/embedded/engine.h"

namespace holdfast::protect {

inline db::Migrations scheduler_schema() {
  db::Migrations all;
  for (db::Migrations part :
       {audit::migrations(), approve::migrations(), inventory::migrations(), policy_migrations(),
        ledger_migrations(), lease_migrations(), flow::embedded::migrations()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

inline flow::Task<Result<Json>> ends_at_once(flow::WorkflowContext& ctx) { co_return ctx.input(); }

// Ends with the signal `end`, or when it is cancelled.
inline flow::Task<Result<Json>> ends_when_told(flow::WorkflowContext& ctx) {
  const Result<Json> told = co_await ctx.wait_signal("end");
  HF_CO_TRY_VOID(status_of(told));
  co_return ctx.input();
}

// Takes a cancel request, and needs the signal `end` after it to stop.
inline flow::Task<Result<Json>> cleans_up_slowly(flow::WorkflowContext& ctx) {
  const Result<Json> told = co_await ctx.wait_signal("end");
  if (!told) {
    const Result<Json> cleaned = co_await ctx.shielded().wait_signal("end");
    HF_CO_TRY_VOID(status_of(cleaned));
  }
  HF_CO_TRY_VOID(status_of(told));
  co_return ctx.input();
}

class SchedulerWorld : public testing::Test {
 protected:
  void start_engine(flow::WorkflowFunction workflow) {
    workflows_.add("scheduled_backup", std::move(workflow));
    engine_ = std::make_unique<flow::embedded::Engine>(*database_, clock_, random_, workflows_,
                                                       activities_);
    ASSERT_TRUE(engine_->start());
    restart();
  }
  // Another scheduler takes over, as after a crash of the one before.
  void restart() {
    scheduler_ = std::make_unique<Scheduler>(
        context_, client_ == nullptr ? engine_->client() : *client_, "test");
  }
  void apply(const std::string& yaml) {
    Policy policy = decode_policy(parse_yaml(yaml)->front().value, "UTC").value();
    ASSERT_TRUE(database_.write([&](db::Connection& sql) -> Status {
      return status_of(put_policy(sql, policy, "pol_" + policy.name, clock_.now()));
    }));
  }
  void protect(const std::string& name, const std::string& policy = "p") {
    inventory::Resource resource;
    resource.id = inventory::ResourceId("res_" + name);
    resource.name = name;
    resource.path = "/srv";
    resource.driver = "directory";
    resource.policy = policy;
    ASSERT_TRUE(database_.write(
        [&](db::Connection& sql) { return inventory::put_resource(sql, resource); }));
  }
  // A policy `p` with these lines of settings and a daily schedule, and the resource `a`.
  void protect_daily(const std::string& settings, const std::string& zone = "UTC") {
    apply("kind: policy\nname: p\ntimezone: " + zone + "\n" + settings +
          "schedules:\n  - daily: {time: '02:30', frequency: daily, retention: 30_days}\n");
    protect("a");
  }

  template <class T>
  T wait(async::Co<T> work) {
    T done = async::block_on(pool_.executor(), std::move(work));
    engine_->wait_idle();
    return done;
  }
  Scheduler::Pass pass() {
    const auto done = wait(scheduler_->pass());
    EXPECT_TRUE(done) << done.error().to_string();
    return done ? *done : Scheduler::Pass();
  }
  std::vector<ExpectedRun> ledger(const std::string& status) {
    LedgerQuery query;
    query.status = status;
    query.limit = 100'000;
    query.oldest_first = true;
    return database_.write([query](db::Connection& sql) { return list_expected(sql, query); })
        .value();
  }
  std::size_t count(const std::string& status) { return ledger(status).size(); }
  std::vector<flow::RunSummary> runs() {
    flow::ListQuery query;
    query.limit = 1000;
    return wait(engine_->client().list(query))->runs;
  }
  void end(const std::string& run_id) {
    const flow::RunRef run = flow::ref(flow::WorkflowId(run_id));
    ASSERT_TRUE(wait(engine_->client().signal(run, "end", Json(), "")));
  }

  async::Pool pool_{"test", 1};  // goes after those who post to it
  db::TempDatabase database_{scheduler_schema()};
  env::ManualClock clock_{parse_rfc3339("2026-03-20T12:00:00Z").value()};
  env::SeededRandom random_{5};
  ServerContext context_{*database_, clock_, random_, database_.directory(), "host", "UTC"};
  flow::WorkflowRegistry workflows_;
  flow::ActivityRegistry activities_;
  std::unique_ptr<flow::embedded::Engine> engine_;
  flow::Client* client_ = nullptr;  // what the scheduler sees; null: the engine's
  std::unique_ptr<Scheduler> scheduler_;
};

}  // namespace holdfast::protect
