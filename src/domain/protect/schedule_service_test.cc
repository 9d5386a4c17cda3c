#include "domain/protect/schedule_service.h"

#include "core/env/posix/posix_file_system.h"
#include "domain/protect/run_service.h"
#include "domain/protect/testing/scheduler_world.h"

namespace holdfast::protect {
namespace {

using std::chrono::hours;

class ScheduleServiceTest : public SchedulerWorld {
 protected:
  void start(flow::WorkflowFunction workflow, const std::string& settings = "") {
    start_engine(std::move(workflow));
    protect_daily(settings);
    services_ = std::make_unique<Services>(context_, data_, engine_->client());
    pass();
  }
  Caller caller(const std::string& request = "") {
    Caller who;
    who.principal = {"key_1", "ann", access::Scopes{access::Scope::kOperate}};
    who.run_id = request;
    return who;
  }
  std::vector<std::string> audit() {
    const auto rows =
        database_.write([](db::Connection& sql) { return audit::list(sql, audit::Query()); });
    std::vector<std::string> actions;
    for (const audit::Entry& entry : *rows) {
      actions.push_back(entry.change.action);
    }
    return actions;
  }
  auto backfill(int from_days, int to_days, const std::string& request = "") {
    return wait(backfill_schedule(*services_, caller(request), daily_,
                                  clock_.now() - hours(24 * from_days),
                                  clock_.now() - hours(24 * to_days)));
  }

