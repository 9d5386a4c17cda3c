// The same stories on both engines: they end alike, and their histories tell the same.
//
// What is compared of each event: its type and what it is about (activity, timer, signal, child,
// failure, values). Left out: ids, times, identities, empty values, the header that Temporal
// repeats on activities and children, the words of a parent that cancels its child, and the
// driver's notes of progress. Where it depends on who is faster which events share a workflow task,
// a story is compared as a set without the events of workflow tasks.
#include <set>

#include "flow/event.h"
#include "flow/temporal/testing/stage.h"

namespace holdfast::flow::temporal {
namespace {

struct Story {
  std::string name;
  void (*prepare)(Stage&);
  void (*tell)(Stage&);
  std::vector<std::string> runs = {"a"};
  bool ordered = true;
};

void PrintTo(const Story& story, std::ostream* out) { *out << story.name; }

std::string scrubbed_value(const Json& attributes, std::string_view key,
                           const std::string& prefix) {
  const Json* value = find(attributes, key);
  if (!value || *value == Json("0s") || *value == Json(JsonObject())) {
    return "";
  }
  std::string text =
      value->is_object() && find(*value, "name") ? get_string(*value, "name") : to_text(*value);
  for (std::size_t at = text.find(prefix); !prefix.empty() && at != std::string::npos;
       at = text.find(prefix)) {
    text.erase(at, prefix.size());
  }
  return " " + std::string(key) + "=" + text;
}

std::string scrubbed_failure(const Json& attributes) {
  const Json* failure = find(attributes, "failure");
  if (!failure) {
    return "";
  }
  const Error error = from_failure(*failure);
  return " failure=" + std::string(describe(error.code()).name) +
         (error.code() == Code::kDeadlineExceeded ? "" : ":" + error.message());
}

std::vector<std::string> scrubbed(Stage& stage, const std::string& id, bool ordered) {
  std::vector<std::string> lines;
  for (const HistoryEvent& event : stage.history(id)) {
    const Json* memo = find(event.attributes, "upsertedMemo");
    if (memo && find(*memo, kProgressMemo)) {
      continue;
    }
    const bool task = event.type.starts_with("WorkflowTask");
    if (task && !ordered) {
      continue;
    }
    std::string line = event.type;
    for (const std::string_view key :
         {"activityType", "activityId", "timerId", "signalName", "startToFireTimeout", "input",
          "result", "memo", "upsertedMemo", "searchAttributes", "parentClosePolicy", "retryState",
          "startToCloseTimeout", "heartbeatTimeout", "retryPolicy"}) {
      // Only Temporal says of a child's failure that it had no retry policy.
      const bool of_child = key == "retryState" && event.type.starts_with("ChildWorkflow");
      if (!task && !of_child) {
        line += scrubbed_value(event.attributes, key, stage.prefix);
      }
    }
    lines.push_back(line + scrubbed_failure(event.attributes));
  }
  return lines;
}

Result<Json> echo(ActivityContext&, const Json& input) { return input; }

Error lost() { return {Code::kUnavailable, "the line is cut", Retry::kTransient}; }

// Waits until it is told to stop; says how.
Result<Json> until_stopped(ActivityContext& ctx) {
  while (!ctx.stop_requested()) {
    ctx.heartbeat(Json("alive"));
    std::this_thread::sleep_for(milliseconds(20));
  }
  return Error(Code::kCancelled, "asked to stop");
}

ActivityOptions quick_retries(int attempts = 0) {
  ActivityOptions options;
  options.retry.initial = milliseconds(10);
  options.retry.max_attempts = attempts;
  return options;
}

void sequence(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    HF_CO_TRY(const Json one, co_await ctx.activity("echo", Json("one")));
    HF_CO_TRY(const Json two, co_await ctx.activity("echo", Json("two")));
    co_return Json(JsonArray{one, two});
  });
  stage.activities.add("echo", echo);
}

void plain_run(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  EXPECT_TRUE(stage.result("a"));
}

void failing_run(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  EXPECT_FALSE(stage.result("a"));
}

