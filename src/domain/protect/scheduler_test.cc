// Time: restarts, down-time, summer time, leases. What overlaps is in scheduler_overlap_test.cc.
#include "domain/protect/scheduler.h"

#include <algorithm>
#include <set>

#include "domain/protect/testing/faulty_client.h"
#include "domain/protect/testing/scheduler_world.h"

namespace holdfast::protect {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

class SchedulerTest : public SchedulerWorld {
 protected:
  void start(flow::WorkflowFunction workflow) {
    start_engine(std::move(workflow));
    protect_daily("", "Europe/Berlin");
  }
};

// Ten days of two schedules, with one call to the engine that fails before or after its effect,
// and a new scheduler after it.
class SchedulerTestRun : public SchedulerWorld {
 public:
  SchedulerTestRun(int fail_at, bool after) : fail_at_(fail_at), after_(after) {}
  void live() {
    start_engine(ends_at_once);
    FaultyClient faulty(engine_->client(), fail_at_, after_);
    client_ = &faulty;
    restart();
    apply(
        "kind: policy\nname: p\nschedules:\n  - daily: {time: '02:30', frequency: daily}\n"
        "  - other: {time: '02:30', day: sunday}\n");
    protect("a");
    for (int hour = 0; hour < 24 * 4; ++hour) {
      clock_.advance(hours(1));
      for (int tick = 0; tick < 3; ++tick) {
        const bool failed_before = faulty.failed();
        static_cast<void>(wait(scheduler_->pass()));  // an error is what this test makes
        if (faulty.failed() != failed_before) {
          restart();
        }
      }
    }
    calls_ = faulty.calls();
    EXPECT_EQ(runs().size(), 5u) << fail_at_;  // 21 to 24 March, and Sunday the 22nd
    EXPECT_EQ(count("completed"), 5u) << fail_at_;
    EXPECT_EQ(count("missed") + count("skipped") + count("failed"), 0u) << fail_at_;
    client_ = nullptr;
    scheduler_.reset();
  }
  int calls() const { return calls_; }

