// What happens to a run that is due while another one of its resource still runs: the rules, each
// against each state of the run before.
#include "domain/protect/scheduler.h"
#include "domain/protect/start_run.h"
#include "domain/protect/testing/scheduler_world.h"

namespace holdfast::protect {
namespace {

using std::chrono::hours;

class SchedulerOverlap : public SchedulerWorld {
 protected:
  void start(const std::string& rule, flow::WorkflowFunction workflow = ends_when_told) {
    start_engine(std::move(workflow));
    protect_daily("overlap: " + rule + "\n");
    pass();
    next_day();
  }
  // The next occurrence comes due, and a pass sees it.
  Scheduler::Pass next_day() {
    clock_.advance(hours(24));
    return pass();
  }
  std::string running() { return ledger("started").at(0).id; }
  void start_manual_run() {
    RunRequest request;
    request.workflow = "scheduled_backup";
    request.run_id = "run_manual";
    request.resource_id = "res_a";
    request.resource_name = "a";
    request.trigger = "manual";
    ASSERT_TRUE(wait(start_run(engine_->client(), request)));
  }
};

TEST_F(SchedulerOverlap, SkipLeavesItOutAndSaysWhy) {
  start("skip");
  const std::string first = running();
  EXPECT_EQ(next_day().skipped, 1);
  ASSERT_EQ(count("skipped"), 1u);
  EXPECT_EQ(ledger("skipped")[0].reason, "overlap");
  EXPECT_NE(ledger("skipped")[0].detail.find(first), std::string::npos);
  end(first);
  EXPECT_EQ(pass().started, 0);  // skipped is skipped
  EXPECT_EQ(next_day().started, 1);
  EXPECT_EQ(runs().size(), 2u);
}

TEST_F(SchedulerOverlap, QueueStartsTheNewestWhenTheRunningOneEnds) {
  start("queue");
  const std::string first = running();
  EXPECT_EQ(next_day().queued, 1);
  EXPECT_NE(ledger("expected").at(0).detail.find(first), std::string::npos);
  EXPECT_EQ(next_day().queued, 1);
  EXPECT_EQ(next_day().queued, 1);
  EXPECT_EQ(runs().size(), 1u);
  end(first);
  EXPECT_EQ(pass().started, 1);
  EXPECT_EQ(to_rfc3339(ledger("started").at(0).due_at), "2026-03-24T02:30:00Z");
  ASSERT_EQ(count("skipped"), 2u);
  EXPECT_EQ(ledger("skipped")[0].reason, "superseded");
  EXPECT_EQ(count("missed"), 0u);
}

TEST_F(SchedulerOverlap, ReplaceCancelsTheRunningOneAndStartsWhenItHasEnded) {
  start("replace", cleans_up_slowly);
  const std::string first = running();
  EXPECT_EQ(next_day().replaced, 1);
  EXPECT_EQ(pass().replaced, 0);  // asked once
  EXPECT_EQ(pass().started, 0);   // it still cleans up
  restart();
  EXPECT_EQ(pass().started, 0);
  end(first);
  EXPECT_EQ(pass().started, 1);
  EXPECT_EQ(ledger("failed").at(0).id, first);
  EXPECT_EQ(runs().size(), 2u);
}

TEST_F(SchedulerOverlap, TheRunBeforeThatHasEndedIsInNobodysWay) {
  for (const char* how : {"completed", "terminated", "cancelled"}) {
    SCOPED_TRACE(how);
    if (!engine_) {
      start("skip");
    }
    const flow::RunRef run = flow::ref(flow::WorkflowId(running()));
    if (how == std::string("completed")) {
      end(running());
    } else if (how == std::string("terminated")) {
      ASSERT_TRUE(wait(engine_->client().terminate(run, "")));
    } else {
      ASSERT_TRUE(wait(engine_->client().cancel(run, "")));
    }
    EXPECT_EQ(next_day().started, 1);
  }
  EXPECT_EQ(count("skipped"), 0u);
}

TEST_F(SchedulerOverlap, EveryRuleWaitsForARunThatIsNotOfTheSchedule) {
  for (const char* rule : {"skip", "queue", "replace"}) {
    SCOPED_TRACE(rule);
    if (!engine_) {
      start_engine(ends_when_told);
    }
    const std::string name = std::string("r") + rule;
    apply("kind: policy\nname: " + name + "\noverlap: " + rule +
          "\nschedules:\n  - one: {cron: '0 3 * * *'}\n  - two: {cron: '0 4 * * *'}\n");
    protect(rule, name);
  }
  pass();
  clock_.advance(hours(15));  // 03:00
  EXPECT_EQ(pass().started, 3);
  clock_.advance(hours(1));
  EXPECT_EQ(pass().queued, 3);
  for (const ExpectedRun& row : ledger("started")) {
    end(row.id);
  }
  EXPECT_EQ(pass().started, 3);
  EXPECT_EQ(count("skipped") + count("missed"), 0u);
}

TEST_F(SchedulerOverlap, AManualRunIsWaitedFor) {
  start_engine(ends_when_told);
  protect_daily("overlap: replace\n");
  pass();
  start_manual_run();
  EXPECT_EQ(next_day().queued, 1);
  end("run_manual");
  EXPECT_EQ(pass().started, 1);
}

TEST_F(SchedulerOverlap, APausedScheduleSkipsAndMissesNothing) {
  start_engine(ends_at_once);
  protect_daily("paused: true\n");
  pass();
  clock_.advance(hours(24 * 5));  // down, and paused
  const Scheduler::Pass back = pass();
  EXPECT_EQ(back.started + back.missed, 0);
  EXPECT_EQ(back.skipped, 5);
  for (const ExpectedRun& row : ledger("skipped")) {
    EXPECT_EQ(row.reason, "paused");
    EXPECT_EQ(row.detail, "paused by policy 'p'");
  }
  const JsonObject counts =
      database_
          .write([&](db::Connection& sql) { return count_expected(sql, UtcTime(), clock_.now()); })
          .value();
  EXPECT_TRUE(counts.at("success_rate").is_null());
  protect_daily("");
  EXPECT_EQ(pass().started, 0);  // what was paused is not made up
  EXPECT_EQ(next_day().started, 1);
}

TEST_F(SchedulerOverlap, ARowOfADroppedScheduleDoesNotStart) {
  start("queue");
  next_day();  // one waits
  apply("kind: policy\nname: p\nschedules: []\n");
  EXPECT_EQ(pass().skipped, 1);
  EXPECT_EQ(ledger("skipped").at(0).reason, "dropped");
  EXPECT_EQ(count("expected"), 0u);
}

}  // namespace
}  // namespace holdfast::protect