void retried(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    co_return co_await ctx.activity("flaky", {}, quick_retries());
  });
  stage.activities.add("flaky", [](ActivityContext& ctx, const Json&) -> Result<Json> {
    ctx.heartbeat(Json(ctx.info().attempt));
    if (ctx.info().attempt < 3) {
      return lost();
    }
    return Json(ctx.info().attempt);
  });
}

void attempts_used_up(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    co_return co_await ctx.activity("flaky", {}, quick_retries(2));
  });
  stage.activities.add("flaky", [](ActivityContext&, const Json&) -> Result<Json> {
    return lost().with("volume", "v1");
  });
}

void permanent(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    const auto done = co_await ctx.activity("broken", {}, quick_retries());
    if (!done) {
      co_return Json(done.error().to_string());
    }
    co_return done;
  });
  stage.activities.add("broken", [](ActivityContext&, const Json&) -> Result<Json> {
    return Error(Code::kDataLoss, "the pack is damaged").with("pack", "p1");
  });
}

void unknown_activity(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    co_return co_await ctx.activity("nobody", {}, quick_retries(2));
  });
}

void attempt_too_long(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    ActivityOptions options = quick_retries(1);
    options.start_to_close = seconds(1);
    co_return co_await ctx.activity("slow", {}, options);
  });
  stage.activities.add(
      "slow", [](ActivityContext& ctx, const Json&) -> Result<Json> { return until_stopped(ctx); });
}

void silent_attempt(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    ActivityOptions options = quick_retries(2);
    options.heartbeat = seconds(1);
    co_return co_await ctx.activity("silent", {}, options);
  });
  stage.activities.add("silent", [](ActivityContext& ctx, const Json&) -> Result<Json> {
    if (ctx.info().attempt == 1) {
      ctx.heartbeat(Json("half"));
      std::this_thread::sleep_for(seconds(2));
      return Json("nobody hears this");
    }
    return ctx.last_heartbeat().value_or(Json("nothing"));
  });
}

void timers(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    HF_CO_TRY_VOID(co_await ctx.timer(seconds(1)));
    HF_CO_TRY_VOID(co_await ctx.timer(Nanoseconds(0)));
    const auto long_one = ctx.timer(std::chrono::hours(10));
    HF_CO_TRY_VOID(co_await ctx.timer(milliseconds(1500)));
    long_one.cancel();
    co_return Json(ctx.uuid().size());
  });
}

void signals(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    HF_CO_TRY_VOID(co_await ctx.activity("echo", Json("ready")));
    HF_CO_TRY(const Json first, co_await ctx.wait_signal("go"));
    HF_CO_TRY(const auto second, co_await ctx.wait_signal("go", std::chrono::hours(1)));
    co_return Json(JsonArray{first, second.value_or(Json())});
  });
  stage.activities.add("echo", echo);
}

void tell_signals(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  stage.wait_for("a", "WorkflowTaskCompleted", 2);
  ASSERT_TRUE(stage.signal("a", "go", Json("1"), "r1"));
  ASSERT_TRUE(stage.signal("a", "go", Json("1"), "r1"));  // the same once more
  stage.wait_for("a", "WorkflowTaskCompleted", 3);
  ASSERT_TRUE(stage.signal("a", "go", Json("2")));
  EXPECT_EQ(stage.result("a").value(), Json(JsonArray{Json("1"), Json("2")}));
  const Status late = stage.signal("a", "go", Json("3"));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), Code::kFailedPrecondition);
}

void asked(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    const auto heard = std::make_shared<std::string>("nothing");
    ctx.set_query("heard", [heard](const Json& args) -> Result<Json> {
      if (!args.is_null()) {
        return Error(Code::kInvalidArgument, "no arguments, please").with("args", to_text(args));
      }
      return Json(*heard);
    });
    ctx.set_progress(Json("waiting"));
    HF_CO_TRY(const Json word, co_await ctx.wait_signal("word"));
    *heard = word.get_string();
    HF_CO_TRY_VOID(co_await ctx.wait_signal("end"));
    co_return Json(*heard);
  });
}

