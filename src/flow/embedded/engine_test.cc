// Activities: order, retries, timeouts, heartbeats; starting and listing runs.
#include "flow/embedded/engine.h"

#include "flow/embedded/engine_fixture.h"

namespace holdfast::flow::embedded {
namespace {

class EngineTest : public CacheTest {};
HF_WITH_AND_WITHOUT_CACHE(EngineTest);

Result<Json> plus_one(ActivityContext&, const Json& input) {
  return Json{{"n", get_int(input, "n") + 1}};
}

Task<Result<Json>> twice(WorkflowContext& ctx) {
  HF_CO_TRY(const Json first, co_await ctx.activity("plus_one", ctx.input()));
  HF_CO_TRY(const Json second, co_await ctx.activity("plus_one", first));
  co_return second;
}

TEST_P(EngineTest, RunsActivitiesInSequence) {
  workflows.add("twice", twice);
  activities.add("plus_one", plus_one);
  open();
  const auto started = start("twice", "w1", {{"n", 1}});
  ASSERT_TRUE(started) << started.error().to_string();
  EXPECT_TRUE(started->created);
  const auto done = result("w1");
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(get_int(*done, "n"), 3);
  const std::vector<std::string> task = {"WorkflowTaskScheduled", "WorkflowTaskStarted",
                                         "WorkflowTaskCompleted"};
  const std::vector<std::string> activity = {"ActivityTaskScheduled", "ActivityTaskStarted",
                                             "ActivityTaskCompleted"};
  std::vector<std::string> expected = {"WorkflowExecutionStarted"};
  for (const auto& part : {task, activity, task, activity, task}) {
    expected.insert(expected.end(), part.begin(), part.end());
  }
  expected.emplace_back("WorkflowExecutionCompleted");
  EXPECT_EQ(events("w1"), expected);
}

Task<Result<Json>> in_parallel(WorkflowContext& ctx) {
  std::vector<Future<Result<Json>>> all;
  for (int i = 0; i < 5; ++i) {
    all.push_back(ctx.activity("plus_one", Json{{"n", i}}));
  }
  std::int64_t sum = 0;
  for (const auto& one : all) {
    HF_CO_TRY(const Json value, co_await one);
    sum += get_int(value, "n");
  }
  co_return Json(sum);
}

TEST_P(EngineTest, RunsActivitiesInParallel) {
  workflows.add("parallel", in_parallel);
  activities.add("plus_one", plus_one);
  open();
  ASSERT_TRUE(start("parallel", "w"));
  const auto done = result("w");
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(done->as_int64(), 15);
}

TEST_P(EngineTest, RunsActivitiesThatSuspend) {
  workflows.add("twice", twice);
  activities.add_co("plus_one", [this](ActivityContext& ctx, Json input) {
    ledger.note(ctx.idempotency_key());
    static constexpr auto kWork = [](Json given) -> async::Co<Result<Json>> {
      co_return Json{{"n", get_int(given, "n") + 1}};
    };
    return kWork(std::move(input));
  });
  open();
  ASSERT_TRUE(start("twice", "w", {{"n", 5}}));
  EXPECT_EQ(get_int(*result("w"), "n"), 7);
  const std::string run = describe("w")->run.run_id.text();
  EXPECT_EQ(ledger.entries(), (std::vector<std::string>{run + "/1", run + "/2"}));
}

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

TEST_P(EngineTest, RepeatsFailedAttemptsWithGrowingPauses) {
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

TEST_P(EngineTest, GivesUpAfterTheLastAttempt) {
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

TEST_P(EngineTest, DoesNotRepeatWhatCannotSucceed) {
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

TEST_P(EngineTest, RepeatsAnAttemptThatThrows) {
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

TEST_P(EngineTest, WaitsForAnActivityThatThisProgramDoesNotHave) {
  workflows.add("one", one_activity);
  open();
  ASSERT_TRUE(start("one", "w", {{"max_attempts", 2}}));
  ASSERT_TRUE(run_to_end("w"));
  EXPECT_EQ(result("w").error().code(), Code::kNotFound);
}

TEST_P(EngineTest, RefusesAQueueThatItDoesNotHave) {
  workflows.add("one", one_activity);
  activities.add("work", [](ActivityContext&, const Json&) -> Result<Json> { return Json(1); });
  open();
  ASSERT_TRUE(start("one", "w", {{"queue", "elsewhere"}}));
  const auto done = result("w");
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().to_string().find("elsewhere"), std::string::npos);
}

// Blocks until it is told to stop.
Result<Json> until_stopped(ActivityContext& ctx, const Json&) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait(lock, ctx.stop_token(), [] { return false; });
  return Error(Code::kCancelled, "stopped");
}

class EngineTimeoutTest : public EngineTest {
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
HF_WITH_AND_WITHOUT_CACHE(EngineTimeoutTest);

TEST_P(EngineTimeoutTest, EndsAnAttemptThatTakesTooLong) {
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

TEST_P(EngineTimeoutTest, ReportsStartToCloseAfterTheLastAttempt) {
  activities.add("work", until_stopped);
  const auto done = end_of({{"start_to_close", 30}, {"max_attempts", 2}});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Code::kDeadlineExceeded);
  EXPECT_NE(done.error().to_string().find("START_TO_CLOSE"), std::string::npos);
}

TEST_P(EngineTimeoutTest, ReportsScheduleToCloseOverAllAttempts) {
  activities.add("work", [](ActivityContext&, const Json&) -> Result<Json> {
    return Error(Code::kUnavailable, "no", Retry::kTransient);
  });
  const auto done = end_of({{"schedule_to_close", 100}});
  ASSERT_FALSE(done);
  EXPECT_LT(clock.now() - test_start(), seconds(101));
}

TEST_P(EngineTimeoutTest, ReportsScheduleToStartWhenNoWorkerIsFree) {
  options.queues = {{"control", 1}};
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

TEST_P(EngineTimeoutTest, EndsAnAttemptThatStopsHeartbeating) {
  activities.add("work", [](ActivityContext& ctx, const Json& input) -> Result<Json> {
    if (ctx.info().attempt == 1) {
      ctx.heartbeat(Json{{"done", 7}});
      return until_stopped(ctx, input);
    }
    return *ctx.last_heartbeat();
  });
  const auto done = end_of({{"heartbeat", 15}});
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(get_int(*done, "done"), 7);
}

TEST_P(EngineTest, KeepsAnAttemptThatHeartbeats) {
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
    const int before = beats;
    clock.advance(seconds(9));
    while (beats < before + 3) {
      std::this_thread::yield();
    }
    engine->wait_idle(false);
  }
  EXPECT_GT(describe("w")->activities[0].heartbeat->as_int64(), 0);
  go_on = false;
  EXPECT_EQ(result("w")->as_int64(), 1);
}

TEST_P(EngineTest, RefusesPayloadsThatAreTooLarge) {
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

TEST_P(EngineTest, StartsARunOnceForARequest) {
  workflows.add("twice", twice);
  activities.add("plus_one", plus_one);
  open();
  StartOptions how;
  how.request_id = "r1";
  const auto first = start("twice", "w", {{"n", 1}}, how);
  const auto second = start("twice", "w", {{"n", 1}}, how);
  ASSERT_TRUE(first && second);
  EXPECT_TRUE(first->created);
  EXPECT_FALSE(second->created);
  EXPECT_EQ(first->run_id, second->run_id);
  ASSERT_TRUE(result("w"));
  EXPECT_EQ(start("twice", "w", {{"n", 1}}, how)->run_id, first->run_id);
}

Task<Result<Json>> wait_for_go(WorkflowContext& ctx) { co_return co_await ctx.wait_signal("go"); }

TEST_P(EngineTest, FollowsThePoliciesForWorkflowIdsInUse) {
  workflows.add("wait", wait_for_go);
  open();
  ASSERT_TRUE(start("wait", "w"));
  EXPECT_EQ(start("wait", "w").error().code(), Code::kAlreadyExists);
  StartOptions how;
  how.conflict = IdConflict::kUseExisting;
  EXPECT_FALSE(start("wait", "w", {}, how)->created);
  how.conflict = IdConflict::kTerminateExisting;
  const auto replaced = start("wait", "w", {}, how);
  ASSERT_TRUE(replaced);
  EXPECT_TRUE(replaced->created);
  ASSERT_TRUE(signal("w", "go"));
  ASSERT_TRUE(result("w"));
  how = {};
  how.reuse = IdReuse::kReject;
  EXPECT_EQ(start("wait", "w", {}, how).error().code(), Code::kAlreadyExists);
  how.reuse = IdReuse::kAllowIfFailed;
  EXPECT_EQ(start("wait", "w", {}, how).error().code(), Code::kAlreadyExists);
  EXPECT_TRUE(start("wait", "w"));
}

TEST_P(EngineTest, TellsWhatIsWrongWithACall) {
  workflows.add("wait", wait_for_go);
  open();
  EXPECT_EQ(start("nothing", "w").error().code(), Code::kNotFound);
  EXPECT_EQ(describe("w").error().code(), Code::kNotFound);
  EXPECT_EQ(signal("w", "go").error().code(), Code::kNotFound);
  ASSERT_TRUE(start("wait", "w"));
  ASSERT_TRUE(terminate("w"));
  EXPECT_EQ(signal("w", "go").error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(result("w").error().code(), Code::kCancelled);
  engine->stop();
  EXPECT_EQ(signal("w", "go").error().code(), Code::kUnavailable);
}

TEST_P(EngineTest, EndsARunThatTakesTooLong) {
  workflows.add("wait", wait_for_go);
  open();
  StartOptions how;
  how.run_timeout = hours(1);
  ASSERT_TRUE(start("wait", "w", {}, how));
  advance(minutes(59));
  EXPECT_EQ(describe("w")->run.status, RunStatus::kRunning);
  advance(minutes(1));
  EXPECT_EQ(describe("w")->run.status, RunStatus::kTimedOut);
  EXPECT_EQ(result("w").error().code(), Code::kDeadlineExceeded);
}

TEST_P(EngineTest, ListsRunsByStatusTypeAndAttributePageByPage) {
  workflows.add("wait", wait_for_go);
  workflows.add("other", wait_for_go);
  open();
  for (int i = 0; i < 5; ++i) {
    StartOptions how;
    how.search_attributes = {{"resource", i < 2 ? "a" : "b"}};
    ASSERT_TRUE(start(i == 4 ? "other" : "wait", "w" + std::to_string(i), {}, how));
    clock.advance(seconds(1));
  }
  ASSERT_TRUE(signal("w1", "go"));
  const auto ids = [this](ListQuery query) {
    std::string found;
    do {
      const auto page = wait(engine->client().list(query));
      EXPECT_TRUE(page);
      for (const RunSummary& run : page->runs) {
        found += run.workflow_id.text() + " ";
      }
      query.page_key = page->next_page_key;
    } while (!query.page_key.empty());
    return found;
  };
  ListQuery query;
  query.limit = 2;
  EXPECT_EQ(ids(query), "w4 w3 w2 w1 w0 ");
  query.statuses = {RunStatus::kCompleted};
  EXPECT_EQ(ids(query), "w1 ");
  query.statuses = {};
  query.type = "other";
  EXPECT_EQ(ids(query), "w4 ");
  query.type = "";
  query.attributes = {{"resource", "b"}};
  EXPECT_EQ(ids(query), "w4 w3 w2 ");
  query.page_key = "nonsense";
  EXPECT_EQ(wait(engine->client().list(query)).error().code(), Code::kInvalidArgument);
}

TEST_P(EngineTest, RunsAHundredRunsAtOnce) {
  workflows.add("twice", twice);
  activities.add("plus_one", plus_one);
  open();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(start("twice", "w" + std::to_string(i), {{"n", i}}));
  }
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(get_int(*result("w" + std::to_string(i)), "n"), i + 2);
  }
}

TEST_P(EngineTest, TellsSubscribersOfEveryChange) {
  workflows.add("wait", wait_for_go);
  open();
  std::mutex mutex;
  std::vector<RunChange> changes;
  const auto subscription = engine->client().subscribe([&](const RunChange& change) {
    const std::lock_guard lock(mutex);
    changes.push_back(change);
  });
  ASSERT_TRUE(start("wait", "w"));
  ASSERT_TRUE(signal("w", "go"));
  ASSERT_TRUE(result("w"));
  idle();
  const std::lock_guard lock(mutex);
  ASSERT_GE(changes.size(), 2U);
  EXPECT_EQ(changes.front().last_event_id, 4);
  EXPECT_EQ(changes.back().status, RunStatus::kCompleted);
}

TEST_P(EngineTest, WaitsForTheNextEvents) {
  workflows.add("wait", wait_for_go);
  open();
  ASSERT_TRUE(start("wait", "w"));
  auto later = std::async(std::launch::async, [this] {
    return wait(engine->client().wait_for_events(ref(WorkflowId("w")), 4, hours(1)));
  });
  ASSERT_TRUE(signal("w", "go"));
  const auto seen = later.get();
  ASSERT_TRUE(seen);
  ASSERT_FALSE(seen->empty());
  EXPECT_EQ(seen->front().type, "WorkflowExecutionSignaled");
  const auto none = wait(engine->client().wait_for_events(ref(WorkflowId("w")), 100, hours(1)));
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->empty());
}

}  // namespace
}  // namespace holdfast::flow::embedded
