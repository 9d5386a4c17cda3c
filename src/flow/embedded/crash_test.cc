// A crash costs time only: the lives of some runs, disturbed at every durable operation.
//
// Judges: the run ends as an undisturbed one does; the effect of every activity is there once
// (found by its idempotency key); activities are repeated only where something was disturbed; the
// history has no gap and replays.
#include "core/db/testing/cutting_proxy.h"
#include "flow/embedded/engine_fixture.h"

namespace holdfast::flow::embedded {
namespace {

// Effects by idempotency key: doing one twice is doing it once, as real activities do.
class Effects {
 public:
  void apply(const std::string& key) {
    const std::lock_guard lock(mutex_);
    ++tries_[key];
  }
  std::size_t keys() const {
    const std::lock_guard lock(mutex_);
    return tries_.size();
  }
  int repeated() const {
    const std::lock_guard lock(mutex_);
    int repeated = 0;
    for (const auto& [key, tries] : tries_) {
      repeated += tries - 1;
    }
    return repeated;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, int> tries_;
};

Task<Result<Json>> small_child(WorkflowContext& ctx) {
  co_return co_await ctx.activity("effect", ctx.input());
}

// A sequence, two in parallel, a retry, a timer, a signal, a child, memo, clean-up.
Task<Result<Json>> whole_life(WorkflowContext& ctx) {
  ctx.upsert_memo({{"phase", "begin"}});
  HF_CO_TRY_VOID(co_await ctx.activity("effect", Json("first")));
  const auto left = ctx.activity("effect", Json("left"));
  const auto right = ctx.activity("flaky", Json("right"));
  HF_CO_TRY_VOID(co_await left);
  HF_CO_TRY_VOID(co_await right);
  HF_CO_TRY_VOID(co_await ctx.timer(seconds(30)));
  HF_CO_TRY(const Json answer, co_await ctx.wait_signal("approve"));
  const Child child = ctx.child("small", Json("child"));
  HF_CO_TRY_VOID(co_await child.result);
  ctx.set_progress(Json("end"));
  co_return answer;
}

// Asked to stop while it waits; cleans up in a shielded scope.
Task<Result<Json>> cancelled_life(WorkflowContext& ctx) {
  const Result<Json> before = co_await ctx.activity("effect", Json("before"));
  const Status waited = co_await ctx.timer(hours(1000));
  const WorkflowContext clean = ctx.shielded();
  HF_CO_TRY_VOID(co_await clean.activity("effect", Json("clean-up")));
  HF_CO_TRY_VOID(before);
  HF_CO_TRY_VOID(waited);
  co_return Json("not cancelled");
}

// Ends while its child still waits, which is terminated then.
Task<Result<Json>> leaving_parent(WorkflowContext& ctx) {
  ChildOptions how;
  how.workflow_id = "kid";
  const Child child = ctx.child("waits", {}, how);
  HF_CO_TRY_VOID(co_await child.started);
  co_return Json("left");
}

Task<Result<Json>> waits(WorkflowContext& ctx) { co_return co_await ctx.wait_signal("never"); }

class Life;
struct Story {
  std::string type;
  bool signal = false;
  bool cancel = false;
  void (*judge)(Life& life, const std::string& where) = nullptr;
};

class Life : public Bench {
 public:
  Life(const Story& story, std::size_t cache) : story_(story) {
    options.cache_size = cache;
    workflows.add("life", whole_life);
    workflows.add("small", small_child);
    workflows.add("cancelled", cancelled_life);
    workflows.add("parent", leaving_parent);
    workflows.add("waits", waits);
    activities.add("effect", [this](ActivityContext& ctx, const Json&) -> Result<Json> {
      ctx.heartbeat(Json("half"));
      effects.apply(ctx.idempotency_key());
      return Json("done");
    });
    activities.add("flaky", [this](ActivityContext& ctx, const Json&) -> Result<Json> {
      if (ctx.info().attempt == 1) {
        return Error(Code::kUnavailable, "once", Retry::kTransient);
      }
      effects.apply(ctx.idempotency_key());
      return Json("done");
    });
  }