void tell_asked(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  stage.wait_for("a", "WorkflowTaskCompleted");
  EXPECT_EQ(stage.query("a", "heard").value(), Json("nothing"));
  EXPECT_EQ(stage.query("a", "progress").value(), Json("waiting"));
  EXPECT_EQ(stage.describe("a")->run.progress, Json("waiting"));
  ASSERT_TRUE(stage.signal("a", "word", Json("hi")));
  stage.wait_for("a", "WorkflowTaskCompleted", 2);
  EXPECT_EQ(stage.query("a", "heard").value(), Json("hi"));
  const auto refused = stage.query("a", "heard", Json(1));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().to_string().find("no arguments, please"), std::string::npos);
  EXPECT_FALSE(stage.query("a", "unheard"));
  ASSERT_TRUE(stage.signal("a", "end"));
  EXPECT_TRUE(stage.result("a"));
  EXPECT_EQ(stage.query("a", "heard").value(), Json("hi"));  // of a closed run
}

void parent(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    const std::string prefix(ctx.input().get_string());
    ChildOptions good;
    good.workflow_id = prefix + "good";
    good.memo = {{"of", "a"}};
    const Child one = ctx.child("good", Json("x"), good);
    HF_CO_TRY(const Json result, co_await one.result);
    ChildOptions bad;
    bad.workflow_id = prefix + "bad";
    const Child two = ctx.child("bad", Json("y"), bad);
    const auto failed = co_await two.result;
    co_return Json(JsonArray{result, Json(failed ? "?" : failed.error().message())});
  });
  stage.workflows.add("good", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    co_return co_await ctx.activity("header", ctx.input());
  });
  stage.workflows.add("bad", [](WorkflowContext&) -> Task<Result<Json>> {
    co_return Error(Code::kTargetMissed, "the target was missed").with("by", "1h");
  });
  stage.activities.add("header", [](ActivityContext& ctx, const Json&) -> Result<Json> {
    const auto found = ctx.info().header.find("traceparent");
    return Json(found == ctx.info().header.end() ? "none" : found->second);
  });
}

void tell_parent(Stage& stage) {
  StartOptions how;
  how.header = {{"traceparent", "00-1-2-01"}};
  ASSERT_TRUE(stage.start("w", "a", Json(stage.prefix), how));
  const auto outcome = stage.result("a");
  ASSERT_TRUE(outcome) << outcome.error().to_string();
  EXPECT_EQ(*outcome, Json(JsonArray{Json("00-1-2-01"), Json("the target was missed")}));
  EXPECT_EQ(stage.describe("good")->run.memo, (JsonObject{{"of", "a"}}));
}

// Ends while its child still waits, which is terminated then.
void leaving(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    ChildOptions how;
    how.workflow_id = std::string(ctx.input().get_string()) + "kid";
    const Child child = ctx.child("waits", {}, how);
    HF_CO_TRY_VOID(co_await child.started);
    co_return Json("left");
  });
  stage.workflows.add("waits", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    co_return co_await ctx.wait_signal("never");
  });
}

void tell_leaving(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a", Json(stage.prefix)));
  ASSERT_TRUE(stage.result("a"));
  const auto kid = stage.result("kid");
  ASSERT_FALSE(kid);
  EXPECT_EQ(kid.error().code(), Code::kCancelled);
}

void cancelled_child(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    ChildOptions how;
    how.workflow_id = std::string(ctx.input().get_string()) + "kid";
    const Child child = ctx.child("waits", {}, how);
    co_return co_await child.result;
  });
  stage.workflows.add("waits", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    co_return co_await ctx.wait_signal("never");
  });
}

void tell_cancelled_child(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a", Json(stage.prefix)));
  stage.wait_for("a", "WorkflowTaskCompleted", 2);
  ASSERT_TRUE(stage.cancel("a"));
  const auto outcome = stage.result("a");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Code::kCancelled);
  EXPECT_EQ(stage.describe("kid")->run.status, RunStatus::kCanceled);
}

