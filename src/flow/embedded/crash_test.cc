// A crash costs time only: one life of a run with everything in it, disturbed at every durable
// operation; and a population of runs in a process of its own that is killed again and again.
//
// Judges: the run ends as an undisturbed one does; the effect of every activity is there once
// (found by its idempotency key); activities are repeated only where something was disturbed; the
// history has no gap and replays.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "core/env/posix/system_clock.h"
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

class Life : public Bench {
 public:
  Life() {
    workflows.add("life", whole_life);
    workflows.add("small", small_child);
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
    bool signalled = false;
    bool started_run = false;
    for (int step = 0; step < 200; ++step) {
      if (!engine || (reopen_after_fault && vfs.struck())) {
        engine.reset();
        database.reset();
        if (vfs.struck()) {
          vfs.disarm();
        }
        reopen_after_fault = reopen_after_fault && !vfs.struck();
        if (!try_open()) {
          engine.reset();
          database.reset();
          continue;
        }
      }
      StartOptions how;
      how.request_id = "start";
      started_run = started_run || start("life", "w", {}, how).has_value();
      signalled = signalled || (started_run && signal("w", "approve", "yes", "s1"));
      idle();
      const auto shown = describe("w");
      if (shown && shown->run.status != RunStatus::kRunning) {
        return true;
      }
      clock.advance_to_next();
      idle();
    }
    return false;
  }

  Effects effects;
};

void expect_right_end(Life& life, const std::string& where) {
  const auto done = life.result("w");
  ASSERT_TRUE(done) << where << ": " << done.error().to_string();
  EXPECT_EQ(done->as_string(), "yes") << where;
  EXPECT_EQ(life.effects.keys(), 4U) << where;
  life.idle();
  const Status replayed = replay_history(life.history_json("w"), life.workflows);
  EXPECT_TRUE(replayed) << where << ": " << replayed.error().to_string();
  const auto names = life.events("w");
  EXPECT_EQ(std::ranges::count(names, "WorkflowExecutionCompleted"), 1) << where;
  EXPECT_EQ(std::ranges::count(names, "TimerFired"), 1) << where;
  EXPECT_EQ(std::ranges::count(names, "WorkflowExecutionSignaled"), 1) << where;
  EXPECT_EQ(std::ranges::count(names, "ActivityTaskCompleted"), 3) << where;
}

std::uint64_t operations_of_a_life(std::size_t cache) {
  Life life;
  life.options.cache_size = cache;
  EXPECT_TRUE(life.live(false));
  expect_right_end(life, "undisturbed");
  EXPECT_EQ(life.effects.repeated(), 0);
  return life.vfs.count();
}

void disturb_a_life(std::uint64_t n, db::Fault fault, std::size_t cache) {
  Life life;
  life.options.cache_size = cache;
  life.vfs.arm(n, fault);
  const std::string where = "operation " + std::to_string(n) + ", fault " +
                            std::to_string(static_cast<int>(fault)) + ", cache " +
                            std::to_string(cache);
  const bool kills = fault == db::Fault::kKill || fault == db::Fault::kTornKill;
  ASSERT_TRUE(life.live(kills)) << where;
  expect_right_end(life, where);
}

constexpr std::array kFaults = {db::Fault::kError, db::Fault::kFull, db::Fault::kKill,
                                db::Fault::kTornKill};

TEST(Crash, CostsTimeOnlyAtSampledOperations) {
  set_log_level(LogLevel::kError);
  for (const std::size_t cache : {0, 1000}) {
    const std::uint64_t operations = operations_of_a_life(cache);
    ASSERT_GT(operations, 50U);
    std::uint64_t n = 1;
    for (int i = 0; n <= operations; ++i, n += 7) {
      disturb_a_life(n, kFaults.at(static_cast<std::size_t>(i) % kFaults.size()), cache);
    }
  }
}

TEST(SlowCrash, CostsTimeOnlyAtEveryOperation) {
  set_log_level(LogLevel::kError);
  for (const std::size_t cache : {0, 1000}) {
    const std::uint64_t operations = operations_of_a_life(cache);
    for (std::uint64_t n = 1; n <= operations; ++n) {
      for (const db::Fault fault : kFaults) {
        disturb_a_life(n, fault, cache);
      }
    }
  }
}

// --- A process of its own, killed for good ---

Task<Result<Json>> population_member(WorkflowContext& ctx) {
  for (int i = 0; i < 3; ++i) {
    HF_CO_TRY_VOID(co_await ctx.activity("note", Json(i)));
    HF_CO_TRY_VOID(co_await ctx.timer(std::chrono::milliseconds(2)));
  }
  HF_CO_TRY(const Json go, co_await ctx.wait_signal("go"));
  co_return go;
}

struct Population {
  std::string directory;
  int runs = 0;
};

