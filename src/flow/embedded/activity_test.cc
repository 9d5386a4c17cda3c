// Retries, the four timeouts, heartbeats, and what is wrong with an activity.
#include "flow/embedded/engine_fixture.h"

namespace holdfast::flow::embedded {
namespace {

class ActivityTest : public CacheTest {};
HF_WITH_AND_WITHOUT_CACHE(ActivityTest);

// One activity with the options that the input names.
Task<Result<Json>> one_activity(WorkflowContext& ctx) {
  ActivityOptions how;
  const Json& input = ctx.input();
  how.retry.max_attempts = static_cast<int>(get_int(input, "max_attempts"));
  how.retry.initial = seconds(10);
  how.retry.non_retryable = {"not_found"};
  how.schedule_to_close = seconds(get_int(input, "schedule_to_close"));
  how.schedule_to_start = seconds(get_int(input, "schedule_to_start"));
  how.start_to_close = seconds(get_int(input, "start_to_close", 1000));
  how.heartbeat = seconds(get_int(input, "heartbeat"));
  how.queue = get_string(input, "queue", "control");
  co_return co_await ctx.activity("work", input, how);
}

TEST_P(ActivityTest, RepeatsFailedAttemptsWithGrowingPauses) {
  workflows.add("one", one_activity);
  std::vector<UtcTime> times;
  activities.add("work", [&](ActivityContext& ctx, const Json&) -> Result<Json> {
    times.push_back(clock.now());
    if (ctx.info().attempt < 4) {
      return Error(Code::kUnavailable, "not yet", Retry::kTransient).with("at", "x");
    }
    return Json(ctx.info().attempt);
  });
  open();
  ASSERT_TRUE(start("one", "w"));
  idle();
  const auto waiting = describe("w");
  ASSERT_EQ(waiting->activities.size(), 1U);
  EXPECT_EQ(waiting->activities[0].state, "backing_off");
  EXPECT_EQ(waiting->activities[0].attempt, 2);
  EXPECT_EQ(from_failure(*waiting->activities[0].last_failure).code(), Code::kUnavailable);
  ASSERT_TRUE(run_to_end("w"));
  EXPECT_EQ(result("w")->as_int64(), 4);
  ASSERT_EQ(times.size(), 4U);
  EXPECT_EQ(times[1] - times[0], seconds(10));
  EXPECT_EQ(times[2] - times[1], seconds(20));
  EXPECT_EQ(times[3] - times[2], seconds(40));
  EXPECT_EQ(std::ranges::count(events("w"), "ActivityTaskStarted"), 1);
}

TEST_P(ActivityTest, GivesUpAfterTheLastAttempt) {
  workflows.add("one", one_activity);
  activities.add("work", [&](ActivityContext&, const Json&) -> Result<Json> {
    ledger.note("tried");
    return Error(Code::kUnavailable, "never", Retry::kTransient).with("volume", "v1");
  });
  open();
  ASSERT_TRUE(start("one", "w", {{"max_attempts", 3}}));
  ASSERT_TRUE(run_to_end("w"));
  const auto done = result("w");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Code::kUnavailable);
  EXPECT_NE(done.error().to_string().find("never (volume: v1"), std::string::npos)
      << done.error().to_string();
  EXPECT_EQ(ledger.count("tried"), 3);
  EXPECT_EQ(describe("w")->run.status, RunStatus::kFailed);
}

TEST_P(ActivityTest, DoesNotRepeatWhatCannotSucceed) {
  workflows.add("one", one_activity);
  activities.add("work", [&](ActivityContext&, const Json& input) -> Result<Json> {
    ledger.note("tried");
    return get_bool(input, "listed") ? Error(Code::kNotFound, "gone", Retry::kUnknown)
                                     : Error(Code::kInvalidArgument, "bad");
  });
  open();
  ASSERT_TRUE(start("one", "permanent"));
  ASSERT_TRUE(start("one", "listed", {{"listed", true}}));
  EXPECT_EQ(result("permanent").error().code(), Code::kInvalidArgument);
  EXPECT_EQ(result("listed").error().code(), Code::kNotFound);
  EXPECT_EQ(ledger.count("tried"), 2);
}

TEST_P(ActivityTest, RepeatsAnAttemptThatThrows) {
  workflows.add("one", one_activity);
  activities.add("work", [](ActivityContext& ctx, const Json&) -> Result<Json> {
    if (ctx.info().attempt == 1) {
      throw std::runtime_error("surprise");
    }
    return Json("fine");
  });
  open();
  ASSERT_TRUE(start("one", "w"));
  ASSERT_TRUE(run_to_end("w"));
  EXPECT_EQ(result("w")->as_string(), "fine");
}

TEST_P(ActivityTest, WaitsForAnActivityThatThisProgramDoesNotHave) {
  workflows.add("one", one_activity);
  open();
  ASSERT_TRUE(start("one", "w", {{"max_attempts", 2}}));
  ASSERT_TRUE(run_to_end("w"));
  EXPECT_EQ(result("w").error().code(), Code::kNotFound);
}

// Blocks until it is told to stop.
Result<Json> until_stopped(ActivityContext& ctx, const Json&) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait(lock, ctx.stop_token(), [] { return false; });
  return Error(Code::kCancelled, "stopped");
}