  // Goes on with whatever works until the run has ended; a caller that gets an error asks again.
  bool live(bool reopen_after_fault) {
    for (int step = 0; step < 200; ++step) {
      if (!engine || (reopen_after_fault && vfs.struck())) {
        reopen_after_fault = reopen_after_fault && !vfs.struck();
        engine.reset();
        database.reset();
        if (vfs.struck()) {
          vfs.disarm();
        }
        if (!try_open()) {
          engine.reset();
          database.reset();
          continue;
        }
      }
      call();
      idle();
      if (ended("w") && (story_.type != "parent" || ended("kid"))) {
        return true;
      }
      clock.advance_to_next();
      idle();
    }
    return false;
  }

  Effects effects;

 private:
  bool ended(const std::string& id) {
    const auto shown = describe(id);
    return shown && shown->run.status != RunStatus::kRunning;
  }
  void call() {
    StartOptions how;
    how.request_id = "start";
    started_ = started_ || start(story_.type, "w", {}, how).has_value();
    if (started_ && story_.signal && !called_) {
      called_ = signal("w", "approve", "yes", "s1").has_value();
    }
    if (started_ && story_.cancel && !called_) {
      called_ = cancel("w").has_value();
    }
  }

  const Story story_;
  bool started_ = false;
  bool called_ = false;
};

void judge_whole(Life& life, const std::string& where) {
  const auto done = life.result("w");
  ASSERT_TRUE(done) << where << ": " << done.error().to_string();
  EXPECT_EQ(done->as_string(), "yes") << where;
  EXPECT_EQ(life.effects.keys(), 4U) << where;
  const auto names = life.events("w");
  EXPECT_EQ(std::ranges::count(names, "WorkflowExecutionCompleted"), 1) << where;
  EXPECT_EQ(std::ranges::count(names, "TimerFired"), 1) << where;
  EXPECT_EQ(std::ranges::count(names, "WorkflowExecutionSignaled"), 1) << where;
  EXPECT_EQ(std::ranges::count(names, "ActivityTaskCompleted"), 3) << where;
}

void judge_cancelled(Life& life, const std::string& where) {
  EXPECT_EQ(life.describe("w")->run.status, RunStatus::kCanceled) << where;
  EXPECT_EQ(std::ranges::count(life.events("w"), "WorkflowExecutionCancelRequested"), 1) << where;
  // Cancelled before its first step or after it, it has cleaned up.
  EXPECT_EQ(life.events("w").back(), "WorkflowExecutionCanceled") << where;
  EXPECT_GE(life.effects.keys(), 1U) << where;
}

void judge_parent(Life& life, const std::string& where) {
  EXPECT_EQ(life.result("w")->as_string(), "left") << where;
  EXPECT_EQ(life.describe("kid")->run.status, RunStatus::kTerminated) << where;
  EXPECT_EQ(std::ranges::count(life.events("w"), "ChildWorkflowExecutionStarted"), 1) << where;
}

const std::array<Story, 3>& stories() {
  static const std::array<Story, 3> kStories = {{{"life", true, false, judge_whole},
                                                 {"cancelled", false, true, judge_cancelled},
                                                 {"parent", false, false, judge_parent}}};
  return kStories;
}

void judge(const Story& story, Life& life, const std::string& where) {
  life.idle();
  story.judge(life, where);
  const Status replayed = replay_history(life.history_json("w"), life.workflows);
  EXPECT_TRUE(replayed) << where << ": " << replayed.error().to_string();
}

std::uint64_t operations_of(const Story& story, std::size_t cache) {
  Life life(story, cache);
  EXPECT_TRUE(life.live(false)) << story.type;
  judge(story, life, story.type);
  EXPECT_EQ(life.effects.repeated(), 0) << story.type;
  return life.vfs.count();
}

void disturb(const Story& story, std::uint64_t n, db::Fault fault, std::size_t cache) {
  Life life(story, cache);
  life.vfs.arm(n, fault);
  const std::string where = story.type + ", operation " + std::to_string(n) + ", fault " +
                            std::to_string(static_cast<int>(fault)) + ", cache " +
                            std::to_string(cache);
  const bool kills = fault == db::Fault::kKill || fault == db::Fault::kTornKill;
  ASSERT_TRUE(life.live(kills)) << where;
  judge(story, life, where);
}

constexpr std::array kFaults = {db::Fault::kError, db::Fault::kFull, db::Fault::kKill,
                                db::Fault::kTornKill};

// Each story with and without memory, disturbed at every `step`-th operation by one fault in turn,
// or by every fault.
void walk(std::uint64_t step, bool every_fault) {
  HF_SKIP_ON_POSTGRES();
  set_log_level(LogLevel::kError);
  for (const Story& story : stories()) {
    for (const std::size_t cache : {0, 1000}) {
      const std::uint64_t operations = operations_of(story, cache);
      ASSERT_GT(operations, 30U);
      for (std::uint64_t n = 1; n <= operations; n += step) {
        for (std::size_t i = 0; i < kFaults.size(); ++i) {
          if (every_fault || i == (n / step + cache) % kFaults.size()) {
            disturb(story, n, kFaults.at(i), cache);
          }
        }
      }
    }
  }
}

// One story on a server whose connections are cut: at the n-th message, or at every n-th.
void cut(const Story& story, std::size_t cache, std::uint64_t n, db::Cut how, bool again) {
  Life life(story, cache);
  db::CuttingProxy proxy(db::TestStore::server().folder());
  life.through = proxy.folder();
  proxy.arm(n, how, again);
  const std::string where = fmt::format("{}, message {}, {}, cache {}", story.type, n,
                                        how == db::Cut::kAfter ? "answer" : "request", cache);
  ASSERT_TRUE(life.live(false)) << where;
  proxy.disarm();
  judge(story, life, where);
  EXPECT_EQ(life.effects.repeated(), 0) << where;
  life.engine.reset();
  life.database.reset();
}

std::uint64_t messages_of(const Story& story, std::size_t cache) {
  Life life(story, cache);
  db::CuttingProxy proxy(db::TestStore::server().folder());
  life.through = proxy.folder();
  EXPECT_TRUE(life.live(false)) << story.type;
  const std::uint64_t count = proxy.count();
  life.engine.reset();
  life.database.reset();
  return count;
}

// The engine lives on through all of them: it repeats no activity.
TEST(Cuts, CostTimeOnlyWhereverTheConnectionToTheServerEnds) {
  if (!db::TestStore::on_postgres()) {
    GTEST_SKIP() << "about a server; set HOLDFAST_TEST_DATABASE=postgres";
  }
  set_log_level(LogLevel::kError);
  for (const Story& story : stories()) {
    for (const std::size_t cache : {0, 1000}) {
      const std::uint64_t messages = messages_of(story, cache);
      ASSERT_GT(messages, 30U);
      for (std::uint64_t n = 1 + cache % 5; n + 10 < messages; n += 11) {
        cut(story, cache, n, n % 2 == 0 ? db::Cut::kAfter : db::Cut::kBefore, /*again=*/false);
      }
      for (const std::uint64_t every : {23, 61}) {
        cut(story, cache, every, db::Cut::kAfter, /*again=*/true);
        cut(story, cache, every, db::Cut::kBefore, /*again=*/true);
      }
    }
  }
}

TEST(Crash, CostsTimeOnlyAtSampledOperations) { walk(11, false); }
TEST(SlowCrash, CostsTimeOnlyAtEveryOperation) { walk(1, false); }
TEST(NightlyCrash, CostsTimeOnlyWhateverTheFault) { walk(1, true); }

}  // namespace
}  // namespace holdfast::flow::embedded