 private:
  void TestBody() override {}
  int fail_at_;
  bool after_;
  int calls_ = 0;
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

TEST_F(SchedulerTest, OnlyTheHolderOfTheLeaseWorks) {
  start(ends_at_once);
  Scheduler other(context_, engine_->client(), "other");
  EXPECT_TRUE(pass().leader);
  EXPECT_FALSE(async::block_on(pool_.executor(), other.pass())->leader);
  clock_.advance(std::chrono::minutes(5));  // the first one died
  EXPECT_TRUE(async::block_on(pool_.executor(), other.pass())->leader);
  EXPECT_FALSE(pass().leader);
}

TEST_F(SchedulerTest, WhoResignsIsFollowedAtOnceAndWhoComesBackGoesOn) {
  start(ends_at_once);
  Scheduler other(context_, engine_->client(), "other");
  ASSERT_TRUE(async::block_on(pool_.executor(), other.pass())->leader);
  Scheduler again(context_, engine_->client(), "other");  // killed, and started anew
  EXPECT_TRUE(async::block_on(pool_.executor(), again.pass())->leader);
  EXPECT_FALSE(pass().leader);
  ASSERT_TRUE(async::block_on(pool_.executor(), again.resign()));
  EXPECT_TRUE(pass().leader);
}

TEST_F(SchedulerTest, ThirtyDaysOfDownTimeAreOneMakeUpAndTheRestIsMissed) {
  start(ends_at_once);
  apply(
      "kind: policy\nname: q\ntimezone: Europe/Berlin\nschedules:\n"
      "  - hourly: {frequency: hourly, time: '00:10'}\n  - weekly: {day: sunday, time: '05:00'}\n"
      "  - quarters: {cron: '*/15 * * * *'}\n");
  protect("b", "q");
  pass();
  clock_.advance(hours(24 * 30));  // 29 March is in it
  pass();
  clock_.advance(std::chrono::seconds(2));
  const Scheduler::Pass settled = pass();
  EXPECT_EQ(settled.missed, 0);
  for (int i = 0; i < 5; ++i) {  // runs of one resource go one after another
    clock_.advance(std::chrono::seconds(2));
    pass();
  }
  std::map<std::string, std::map<std::string, int>> by_label;
  for (const char* status : {"missed", "completed", "started", "expected"}) {
    for (const ExpectedRun& row : ledger(status)) {
      ++by_label[row.label][status];
    }
  }
  EXPECT_EQ(by_label["daily"]["missed"], 29);
  EXPECT_EQ(by_label["hourly"]["missed"], 24 * 30 + 1 - 1);  // 02:10 of 29 March is 03:00
  EXPECT_EQ(by_label["quarters"]["missed"], 4 * 24 * 30 - 1);
  EXPECT_EQ(by_label["weekly"]["missed"], 5 - 1);
  for (const auto& [label, counts] : by_label) {
    EXPECT_EQ(counts.at("expected"), 1) << label;  // the next one, where it would have been
  }
  EXPECT_EQ(count("completed"), 4u);
  EXPECT_EQ(to_rfc3339(ledger("expected").back().due_at), "2026-04-26T03:00:00Z");
}

TEST_F(SchedulerTest, MoreOccurrencesThanOnePassTakesAreAllCounted) {
  start_engine(ends_at_once);
  apply("kind: policy\nname: p\nschedules:\n  - minutes: {cron: '* * * * *'}\n");
  protect("a");
  pass();
  clock_.advance(hours(24 * 5));  // 7,200 minutes
  EXPECT_EQ(pass().started, 0);   // the newest is not known yet
  EXPECT_EQ(pass().started, 1);
  EXPECT_EQ(count("missed"), 7199u);
}

TEST_F(SchedulerTest, CatchUpSaysHowLateAMissedRunIsStillMadeUp) {
  start_engine(ends_at_once);
  protect_daily("catch_up: 6h\n");
  pass();
  clock_.advance(hours(24 * 3));  // 12:00, and 02:30 is longer ago than six hours
  EXPECT_EQ(pass().started, 0);
  EXPECT_EQ(count("missed"), 3u);
  EXPECT_EQ(ledger("missed").back().reason, "catch_up");
  clock_.advance(hours(24 * 2 - 4));  // 08:00
  EXPECT_EQ(pass().started, 1);
  EXPECT_EQ(count("missed"), 4u);
  clock_.advance(hours(18) + minutes(31));  // 02:31, a minute late
  apply(
      "kind: policy\nname: p\ncatch_up: 0s\nschedules:\n"
      "  - daily: {time: '02:30', frequency: daily}\n");
  EXPECT_EQ(pass().started, 1);
}

TEST_F(SchedulerTest, AnHourThatComesTwiceStartsOneRun) {
  start(ends_at_once);
  clock_.advance(parse_rfc3339("2026-10-24T12:00:00Z").value() - clock_.now());
  apply(
      "kind: policy\nname: p\ntimezone: Europe/Berlin\nschedules:\n"
      "  - daily: {time: '02:30', frequency: daily}\n");
  pass();
  const auto before = count("completed");
  int started = 0;
  for (int i = 0; i < 48; ++i) {
    clock_.advance(minutes(30));
    started += pass().started;
  }
  pass();
  EXPECT_EQ(started, 1);
  EXPECT_EQ(count("completed"), before + 1);
  EXPECT_EQ(to_rfc3339(ledger("completed").back().due_at), "2026-10-25T00:30:00Z");
}

TEST_F(SchedulerTest, JitterMovesTheStartAndNeverTheDueTime) {
  start_engine(ends_at_once);
  protect_daily("jitter: 30m\n");
  protect("b");
  pass();
  std::set<UtcTime> starts;
  for (const ExpectedRun& row : ledger("expected")) {
    EXPECT_EQ(to_rfc3339(row.due_at), "2026-03-21T02:30:00Z");
    EXPECT_GE(row.start_at, row.due_at);
    EXPECT_LT(row.start_at, row.due_at + minutes(30));
    starts.insert(row.start_at);
  }
  ASSERT_EQ(starts.size(), 2u);
  clock_.advance(*starts.begin() - clock_.now());
  EXPECT_EQ(pass().started, 1);
  clock_.advance(*starts.rbegin() - clock_.now() - Nanoseconds(1));
  EXPECT_EQ(pass().started, 0);
  clock_.advance(Nanoseconds(1));
  EXPECT_EQ(pass().started, 1);
  const Schedule schedule =
      database_
          .write([&](db::Connection& sql) { return find_schedule(sql, context_, "a", "daily"); })
          .value();
  const UtcTime due = parse_rfc3339("2026-03-21T02:30:00Z").value();
  EXPECT_EQ(start_of(schedule, due).value(), start_of(schedule, due).value());
  EXPECT_TRUE(starts.contains(start_of(schedule, due).value()));
}

TEST_F(SchedulerTest, ANewRuleMissesNothingThatItNeverPromised) {
  start_engine(ends_at_once);
  protect_daily("");
  pass();
  clock_.advance(hours(20));  // 08:00
  pass();
  apply("kind: policy\nname: p\nschedules:\n  - daily: {frequency: hourly}\n");
  const Scheduler::Pass changed = pass();
  EXPECT_EQ(changed.missed, 0);
  EXPECT_EQ(changed.started, 0);
  ASSERT_EQ(count("expected"), 1u);
  EXPECT_EQ(to_rfc3339(ledger("expected").front().due_at), "2026-03-21T09:00:00Z");
}

TEST_F(SchedulerTest, ARestartAtEveryStepStartsEachRunOnce) {
  int steps = 0;
  for (int fail_at = 1; steps == 0 || fail_at <= steps; ++fail_at) {
    for (const bool after : {false, true}) {
      SchedulerTestRun run(fail_at, after);
      ASSERT_NO_FATAL_FAILURE(run.live());
      steps = std::max(steps, run.calls());
    }
  }
  EXPECT_GT(steps, 10);
}

TEST_F(SchedulerTest, TwoSchedulersStartEachRunOnce) {
  start(ends_at_once);
  Scheduler other(context_, engine_->client(), "other");
  int started = 0;
  int leaders = 0;
  for (int step = 0; step < 24 * 10 * 4; ++step) {
    clock_.advance(minutes(15));
    for (Scheduler* scheduler :
         {step % 3 == 0 ? &other : scheduler_.get(), scheduler_.get(), &other}) {
      const auto done = wait(scheduler->pass());
      ASSERT_TRUE(done);
      started += done->started;
      leaders += done->leader ? 1 : 0;
    }
  }
  EXPECT_EQ(started, 10);
  EXPECT_EQ(runs().size(), 10u);
  EXPECT_LT(leaders, 24 * 10 * 4 * 3);
  EXPECT_EQ(count("missed"), 0u);
}

}  // namespace
}  // namespace holdfast::protect