class ActivityTimeoutTest : public ActivityTest {
 protected:
  // Starts the workflow and moves time until it ends, while activities may be blocked.
  Result<Json> end_of(const Json& input) {
    workflows.add("one", one_activity);
    open();
    EXPECT_TRUE(start("one", "w", input));
    while (true) {
      engine->wait_idle(false);
      if (describe("w")->run.status != RunStatus::kRunning) {
        return result("w");
      }
      clock.advance_to_next();
    }
  }
};
HF_WITH_AND_WITHOUT_CACHE(ActivityTimeoutTest);

TEST_P(ActivityTimeoutTest, EndsAnAttemptThatTakesTooLong) {
  activities.add("work", [&](ActivityContext& ctx, const Json& input) -> Result<Json> {
    if (ctx.info().attempt == 2) {
      return Json("second");
    }
    (void)until_stopped(ctx, input);
    ledger.note(ctx.stop_reason() == StopReason::kTimedOut ? "timed out" : "other");
    return Json("too late");
  });
  const auto done = end_of({{"start_to_close", 30}});
  ASSERT_TRUE(done);
  EXPECT_EQ(done->as_string(), "second");
  idle();
  EXPECT_EQ(ledger.count("timed out"), 1);
}

TEST_P(ActivityTimeoutTest, ReportsStartToCloseAfterTheLastAttempt) {
  activities.add("work", until_stopped);
  const auto done = end_of({{"start_to_close", 30}, {"max_attempts", 2}});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Code::kDeadlineExceeded);
  EXPECT_NE(done.error().to_string().find("START_TO_CLOSE"), std::string::npos);
}

TEST_P(ActivityTimeoutTest, ReportsScheduleToCloseOverAllAttempts) {
  activities.add("work", [](ActivityContext&, const Json&) -> Result<Json> {
    return Error(Code::kUnavailable, "no", Retry::kTransient);
  });
  const auto done = end_of({{"schedule_to_close", 100}});
  ASSERT_FALSE(done);
  EXPECT_LT(clock.now() - test_start(), seconds(101));
}

TEST_P(ActivityTimeoutTest, ReportsScheduleToStartWhenNoWorkerIsFree) {
  options.queues = {{"control", {1, 0}}};
  activities.add("work", until_stopped);
  workflows.add("other", one_activity);
  workflows.add("one", one_activity);
  open();
  ASSERT_TRUE(start("other", "first"));
  engine->wait_idle(false);
  ASSERT_TRUE(start("one", "w", {{"schedule_to_start", 60}}));
  while (describe("w")->run.status == RunStatus::kRunning) {
    engine->wait_idle(false);
    clock.advance_to_next();
    engine->wait_idle(false);
  }
  EXPECT_NE(result("w").error().to_string().find("SCHEDULE_TO_START"), std::string::npos);
  ASSERT_TRUE(terminate("first"));
}

TEST_P(ActivityTimeoutTest, EndsAnAttemptThatStopsHeartbeating) {
  activities.add("work", [](ActivityContext& ctx, const Json& input) -> Result<Json> {
    if (const auto last = ctx.last_heartbeat()) {
      return *last;
    }
    ctx.heartbeat(Json{{"done", 7}});
    return until_stopped(ctx, input);
  });
  const auto done = end_of({{"heartbeat", 15}});
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(get_int(*done, "done"), 7);
}

