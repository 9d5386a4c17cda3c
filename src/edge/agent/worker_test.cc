#include "edge/agent/worker.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <thread>

#include "core/async/run.h"
#include "core/env/sim/manual_clock.h"
#include "core/env/sim/seeded_random.h"
#include "edge/agent/journal.h"
#include "edge/agent/testing/scripted_source.h"

namespace holdfast::agent {
namespace {

using flow::StopReason;

class AgentWorker : public testing::Test {
 protected:
  void start(int places = 2) {
    WorkerOptions options;
    options.places = places;
    options.instance = "i";
    options.host = "h";
    options.repositories = {"main"};
    options.journal_dir = journal_dir_;
    worker_ = std::make_unique<Worker>(clock_, random_, source_, activities_, options);
    thread_ = std::jthread([this] { outcome_ = worker_->run(stop_.get_token()); });
  }
  Status stop() {
    stop_.request_stop();
    return join();
  }
  Status join() {
    thread_.join();
    return outcome_;
  }
  // Moves the clock on, timer by timer, until `done`.
  void advance_until(const std::function<bool()>& done) {
    while (!done()) {
      if (!clock_.advance_to_next()) {
        std::this_thread::yield();
      }
    }
  }
  static wire::TaskOffer task(const std::string& type, const std::string& token = "t1") {
    wire::TaskOffer made;
    made.token = token;
    made.type = type;
    made.input = JsonObject{{"n", 1}};
    made.activity_id = "1";
    made.run_id = "r1";
    made.workflow_id = "run_1";
    made.heartbeat_timeout = std::chrono::minutes(2);
    made.header = {{"traceparent", "00-1-2-01"}};
    return made;
  }
  // An activity that runs until it is asked to stop.
  void add_patient(const std::string& type) {
    activities_.add(type, [this](flow::ActivityContext& ctx, const Json&) -> Result<Json> {
      const std::stop_callback note(ctx.stop_token(), [this] { stopped_at_ = clock_.mono(); });
      ctx.heartbeat(JsonObject{{"begun", true}});
      std::mutex mutex;
      std::condition_variable_any changed;
      std::unique_lock lock(mutex);
      changed.wait(lock, ctx.stop_token(), [] { return false; });
      reason_ = ctx.stop_reason();
      return Error(Code::kCancelled, "asked to stop");
    });
  }

