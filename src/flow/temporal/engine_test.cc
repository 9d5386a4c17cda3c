// The engine against a real server: what the stories of conformance_test.cc do not tell.
#include "flow/temporal/testing/stage.h"

namespace holdfast::flow::temporal {
namespace {

class SlowTemporal : public testing::Test, protected TemporalStage {
 protected:
  void SetUp() override { HF_NEEDS_TEMPORAL(); }
};

TEST_F(SlowTemporal, RunsAWorkflowWithAnActivityToItsEnd) {
  workflows.add("greet", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    co_return co_await ctx.activity("say", ctx.input());
  });
  activities.add("say", [](ActivityContext& ctx, const Json& input) -> Result<Json> {
    return Json("hello " + std::string(input.get_string()) + " " + ctx.info().queue);
  });
  open();
  StartOptions how;
  how.memo = {{"why", "test"}};
  const auto started = start("greet", "g", Json("world"), how);
  ASSERT_TRUE(started) << started.error().to_string();
  EXPECT_TRUE(started->created);
  const auto outcome = result("g");
  ASSERT_TRUE(outcome) << outcome.error().to_string();
  EXPECT_EQ(*outcome, Json("hello world control"));
  const auto described = describe("g");
  ASSERT_TRUE(described) << described.error().to_string();
  EXPECT_EQ(described->run.status, RunStatus::kCompleted);
  EXPECT_EQ(described->input, Json("world"));
  EXPECT_EQ(described->result, Json("hello world control"));
  EXPECT_EQ(described->run.memo, (JsonObject{{"why", "test"}}));
  check_replay("g");
}

// What `temporal workflow show --output json` prints of a run.
Result<Json> shown_by_the_command_line(const std::string& address, const std::string& workflow) {
  const std::string command = dev_server_program() + " workflow show --output json --address " +
                              address + " --workflow-id " + workflow;
  FILE* pipe = ::popen(command.c_str(), "r");
  std::string text;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) {
    text += static_cast<char>(c);
  }
  ::pclose(pipe);
  return parse_json(text);
}

TEST_F(SlowTemporal, TheHistoryOfTemporalsCommandLineReplays) {
  workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    ctx.set_progress(Json("begin"));
    ActivityOptions options;
    options.retry.max_attempts = 1;
    const auto failed = co_await ctx.activity("fails", Json(JsonObject{{"a", 1}}), options);
    ctx.upsert_memo({{"seen", failed.error().message()}});
    ctx.set_progress(Json("end"));
    HF_CO_TRY_VOID(co_await ctx.timer(milliseconds(5)));
    co_return Json(failed.error().to_string());
  });
  activities.add("fails", [](ActivityContext&, const Json&) -> Result<Json> {
    return Error(Code::kConflict, "busy").with("by", "somebody");
  });
  open();
  ASSERT_TRUE(start("w", "a"));
  ASSERT_TRUE(result("a"));
  const auto shown = shown_by_the_command_line(options.address, prefix + "a");
  ASSERT_TRUE(shown) << shown.error().to_string();
  const Status replayed = replay_history(*shown, workflows);
  EXPECT_TRUE(replayed) << replayed.error().to_string();
  WorkflowRegistry other;
  other.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    HF_CO_TRY_VOID(co_await ctx.timer(milliseconds(5)));
    co_return Json();
  });
  EXPECT_FALSE(replay_history(*shown, other));
}

TEST_F(SlowTemporal, ReadsAHistoryOfManyPages) {
  constexpr int kRounds = 50;  // six events each; a page has 256
  workflows.add("long", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    std::int64_t sum = 0;
    for (int i = 0; i < kRounds; ++i) {
      HF_CO_TRY(const Json one, co_await ctx.activity("one", Json(i)));
      sum += one.get_int64();
    }
    co_return Json(sum);
  });
  activities.add("one", [](ActivityContext&, const Json&) -> Result<Json> { return Json(1); });
  open();
  ASSERT_TRUE(start("long", "a"));
  const auto outcome = result("a");
  ASSERT_TRUE(outcome) << outcome.error().to_string();
  EXPECT_EQ(*outcome, Json(kRounds));
  EXPECT_GT(history("a").size(), 256U);
  check_replay("a");
}