TEST_P(ActivityTest, KeepsAnAttemptThatHeartbeats) {
  workflows.add("one", one_activity);
  std::atomic<int> beats = 0;
  std::atomic<bool> go_on = true;
  activities.add("work", [&](ActivityContext& ctx, const Json&) -> Result<Json> {
    while (go_on) {
      ctx.heartbeat(Json(++beats));
      std::this_thread::yield();
    }
    return Json(ctx.info().attempt);
  });
  open();
  ASSERT_TRUE(start("one", "w", {{"heartbeat", 10}}));
  for (int i = 0; i < 10; ++i) {
    clock.advance(seconds(9));
    const int before = beats;  // what beats from now on sees the new time
    while (beats < before + 3) {
      std::this_thread::yield();
    }
    engine->wait_idle(false);
  }
  EXPECT_GT(describe("w")->activities[0].heartbeat->as_int64(), 0);
  go_on = false;
  EXPECT_EQ(result("w")->as_int64(), 1);
}

TEST_P(ActivityTest, RefusesPayloadsThatAreTooLarge) {
  workflows.add("one", one_activity);
  activities.add("work", [](ActivityContext&, const Json&) -> Result<Json> {
    return Json(std::string(kMaxPayloadBytes, 'x'));
  });
  open();
  const auto refused = start("one", "big", Json(std::string(kMaxPayloadBytes, 'x')));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kInvalidArgument);
  ASSERT_TRUE(start("one", "w"));
  EXPECT_EQ(result("w").error().code(), Code::kInvalidArgument);
  EXPECT_EQ(signal("w", "s", Json(std::string(kMaxPayloadBytes, 'x'))).error().code(),
            Code::kInvalidArgument);
}

TEST_P(ActivityTest, RunsAgainAfterARestartFromItsLastHeartbeat) {
  workflows.add("one", one_activity);
  std::promise<void> beating;
  activities.add("work", [&](ActivityContext& ctx, const Json& input) -> Result<Json> {
    ledger.note(ctx.idempotency_key());
    if (const auto last = ctx.last_heartbeat()) {
      return *last;
    }
    ctx.heartbeat(Json("half"));
    beating.set_value();
    auto stopped = until_stopped(ctx, input);
    ledger.note(ctx.stop_reason() == StopReason::kShutdown ? "shutdown" : "other");
    return stopped;
  });
  open();
  ASSERT_TRUE(start("one", "w"));
  beating.get_future().wait();
  restart();
  EXPECT_EQ(result("w")->as_string(), "half");
  const std::string key = describe("w")->run.run_id.text() + "/1";
  EXPECT_EQ(ledger.entries(), (std::vector<std::string>{key, "shutdown", key}));
}

TEST_P(ActivityTest, WaitsOutItsBackOffAcrossARestart) {
  workflows.add("one", one_activity);
  activities.add("work", [](ActivityContext& ctx, const Json&) -> Result<Json> {
    return ctx.info().attempt == 1 ? Result<Json>(Error(Code::kUnavailable, "no", Retry::kUnknown))
                                   : Result<Json>(Json(ctx.info().attempt));
  });
  open();
  ASSERT_TRUE(start("one", "w"));
  idle();
  restart();
  idle();
  EXPECT_EQ(describe("w")->activities.at(0).state, "backing_off");
  advance(seconds(10));
  EXPECT_EQ(result("w")->as_int64(), 2);
}

TEST_P(ActivityTest, KeepsARunWhoseRowsAreDamaged) {
  replayable = false;
  workflows.add("one", one_activity);
  activities.add("work", [](ActivityContext&, const Json&) -> Result<Json> {
    return Error(Code::kUnavailable, "no", Retry::kUnknown);
  });
  open();
  ASSERT_TRUE(start("one", "history"));
  ASSERT_TRUE(start("one", "row"));
  idle();
  engine.reset();
  const auto damage = [](db::Connection& sql) -> Status {
    HF_TRY_VOID(
        sql.exec("UPDATE flow_history SET events = '[[1' WHERE run_id = "
                 "(SELECT run_id FROM flow_runs WHERE workflow_id = 'history')"));
    HF_TRY_VOID(sql.exec("UPDATE flow_runs SET memo = '{' WHERE workflow_id = 'row'"));
    return {};
  };
  ASSERT_TRUE(database->write_blocking(damage));
  set_log_level(LogLevel::kError);
  restart();
  ASSERT_TRUE(signal("history", "x"));
  idle();
  EXPECT_FALSE(describe("history"));
  EXPECT_FALSE(signal("row", "x"));
  EXPECT_EQ(start("one", "sound").has_value(), true);
}

}  // namespace
}  // namespace holdfast::flow::embedded