// Runs the population to its end in this process; the judge kills it before that, again and again.
int run_population(const Population& population, std::uint64_t kill_at, std::uint64_t seed) {
  set_log_level(LogLevel::kError);
  db::FaultVfs vfs;
  db::Options how;
  how.vfs = vfs.name();
  if (kill_at > 0) {
    vfs.arm(kill_at, db::Fault::kEndProcess);
  }
  WorkflowRegistry workflows;
  workflows.add("member", population_member);
  ActivityRegistry activities;
  const int ledger = ::open((population.directory + "/ledger").c_str(),
                            O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  activities.add("note", [ledger](ActivityContext& ctx, const Json&) -> Result<Json> {
    const std::string line = ctx.idempotency_key() + "\n";
    return ::write(ledger, line.data(), line.size()) > 0
               ? Result<Json>(Json())
               : Error(Code::kInternal, "the ledger cannot be written");
  });
  env::SystemClock clock;
  env::SeededRandom random(seed);
  auto database = db::Database::open(population.directory + "/state.db", migrations(), how);
  if (!database) {
    return 2;
  }
  async::Pool calls("calls", 2);
  Engine engine(**database, clock, random, workflows, activities, {});
  if (!engine.start()) {
    return 3;
  }
  const auto wait = [&calls](auto co) { return async::block_on(calls.executor(), std::move(co)); };
  for (int i = 0; i < population.runs; ++i) {
    const WorkflowId id("w" + std::to_string(i));
    StartOptions once;
    once.request_id = "start";
    const bool started = wait(engine.client().start("member", id, {}, once)).has_value() &&
                         (wait(engine.client().signal(ref(id), "go", Json(i), "go")) ||
                          wait(engine.client().describe(ref(id)))->run.closed.has_value());
    if (!started) {
      return 4;
    }
  }
  for (int i = 0; i < population.runs; ++i) {
    const auto done = wait(engine.client().result(ref(WorkflowId("w" + std::to_string(i)))));
    if (!done || done->as_int64() != i) {
      return 5;
    }
  }
  return 0;
}

// The child's side; only the judge starts it.
TEST(CrashChild, DISABLED_RunsThePopulation) {
  const char* directory = std::getenv("HOLDFAST_CRASH_DIR");
  ASSERT_NE(directory, nullptr);
  const auto number = [](const char* name) {
    const char* text = std::getenv(name);
    return text ? std::strtoull(text, nullptr, 10) : 0;
  };
  std::_Exit(run_population({directory, static_cast<int>(number("HOLDFAST_CRASH_RUNS"))},
                            number("HOLDFAST_CRASH_AT"), number("HOLDFAST_CRASH_SEED")));
}

// Exit status of the child as waitpid tells it.
int spawn_population(const Population& population, std::uint64_t kill_at, std::uint64_t seed) {
  std::vector<std::string> environment = {
      "HOLDFAST_CRASH_DIR=" + population.directory,
      "HOLDFAST_CRASH_RUNS=" + std::to_string(population.runs),
      "HOLDFAST_CRASH_AT=" + std::to_string(kill_at),
      "HOLDFAST_CRASH_SEED=" + std::to_string(seed),
      "ASAN_OPTIONS=detect_leaks=0",
  };
  std::vector<char*> pointers;
  for (std::string& entry : environment) {
    pointers.push_back(entry.data());
  }
  pointers.push_back(nullptr);
  std::string program = std::filesystem::read_symlink("/proc/self/exe").string();
  std::string filter = "--gtest_filter=CrashChild.*";
  std::string brief = "--gtest_brief=1";
  std::string disabled = "--gtest_also_run_disabled_tests";
  std::array<char*, 5> arguments = {program.data(), filter.data(), brief.data(), disabled.data(),
                                    nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  int status = -1;
  if (::posix_spawn(&child, program.c_str(), &actions, nullptr, arguments.data(),
                    pointers.data()) == 0) {
    ::waitpid(child, &status, 0);
  }
  posix_spawn_file_actions_destroy(&actions);
  return status;
}

std::uint64_t seed_from_environment() {
  const char* text = std::getenv("HOLDFAST_SEED");
  return text ? std::strtoull(text, nullptr, 10) : 20260101;
}

void kill_population(int runs, int kills) {
  const std::uint64_t seed = seed_from_environment();
  SCOPED_TRACE("HOLDFAST_SEED=" + std::to_string(seed));
  env::SeededRandom random(seed);
  std::string pattern = testing::TempDir() + "/holdfast-kill-XXXXXX";
  const Population population{::mkdtemp(pattern.data()), runs};
  int killed = 0;
  for (int i = 0; i < kills; ++i) {
    const int status =
        spawn_population(population, 1 + random.below(60), seed + static_cast<std::uint64_t>(i));
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
      ++killed;
    } else {
      ASSERT_EQ(status, 0);
    }
  }
  ASSERT_EQ(spawn_population(population, 0, seed + 1000000), 0);
  std::map<std::string, int> tries;
  std::ifstream ledger(population.directory + "/ledger");
  for (std::string key; std::getline(ledger, key);) {
    ++tries[key];
  }
  EXPECT_EQ(tries.size(), static_cast<std::size_t>(runs) * 3);
  int repeated = 0;
  for (const auto& [key, count] : tries) {
    repeated += count - 1;
  }
  std::cout << "killed " << killed << " times, " << runs << " runs, " << repeated
            << " activity attempts repeated\n";
  EXPECT_GT(killed, 0);
  // An attempt is repeated only where a kill fell between its effect and the commit: at most what
  // runs at once, for each kill.
  EXPECT_LE(repeated, killed * (4 + runs));
  std::filesystem::remove_all(population.directory);
}

TEST(SlowCrash, LosesNoRunOfAKilledProcess) { kill_population(10, 25); }
TEST(NightlyCrash, LosesNoRunOfAKilledProcess) { kill_population(1000, 300); }

}  // namespace
}  // namespace holdfast::flow::embedded
