// Tasks for workers outside: polls, heartbeats, ends, and what restarts and timeouts do to them.
#include "flow/embedded/leases.h"

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>

#include "flow/embedded/engine_fixture.h"

namespace holdfast::flow::embedded {
namespace {

Task<Result<Json>> outside(WorkflowContext& ctx) {
  ActivityOptions how;
  how.queue = "agent:web1";
  how.heartbeat = minutes(1);
  how.start_to_close = hours(2);
  how.retry.max_attempts = static_cast<int>(get_int(ctx.input(), "attempts", 3));
  how.schedule_to_start = seconds(get_int(ctx.input(), "patience"));
  co_return co_await ctx.activity("work", ctx.input(), how);
}

class LeasesTest : public CacheTest {
 protected:
  LeasesTest() { workflows.add("outside", outside); }

  Result<std::optional<ActivityTask>> poll(Nanoseconds patience = Nanoseconds(0),
                                           const std::string& who = "web1") {
    idle();
    return wait(engine->tasks().poll("agent:web1", who, patience));
  }
  ActivityTask task() {
    auto polled = poll();
    EXPECT_TRUE(polled && *polled) << (polled ? "no task" : polled.error().to_string());
    return polled && *polled ? **polled : ActivityTask();
  }
  Status complete(const std::string& token, Result<Json> outcome) {
    return wait(engine->tasks().complete(token, std::move(outcome)));
  }
  Result<HeartbeatAnswer> heartbeat(const std::string& token, Json details = {}) {
    return wait(engine->tasks().heartbeat(token, std::move(details)));
  }
};

TEST_P(LeasesTest, HandsATaskToWhoPollsAndTakesItsEnd) {
  open();
  EXPECT_FALSE(*poll());
  ASSERT_TRUE(start("outside", "w", {{"n", 7}}));
  const ActivityTask got = task();
  EXPECT_EQ(get_int(got.input, "n"), 7);
  EXPECT_EQ(got.info.type, "work");
  EXPECT_EQ(got.info.attempt, 1);
  EXPECT_FALSE(*poll());
  const auto shown = describe("w");
  ASSERT_EQ(shown->activities.size(), 1U);
  EXPECT_EQ(shown->activities[0].state, "started");
  EXPECT_EQ(shown->activities[0].worker, "web1");
  EXPECT_TRUE(heartbeat(got.token, {{"done", 3}}));
  EXPECT_EQ(get_int(*describe("w")->activities[0].heartbeat, "done"), 3);
  EXPECT_TRUE(complete(got.token, Json("made")));
  EXPECT_EQ(*result("w"), Json("made"));
  EXPECT_EQ(complete(got.token, Json("made")).error().code(), Code::kNotFound);
  EXPECT_EQ(heartbeat(got.token).error().code(), Code::kNotFound);
}

TEST_P(LeasesTest, SaysWhyATaskWaits) {
  open();
  ASSERT_TRUE(start("outside", "w"));
  idle();
  EXPECT_EQ(describe("w")->activities[0].waiting_for,
            "no worker asks for tasks of queue agent:web1");
  EXPECT_TRUE(complete(task().token, Json()));
}

TEST_P(LeasesTest, WakesAPollThatWaits) {
  open();
  auto waiting =
      boost::asio::co_spawn(calls.executor(), engine->tasks().poll("agent:web1", "web1", hours(1)),
                            boost::asio::use_future);
  ASSERT_TRUE(start("outside", "w"));
  const auto polled = waiting.get();
  ASSERT_TRUE(polled && *polled);
  EXPECT_TRUE(complete((*polled)->token, Json()));
}

TEST_P(LeasesTest, APollEndsWithItsPatienceAndWithTheEngine) {
  open();
  auto patient = boost::asio::co_spawn(calls.executor(),
                                       engine->tasks().poll("agent:web1", "web1", minutes(1)),
                                       boost::asio::use_future);
  while (!clock.advance_to_next()) {
  }
  auto first = patient.get();
  EXPECT_TRUE(first && !*first);
  auto longer =
      boost::asio::co_spawn(calls.executor(), engine->tasks().poll("agent:web1", "web1", hours(1)),
                            boost::asio::use_future);
  engine->stop();
  const auto second = longer.get();
  EXPECT_TRUE(!second || !*second);
  EXPECT_EQ(wait(engine->tasks().poll("agent:web1", "web1", hours(1))).error().code(),
            Code::kUnavailable);
  replayable = false;
}

TEST_P(LeasesTest, ALeaseOutlivesTheEngine) {
  open();
  ASSERT_TRUE(start("outside", "w"));
  const ActivityTask got = task();
  ASSERT_TRUE(heartbeat(got.token, {{"done", 1}}));
  restart();
  EXPECT_TRUE(heartbeat(got.token, {{"done", 2}}));  // perhaps before the run was looked at
  idle();
  EXPECT_EQ(describe("w")->activities[0].worker, "web1");
  EXPECT_FALSE(*poll());
  clock.advance(seconds(50));
  EXPECT_TRUE(heartbeat(got.token, {{"done", 3}}));
  clock.advance(seconds(50));
  idle();
  EXPECT_TRUE(complete(got.token, Json("made")));
  EXPECT_EQ(*result("w"), Json("made"));
}

TEST_P(LeasesTest, AnEndRightAfterARestartCounts) {
  open();
  ASSERT_TRUE(start("outside", "w"));
  const ActivityTask got = task();
  restart();
  EXPECT_TRUE(complete(got.token, Json("made")));
  EXPECT_EQ(*result("w"), Json("made"));
}

TEST_P(LeasesTest, SilenceGivesTheTaskToTheNext) {
  open();
  ASSERT_TRUE(start("outside", "w"));
  const ActivityTask lost = task();
  ASSERT_TRUE(heartbeat(lost.token, {{"done", 4}}));
  advance(seconds(61));
  EXPECT_EQ(heartbeat(lost.token).error().code(), Code::kNotFound);
  EXPECT_EQ(complete(lost.token, Json("late")).error().code(), Code::kNotFound);
  advance(seconds(2));
  const ActivityTask next = task();
  EXPECT_EQ(next.info.attempt, 2);
  EXPECT_EQ(get_int(*next.details, "done"), 4);
  EXPECT_EQ(complete(lost.token, Json("late")).error().code(), Code::kNotFound);
  EXPECT_TRUE(complete(next.token, Json("made")));
  EXPECT_EQ(*result("w"), Json("made"));
}

TEST_P(LeasesTest, AFailedEndIsRepeatedByThePolicy) {
  open();
  ASSERT_TRUE(start("outside", "w", {{"attempts", 2}}));
  const Error again(Code::kUnavailable, "the disk of web1 is busy", Retry::kTransient);
  EXPECT_TRUE(complete(task().token, again));
  advance(seconds(1));
  const ActivityTask second = task();
  EXPECT_EQ(second.info.attempt, 2);
  EXPECT_TRUE(complete(second.token, again));
  EXPECT_EQ(result("w").error().message(), "the disk of web1 is busy");
}

TEST_P(LeasesTest, CancellationIsTheAnswerToAHeartbeat) {
  open();
  ASSERT_TRUE(start("outside", "w"));
  const ActivityTask got = task();
  ASSERT_TRUE(cancel("w"));
  idle();
  EXPECT_EQ(heartbeat(got.token)->stop, StopReason::kCancelled);
  restart();
  EXPECT_EQ(heartbeat(got.token)->stop, StopReason::kCancelled);
  EXPECT_TRUE(complete(got.token, Error(Code::kCancelled, "stopped as asked")));
  EXPECT_EQ(result("w").error().code(), Code::kCancelled);
}

TEST_P(LeasesTest, ATaskThatNobodyTookIsTakenBack) {
  open();
  ASSERT_TRUE(start("outside", "w"));
  idle();
  ASSERT_TRUE(cancel("w"));
  EXPECT_EQ(result("w").error().code(), Code::kCancelled);
  EXPECT_FALSE(*poll());
  ASSERT_TRUE(start("outside", "late", {{"patience", 30}}));
  advance(seconds(31));
  EXPECT_EQ(result("late").error().code(), Code::kDeadlineExceeded);
  EXPECT_FALSE(*poll());
}

TEST_P(LeasesTest, UrgentTasksGoFirst) {
  workflows.add("both", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    ActivityOptions usual;
    usual.queue = "agent:web1";
    ActivityOptions urgent = usual;
    urgent.priority = 1;
    const auto first = ctx.activity("usual", {}, usual);
    const auto second = ctx.activity("urgent", {}, urgent);
    HF_CO_TRY_VOID(status_of(co_await first));
    co_return co_await second;
  });
  open();
  ASSERT_TRUE(start("both", "w"));
  const ActivityTask one = task();
  const ActivityTask two = task();
  EXPECT_EQ(one.info.type, "urgent");
  EXPECT_EQ(two.info.type, "usual");
  EXPECT_TRUE(complete(one.token, Json()));
  EXPECT_TRUE(complete(two.token, Json()));
  EXPECT_TRUE(result("w"));
}

TEST_P(LeasesTest, RefusesWhatNoOneMaySay) {
  open();
  EXPECT_EQ(wait(engine->tasks().poll("data", "web1", seconds(1))).error().code(),
            Code::kInvalidArgument);
  for (const char* token : {"", "x", "run_1/5/", "run_1/x/l", "run_1/5/lease", "///"}) {
    EXPECT_EQ(complete(token, Json()).error().code(), Code::kNotFound) << token;
    EXPECT_EQ(heartbeat(token).error().code(), Code::kNotFound) << token;
  }
  ASSERT_TRUE(start("outside", "w"));
  const ActivityTask got = task();
  EXPECT_EQ(heartbeat(got.token, Json(std::string(kMaxPayloadBytes + 1, 'x'))).error().code(),
            Code::kInvalidArgument);
  EXPECT_EQ(complete(got.token + "x", Json()).error().code(), Code::kNotFound);
  EXPECT_TRUE(complete(got.token, Json()));
}

TEST_P(LeasesTest, AnActivityMayBeEndedBySomebodyElse) {
  workflows.add("open", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    ActivityOptions how;
    how.heartbeat = minutes(1);
    how.retry.max_attempts = 2;
    co_return co_await ctx.activity("left", ctx.input(), how);
  });
  std::string token;
  activities.add("left", [&](ActivityContext& ctx, const Json& input) -> Result<Json> {
    ctx.heartbeat({{"asked", true}});
    HF_TRY(token, ctx.leave_open());
    ledger.note("left");
    if (get_bool(input, "fails") && ctx.info().attempt == 1) {
      return Error(Code::kUnavailable, "nobody could be asked", Retry::kTransient);
    }
    return Json("ignored");
  });
  open();
  ASSERT_TRUE(start("open", "w"));
  idle();
  EXPECT_EQ(describe("w")->activities[0].state, "started");
  restart();
  idle();
  EXPECT_EQ(ledger.count("left"), 1);
  EXPECT_TRUE(heartbeat(token));
  EXPECT_TRUE(complete(token, Json("answered")));
  EXPECT_EQ(*result("w"), Json("answered"));

  ASSERT_TRUE(start("open", "fails", {{"fails", true}}));
  idle();
  const std::string first = token;
  advance(seconds(1));
  EXPECT_EQ(ledger.count("left"), 3);
  EXPECT_EQ(complete(first, Json()).error().code(), Code::kNotFound);
  EXPECT_TRUE(complete(token, Json("second")));
  EXPECT_EQ(*result("fails"), Json("second"));
}

HF_WITH_AND_WITHOUT_CACHE(LeasesTest);

}  // namespace
}  // namespace holdfast::flow::embedded