  env::ManualClock clock_{UtcTime(std::chrono::seconds(1'000'000'000))};
  env::SeededRandom random_{11};
  ScriptedSource source_{clock_};
  flow::ActivityRegistry activities_;
  std::atomic<StopReason> reason_{StopReason::kNone};
  std::atomic<MonoTime> stopped_at_{};
  std::unique_ptr<Worker> worker_;
  std::stop_source stop_;
  std::string journal_dir_;
  Status outcome_;
  std::jthread thread_;
};

TEST_F(AgentWorker, RunsATaskAndTellsItsValue) {
  activities_.add("work", [](flow::ActivityContext& ctx, const Json& input) -> Result<Json> {
    EXPECT_EQ(ctx.info().header.at("traceparent"), "00-1-2-01");
    EXPECT_EQ(ctx.idempotency_key(), "r1/1");
    EXPECT_EQ(ctx.last_heartbeat(), Json(5));
    return Json(get_int(input, "n") + 1);
  });
  auto offered = task("work");
  offered.details = Json(5);
  source_.offer(std::optional(offered));
  start();
  const auto outcomes = source_.wait_for_outcomes(1);
  EXPECT_EQ(outcomes.front().token, "t1");
  EXPECT_EQ(outcomes.front().value.value(), Json(2));
  EXPECT_EQ(source_.last_poll().repositories, std::vector<std::string>{"main"});
  EXPECT_EQ(source_.last_poll().activities, std::vector<std::string>{"work"});
  EXPECT_TRUE(stop());
}

TEST_F(AgentWorker, ErrorsKeepWhatDecidesTheirRepetition) {
  activities_.add("work", [](flow::ActivityContext&, const Json&) -> Result<Json> {
    return Error(Code::kConflict, "locked", Retry::kTransient).with("repository", "main");
  });
  activities_.add("large", [](flow::ActivityContext&, const Json&) -> Result<Json> {
    return Json(std::string(flow::kMaxPayloadBytes + 1, 'x'));
  });
  source_.offer(std::optional(task("work")));
  source_.offer(std::optional(task("unknown")));
  source_.offer(std::optional(task("large")));
  start(1);
  const auto outcomes = source_.wait_for_outcomes(3);
  EXPECT_EQ(outcomes[0].value.error().retry(), Retry::kTransient);
  EXPECT_EQ(outcomes[0].value.error().to_string(), "locked (repository: main)");
  EXPECT_EQ(outcomes[1].value.error().code(), Code::kNotFound);
  EXPECT_EQ(outcomes[2].value.error().code(), Code::kInvalidArgument);
  EXPECT_TRUE(stop());
}

TEST_F(AgentWorker, AsksNoFurtherThanItHasPlaces) {
  std::mutex mutex;
  std::condition_variable changed;
  int running = 0;
  bool go = false;
  activities_.add("work", [&](flow::ActivityContext&, const Json&) -> Result<Json> {
    std::unique_lock lock(mutex);
    ++running;
    changed.notify_all();
    changed.wait(lock, [&] { return go; });
    return Json();
  });
  for (int i = 0; i < 3; ++i) {
    source_.offer(std::optional(task("work")));
  }
  start(2);
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return running == 2; });
  }
  EXPECT_EQ(source_.wait_for_polls(2), 2);  // the third task is not asked for
  {
    const std::lock_guard lock(mutex);
    go = true;
    changed.notify_all();
  }
  source_.wait_for_outcomes(3);
  EXPECT_TRUE(stop());
}

TEST_F(AgentWorker, AStoppedAgentGivesItsTasksBackToBeRepeated) {
  add_patient("long");
  source_.offer(std::optional(task("long")));
  start();
  source_.wait_for_beats(1);
  EXPECT_TRUE(stop());
  EXPECT_EQ(reason_, StopReason::kShutdown);
  const auto outcomes = source_.wait_for_outcomes(1);
  EXPECT_EQ(outcomes.front().value.error().code(), Code::kUnavailable);
  EXPECT_EQ(outcomes.front().value.error().retry(), Retry::kTransient);
}

TEST_F(AgentWorker, EndsWithItsTasksWhenItsKeyIsRevoked) {
  add_patient("long");
  source_.beat_answer = []() -> Result<StopReason> {
    return Error(Code::kUnauthenticated, "the API key is not valid");
  };
  source_.offer(std::optional(task("long")));
  start();
  EXPECT_EQ(join().error().code(), Code::kUnauthenticated);
  EXPECT_EQ(reason_, StopReason::kShutdown);
}

TEST_F(AgentWorker, EndsWhenTheServerRefusesToGiveItTasks) {
  source_.offer(Error(Code::kPermissionDenied, "this key is no agent's"));
  start();
  EXPECT_EQ(join().error().code(), Code::kPermissionDenied);
}

TEST_F(AgentWorker, TellsAnOutcomeUntilTheServerTookIt) {
  activities_.add("work", [](flow::ActivityContext&, const Json&) { return Json(1); });
  source_.complete_answer = [](size_t count) {
    return count < 5 ? Status(Error(Code::kUnavailable, "away", Retry::kTransient)) : Status();
  };
  source_.offer(std::optional(task("work")));
  start(1);
  std::atomic<bool> done = false;
  std::jthread watch([&] {
    source_.wait_for_outcomes(5);
    source_.wait_for_polls(2);  // its place is free again
    done = true;
  });
  advance_until([&] { return done.load(); });
  EXPECT_TRUE(stop());
  EXPECT_EQ(source_.wait_for_outcomes(5).size(), 5u);
}

TEST_F(AgentWorker, SaysThatAValueIsWrongWhenTheServerDoesNotTakeIt) {
  activities_.add("work", [](flow::ActivityContext&, const Json&) { return Json(1); });
  source_.complete_answer = [](size_t count) {
    return count == 1 ? Status(Error(Code::kInvalidArgument, "too deep")) : Status();
  };
  source_.offer(std::optional(task("work")));
  start();
  const auto outcomes = source_.wait_for_outcomes(2);
  EXPECT_EQ(outcomes[1].value.error().message(), "too deep");
  EXPECT_TRUE(stop());
}

TEST_F(AgentWorker, ACancelledRunStopsItsTaskAndHearsThatItWasCancelled) {
  add_patient("long");
  source_.beat_answer = [] { return StopReason::kCancelled; };
  source_.offer(std::optional(task("long")));
  start();
  const auto outcomes = source_.wait_for_outcomes(1);
  EXPECT_EQ(outcomes.front().value.error().code(), Code::kCancelled);
  EXPECT_EQ(reason_, StopReason::kCancelled);
  EXPECT_TRUE(stop());
}

TEST_F(AgentWorker, DropsATaskThatIsOver) {
  add_patient("long");
  source_.beat_answer = []() -> Result<StopReason> { return Error(Code::kNotFound, "over"); };
  source_.offer(std::optional(task("long")));
  start(1);
  source_.wait_for_polls(2);
  EXPECT_EQ(reason_, StopReason::kRunClosed);
  EXPECT_TRUE(stop());
  EXPECT_TRUE(source_.wait_for_outcomes(0).empty());
}

TEST_F(AgentWorker, GivesATaskUpWhenNoHeartbeatGetsThrough) {
  add_patient("long");
  source_.beat_answer = []() -> Result<StopReason> {
    return Error(Code::kUnavailable, "away", Retry::kTransient);
  };
  source_.offer(std::optional(task("long")));
  const MonoTime begun = clock_.mono();
  start();
  source_.wait_for_beats(1);
  advance_until([&] { return reason_ == StopReason::kTimedOut; });
  EXPECT_EQ(stopped_at_.load() - begun, std::chrono::minutes(2));
  const auto outcomes = source_.wait_for_outcomes(1);
  EXPECT_EQ(outcomes.front().value.error().retry(), Retry::kTransient);
  EXPECT_TRUE(stop());
}

TEST_F(AgentWorker, HeartbeatsThatGetThroughKeepTheTask) {
  activities_.add("work", [&](flow::ActivityContext& ctx, const Json&) -> Result<Json> {
    for (size_t i = 1; i <= 12; ++i) {
      ctx.heartbeat(Json(i));
      source_.wait_for_beats(i);  // so the one before it was answered
      clock_.advance(std::chrono::seconds(30));
    }
    return Json(ctx.stop_requested());
  });
  source_.offer(std::optional(task("work")));
  start(1);
  EXPECT_EQ(source_.wait_for_outcomes(1).front().value.value(), Json(false));
  EXPECT_TRUE(stop());
}

TEST_F(AgentWorker, GivesBackWhatAKilledProcessHadInHand) {
  std::string pattern = testing::TempDir() + "holdfast_agent_XXXXXX";
  journal_dir_ = ::mkdtemp(pattern.data());
  Journal(journal_dir_).add("old");
  activities_.add("work", [this](flow::ActivityContext&, const Json&) {
    EXPECT_EQ(Journal(journal_dir_).left_over(), std::vector<std::string>{"t1"});
    return Json(1);
  });
  source_.offer(std::optional(task("work")));
  start(1);
  const auto outcomes = source_.wait_for_outcomes(2);
  EXPECT_EQ(outcomes[0].token, "old");
  EXPECT_EQ(outcomes[0].value.error().retry(), Retry::kTransient);
  EXPECT_EQ(outcomes[1].token, "t1");
  EXPECT_TRUE(stop());
  EXPECT_TRUE(Journal(journal_dir_).left_over().empty());
  std::filesystem::remove_all(journal_dir_);
}

TEST_F(AgentWorker, HeartbeatsCarryTheNewestDetailsAndAreRare) {
  std::mutex mutex;
  std::condition_variable changed;
  bool said = false;
  bool go = false;
  activities_.add("work", [&](flow::ActivityContext& ctx, const Json&) -> Result<Json> {
    for (int i = 0; i < 1000; ++i) {
      ctx.heartbeat(Json(i));
    }
    std::unique_lock lock(mutex);
    said = true;
    changed.notify_all();
    changed.wait(lock, [&] { return go; });
    return Json();
  });
  source_.offer(std::optional(task("work")));
  start();
  EXPECT_EQ(source_.wait_for_beats(1).front(), Json(0));
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return said; });
  }
  std::atomic<bool> second = false;
  std::jthread watch([&] {
    source_.wait_for_beats(2);
    second = true;
  });
  advance_until([&] { return second.load(); });
  EXPECT_EQ(source_.wait_for_beats(2)[1], Json(999));
  {
    const std::lock_guard lock(mutex);
    go = true;
    changed.notify_all();
  }
  source_.wait_for_outcomes(1);
  EXPECT_TRUE(stop());
}

}  // namespace
}  // namespace holdfast::agent