// Asked to stop while an activity runs; waits for it, cleans up in a shielded scope.
void cancelled(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    ActivityOptions options;
    options.heartbeat = seconds(5);
    const auto work = co_await ctx.activity("work", {}, options);
    const WorkflowContext clean = ctx.shielded();
    HF_CO_TRY_VOID(co_await clean.activity("echo", Json("clean-up")));
    co_return work;
  });
  stage.activities.add("echo", echo);
  stage.activities.add("work", [&stage](ActivityContext& ctx, const Json&) -> Result<Json> {
    stage.ledger.note("working");
    auto end = until_stopped(ctx);
    EXPECT_EQ(ctx.stop_reason(), StopReason::kCancelled);
    return end;
  });
}

void tell_cancelled(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  stage.ledger.wait_for("working");
  ASSERT_TRUE(stage.cancel("a"));
  const auto outcome = stage.result("a");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Code::kCancelled);
  EXPECT_EQ(stage.describe("a")->run.status, RunStatus::kCanceled);
}

void cancelled_timer(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    const Status waited = co_await ctx.timer(std::chrono::hours(10));
    HF_CO_TRY_VOID(waited);
    co_return Json("never");
  });
}

void tell_cancelled_timer(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  stage.wait_for("a", "TimerStarted");
  EXPECT_EQ(stage.describe("a")->timers.size(), 1U);
  ASSERT_TRUE(stage.cancel("a"));
  EXPECT_FALSE(stage.result("a"));
}

void terminated(Stage& stage) { cancelled_timer(stage); }

void tell_terminated(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  stage.wait_for("a", "TimerStarted");
  ASSERT_TRUE(stage.terminate("a"));
  const auto outcome = stage.result("a");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Code::kCancelled);
  EXPECT_EQ(stage.describe("a")->run.status, RunStatus::kTerminated);
}

void memo_changes(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    ctx.upsert_memo({{"gone", nullptr}, {"phase", "begin"}});
    ctx.set_progress(Json(JsonObject{{"percent", 10}}));
    HF_CO_TRY_VOID(co_await ctx.activity("echo", Json("one")));
    ctx.upsert_memo({{"phase", "end"}});
    ctx.set_progress(Json(JsonObject{{"percent", 100}}));
    co_return Json("done");
  });
  stage.activities.add("echo", echo);
}

void tell_memo_changes(Stage& stage) {
  StartOptions how;
  how.memo = {{"gone", 1}, {"stays", true}};
  ASSERT_TRUE(stage.start("w", "a", {}, how));
  ASSERT_TRUE(stage.result("a"));
  const auto described = stage.describe("a");
  EXPECT_EQ(described->run.memo, (JsonObject{{"stays", true}, {"phase", "end"}}));
  EXPECT_EQ(described->run.progress, Json(JsonObject{{"percent", 100}}));
}

void parallel(Stage& stage) {
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    const auto left = ctx.activity("echo", Json("left"));
    const auto right = ctx.activity("echo_co", Json("right"));
    HF_CO_TRY(const Json one, co_await left);
    HF_CO_TRY(const Json two, co_await right);
    co_return Json(JsonArray{one, two});
  });
  stage.activities.add("echo", echo);
  stage.activities.add_co(
      "echo_co", [](ActivityContext&, Json input) -> async::Co<Result<Json>> { co_return input; });
}

void same_id(Stage& stage) { cancelled_timer(stage); }

void tell_same_id(Stage& stage) {
  StartOptions how;
  how.request_id = "r1";
  const auto first = stage.start("w", "a", {}, how);
  ASSERT_TRUE(first);
  EXPECT_EQ(stage.start("w", "a", {}, how)->run_id, first->run_id);
  const auto taken = stage.start("w", "a");
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code(), Code::kAlreadyExists);
  how.request_id = "r2";
  how.conflict = IdConflict::kUseExisting;
  const auto found = stage.start("w", "a", {}, how);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->run_id, first->run_id);
  EXPECT_FALSE(found->created);
  const auto unknown = stage.start("unknown", "b");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code(), Code::kNotFound);
  EXPECT_EQ(stage.signal("nobody", "x").error().code(), Code::kNotFound);
  ASSERT_TRUE(stage.terminate("a"));
}