TEST_F(SlowTemporal, RegistersSearchAttributesAndFindsRunsByThem) {
  options.search_attributes = {{"resource_id", "Keyword"}, {"waiting_for", "Keyword"}};
  workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    ctx.upsert_search_attributes({{"waiting_for", "approval"}});
    HF_CO_TRY_VOID(co_await ctx.wait_signal("go"));
    ctx.upsert_search_attributes({{"waiting_for", nullptr}});
    co_return Json("done");
  });
  open();
  StartOptions how;
  how.search_attributes = {{"resource_id", prefix}};
  ASSERT_TRUE(start("w", "a", {}, how));
  wait_for("a", "UpsertWorkflowSearchAttributes");
  ListQuery query;
  query.attributes = {{"resource_id", Json(prefix)}};
  query.statuses = {RunStatus::kRunning};
  query.type = "w";
  // Temporal's index follows the history after a moment.
  std::vector<RunSummary> found;
  while (found.empty() || !found[0].search_attributes.contains("waiting_for")) {
    const auto page = wait(client().list(query));
    ASSERT_TRUE(page) << page.error().to_string();
    found = page->runs;
  }
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].search_attributes,
            (JsonObject{{"resource_id", prefix}, {"waiting_for", "approval"}}));
  EXPECT_EQ(describe("a")->run.run_id, found[0].run_id);
  EXPECT_TRUE(wait(client().describe(ref(found[0].run_id))));
  ASSERT_TRUE(signal("a", "go"));
  ASSERT_TRUE(result("a"));
  EXPECT_EQ(describe("a")->run.search_attributes, (JsonObject{{"resource_id", prefix}}));
}

TEST_F(SlowTemporal, AMissingNamespaceIsNamed) {
  options.name_space = "nobody-made-this";
  engine = std::make_unique<Engine>(clock, random, workflows, activities, options);
  const Status started = engine->start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code(), Code::kFailedPrecondition);
  EXPECT_THAT(started.error().to_string(), testing::HasSubstr("nobody-made-this"));
}

TEST_F(SlowTemporal, AnActivityThatIsInterruptedByAStopRunsAgain) {
  workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    co_return co_await ctx.activity("work", {});
  });
  activities.add("work", [this](ActivityContext& ctx, const Json&) -> Result<Json> {
    ledger.note("began " + ctx.idempotency_key());
    if (ctx.info().attempt > 1) {
      return ctx.last_heartbeat().value_or(Json("forgot"));
    }
    ctx.heartbeat(Json("first"));
    ctx.heartbeat(Json("half"));
    while (!ctx.stop_requested()) {
      pause(milliseconds(5));
    }
    EXPECT_EQ(ctx.stop_reason(), StopReason::kShutdown);
    return Error(Code::kCancelled, "the server stops");
  });
  open();
  const auto started = start("w", "a");
  ASSERT_TRUE(started);
  const std::string key = "began " + started->run_id.text() + "/1";
  ledger.wait_for(key);
  engine.reset();
  open();
  EXPECT_EQ(result("a").value(), Json("half"));
  EXPECT_EQ(ledger.count(key), 2);
}

TEST_F(SlowTemporal, CodeThatDoesNotMatchFailsTheTaskAndNotTheRun) {
  cache_size = 0;  // other code is met by a replay
  const auto other_code = std::make_shared<std::atomic<bool>>(false);
  workflows.add("w", [other_code](WorkflowContext& ctx) -> Task<Result<Json>> {
    if (*other_code) {
      HF_CO_TRY_VOID(co_await ctx.activity("unplanned", {}));
    }
    HF_CO_TRY_VOID(co_await ctx.timer(milliseconds(1)));
    co_return co_await ctx.wait_signal("go");
  });
  open();
  ASSERT_TRUE(start("w", "a"));
  wait_for("a", "WorkflowTaskCompleted", 2);
  *other_code = true;
  ASSERT_TRUE(signal("a", "go", Json("went")));
  wait_for("a", "WorkflowTaskFailed");
  const auto described = describe("a");
  ASSERT_TRUE(described);
  EXPECT_EQ(described->run.status, RunStatus::kRunning);
  ASSERT_TRUE(described->workflow_task_failure);
  EXPECT_THAT(described->workflow_task_failure->to_string(), testing::HasSubstr("unplanned"));
  *other_code = false;
  EXPECT_EQ(result("a").value(), Json("went"));
  check_replay("a");
}

TEST_F(SlowTemporal, TellsItsSubscribersWhatItDoes) {
  workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    ctx.set_progress(Json("half"));
    HF_CO_TRY_VOID(co_await ctx.activity("work", {}));
    co_return Json("done");
  });
  activities.add("work", [](ActivityContext& ctx, const Json&) -> Result<Json> {
    ctx.heartbeat(Json("beat"));
    return Json();
  });
  open();
  std::mutex mutex;
  std::vector<std::string> heard;
  const auto subscription = client().subscribe([&](const RunChange& change) {
    const std::lock_guard lock(mutex);
    heard.push_back(change.heartbeat
                        ? to_text(change.heartbeat->second)
                        : std::string(status_name(change.status)) + " " + to_text(change.progress));
    ledger.note(heard.back());
  });
  ASSERT_TRUE(start("w", "a"));
  ledger.wait_for("completed \"half\"");
  const std::lock_guard lock(mutex);
  EXPECT_THAT(heard, testing::IsSupersetOf({"running \"half\"", "\"beat\""}));
}

}  // namespace
}  // namespace holdfast::flow::temporal
