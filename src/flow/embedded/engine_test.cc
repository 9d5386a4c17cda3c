// Sequences and parallel activities; starting, listing and watching runs.
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