// crash_test.cc's whole life: a sequence, two in parallel, a retry, a timer, a signal, a child.
void whole_life(Stage& stage) {
  stage.workflows.add("small", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    co_return co_await ctx.activity("echo", ctx.input());
  });
  stage.workflows.add("w", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    ctx.upsert_memo({{"phase", "begin"}});
    HF_CO_TRY_VOID(co_await ctx.activity("echo", Json("first")));
    const auto left = ctx.activity("echo", Json("left"));
    const auto right = ctx.activity("flaky", Json("right"), quick_retries());
    HF_CO_TRY_VOID(co_await left);
    HF_CO_TRY_VOID(co_await right);
    HF_CO_TRY_VOID(co_await ctx.timer(seconds(1)));
    HF_CO_TRY(const Json answer, co_await ctx.wait_signal("approve"));
    const Child child = ctx.child("small", Json("child"));
    HF_CO_TRY_VOID(co_await child.result);
    ctx.set_progress(Json("end"));
    co_return answer;
  });
  stage.activities.add("echo", echo);
  stage.activities.add("flaky", [](ActivityContext& ctx, const Json& input) -> Result<Json> {
    if (ctx.info().attempt == 1) {
      return lost();
    }
    return input;
  });
}

void tell_whole_life(Stage& stage) {
  ASSERT_TRUE(stage.start("w", "a"));
  stage.wait_for("a", "TimerFired");
  ASSERT_TRUE(stage.signal("a", "approve", Json("yes")));
  EXPECT_EQ(stage.result("a").value(), Json("yes"));
}

const std::vector<Story>& stories() {
  static const std::vector<Story> all = {
      {"Sequence", sequence, plain_run},
      {"Retried", retried, plain_run},
      {"AttemptsUsedUp", attempts_used_up, failing_run},
      {"Permanent", permanent, plain_run},
      {"UnknownActivity", unknown_activity, failing_run},
      {"AttemptTooLong", attempt_too_long, failing_run},
      {"SilentAttempt", silent_attempt, plain_run, {"a"}, false},
      {"Timers", timers, plain_run},
      {"Signals", signals, tell_signals},
      {"Asked", asked, tell_asked},
      {"Parent", parent, tell_parent, {"a", "good", "bad"}, false},
      {"Leaving", leaving, tell_leaving, {"a", "kid"}, false},
      {"CancelledChild", cancelled_child, tell_cancelled_child, {"a", "kid"}, false},
      {"Cancelled", cancelled, tell_cancelled},
      {"CancelledTimer", cancelled_timer, tell_cancelled_timer},
      {"Terminated", terminated, tell_terminated},
      {"MemoChanges", memo_changes, tell_memo_changes},
      {"Parallel", parallel, plain_run, {"a"}, false},
      {"SameId", same_id, tell_same_id},
      {"WholeLife", whole_life, tell_whole_life, {"a"}, false},
  };
  return all;
}

class SlowConformance : public testing::TestWithParam<Story> {
 protected:
  void SetUp() override { HF_NEEDS_TEMPORAL(); }

  std::vector<std::vector<std::string>> histories(Stage& stage) {
    const Story& story = GetParam();
    story.prepare(stage);
    stage.open();
    story.tell(stage);
    std::vector<std::vector<std::string>> all;
    for (const std::string& run : story.runs) {
      all.push_back(scrubbed(stage, run, story.ordered));
      stage.check_replay(run);
      if (!story.ordered) {
        std::ranges::sort(all.back());
      }
    }
    return all;
  }
};

TEST_P(SlowConformance, TellsTheSameOnBothEngines) {
  EmbeddedStage embedded;
  const auto ours = histories(embedded);
  TemporalStage temporal;
  const auto theirs = histories(temporal);
  ASSERT_EQ(ours.size(), theirs.size());
  for (std::size_t i = 0; i < ours.size(); ++i) {
    EXPECT_THAT(theirs[i], testing::ElementsAreArray(ours[i])) << GetParam().runs[i];
  }
}

INSTANTIATE_TEST_SUITE_P(Stories, SlowConformance, testing::ValuesIn(stories()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace holdfast::flow::temporal