  const ScheduleName daily_{"a", "daily"};
  env::PosixFileSystem files_;
  activities::DataContext data_{clock_, random_, files_, pool_};
  std::unique_ptr<Services> services_;
};

TEST_F(ScheduleServiceTest, APauseIsRecordedWithWhoAndWhy) {
  start(ends_at_once);
  EXPECT_EQ(wait(pause_schedule(*services_, caller(), daily_, "")).error().code(),
            Code::kInvalidArgument);
  ASSERT_TRUE(wait(pause_schedule(*services_, caller(), daily_, "new disk")));
  for (int day = 0; day < 3; ++day) {
    clock_.advance(hours(24));
    EXPECT_EQ(pass().started, 0);
  }
  ASSERT_EQ(count("skipped"), 3u);
  EXPECT_EQ(ledger("skipped")[0].detail, "paused by ann: new disk");
  clock_.advance(hours(24));  // due, and no pass has seen it when the pause ends
  const auto resumed = wait(resume_schedule(*services_, caller(), daily_));
  ASSERT_TRUE(resumed);
  EXPECT_FALSE(resumed->paused_because);
  EXPECT_EQ(pass().started, 0);
  EXPECT_EQ(count("skipped"), 4u);
  clock_.advance(hours(24));
  EXPECT_EQ(pass().started, 1);
  EXPECT_EQ(audit(), (std::vector<std::string>{"schedule.resumed", "schedule.paused"}));
}

TEST_F(ScheduleServiceTest, WhatWasDueBeforeThePauseIsMissed) {
  start(ends_at_once);
  clock_.advance(hours(24 * 3));  // down
  ASSERT_TRUE(wait(pause_schedule(*services_, caller(), daily_, "back, but not yet")));
  pass();
  EXPECT_EQ(count("missed"), 2u);
  EXPECT_EQ(count("skipped"), 1u);  // the newest would have been made up
}

TEST_F(ScheduleServiceTest, ThePolicysPauseIsNotEndedByHand) {
  start(ends_at_once, "paused: true\n");
  EXPECT_EQ(wait(resume_schedule(*services_, caller(), daily_)).error().code(),
            Code::kFailedPrecondition);
}

TEST_F(ScheduleServiceTest, ATriggerAskedTwiceIsOneRun) {
  start(ends_at_once);
  for (int i = 0; i < 2; ++i) {
    const auto row = wait(trigger_schedule(*services_, caller("run_asked"), daily_));
    ASSERT_TRUE(row);
    EXPECT_EQ(row->id, "run_asked");
  }
  pass();
  EXPECT_EQ(runs().size(), 1u);
  EXPECT_EQ(ledger("completed").at(0).origin, "trigger");
  EXPECT_EQ(audit(), std::vector<std::string>{"schedule.triggered"});
  clock_.advance(hours(24));
  EXPECT_EQ(pass().started, 1);  // the schedule did not shift
}

TEST_F(ScheduleServiceTest, ATriggerWaitsBehindTheRunThatGoesOn) {
  start(ends_when_told);
  ASSERT_EQ(wait(trigger_schedule(*services_, caller("run_1"), daily_))->status, "started");
  const auto second = wait(trigger_schedule(*services_, caller("run_2"), daily_));
  EXPECT_EQ(second->status, "expected");
  EXPECT_EQ(second->detail, "waits for run run_1 to end");
  EXPECT_EQ(pass().queued, 1);
  end("run_1");
  EXPECT_EQ(pass().started, 1);
}

TEST_F(ScheduleServiceTest, ABackfillRunsOneAfterAnotherOldestFirst) {
  start(ends_when_told);
  const auto rows = backfill(5, 2, "run_batch");
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 3u);
  EXPECT_EQ(backfill(5, 2, "run_batch")->front().id, rows->front().id);  // the answer was lost
  EXPECT_EQ(backfill(5, 2)->size(), 0u);
  for (const ExpectedRun& row : *rows) {
    EXPECT_EQ(pass().started, 1);
    ASSERT_EQ(ledger("started").size(), 1u);
    EXPECT_EQ(ledger("started").at(0).id, row.id);
    restart();
    EXPECT_EQ(pass().queued, row.id == rows->back().id ? 0 : 1);
    end(row.id);
  }
  pass();
  EXPECT_EQ(count("completed"), 3u);
  EXPECT_EQ(count("missed"), 0u);
}

TEST_F(ScheduleServiceTest, ABackfillMakesUpForWhatWasMissed) {
  start(ends_at_once);
  clock_.advance(hours(24 * 4));
  pass();
  ASSERT_EQ(count("missed"), 3u);
  EXPECT_EQ(backfill(4, 0)->size(), 3u);  // the newest was made up
  for (int i = 0; i < 4; ++i) {
    pass();
  }
  EXPECT_EQ(count("completed"), 4u);
  EXPECT_EQ(count("missed"), 3u);  // that they were missed stays on record
}

TEST_F(ScheduleServiceTest, ABackfillRefusesTheFutureAndTooMuch) {
  start(ends_at_once);
  EXPECT_EQ(backfill(1, -1).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(backfill(1, 1).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(backfill(600, 1).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(wait(trigger_schedule(*services_, caller(), {"a", "yearly"})).error().code(),
            Code::kNotFound);
  EXPECT_TRUE(audit().empty());
}

TEST_F(ScheduleServiceTest, ARunThatWasTerminatedIsRetriedWithItsInput) {
  start(ends_when_told);
  ASSERT_TRUE(wait(trigger_schedule(*services_, caller("run_1"), daily_)));
  EXPECT_EQ(wait(retry_run(*services_, caller(), "run_1")).error().code(),
            Code::kFailedPrecondition);
  ASSERT_TRUE(wait(terminate_run(*services_, caller(), "run_1", "wrong")));
  EXPECT_EQ(wait(terminate_run(*services_, caller(), "run_1", "")).error().code(),
            Code::kFailedPrecondition);
  EXPECT_EQ(wait(retry_run(*services_, caller("run_2"), "run_1")).value(), "run_2");
  const auto again = wait(engine_->client().describe(flow::ref(flow::WorkflowId("run_2"))));
  const auto old = wait(engine_->client().describe(flow::ref(flow::WorkflowId("run_1"))));
  EXPECT_EQ(again->input, old->input);
  EXPECT_EQ(again->run.memo.at("retry_of"), Json("run_1"));
  EXPECT_EQ(again->run.search_attributes.at("resource"), Json("a"));
  EXPECT_EQ(wait(retry_run(*services_, caller(), "run_9")).error().code(), Code::kNotFound);
}

}  // namespace
}  // namespace holdfast::protect
