// A process with a population of runs, killed by SIGKILL at drawn durable operations again and
// again, until it gets to the end: no run is lost, every activity has had its effect, and attempts
// are repeated only where a kill fell between effect and commit (the ledger is a file outside).
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iostream>

#include "core/env/posix/system_clock.h"
#include "flow/embedded/engine_fixture.h"
#include "flow/embedded/store.h"

namespace holdfast::flow::embedded {
namespace {

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
TEST(KillChild, DISABLED_RunsThePopulation) {
  const char* directory = std::getenv("HOLDFAST_KILL_DIR");
  ASSERT_NE(directory, nullptr);
  const auto number = [](const char* name) {
    const char* text = std::getenv(name);
    return text ? std::strtoull(text, nullptr, 10) : 0;
  };
  std::_Exit(run_population({directory, static_cast<int>(number("HOLDFAST_KILL_RUNS"))},
                            number("HOLDFAST_KILL_AT"), number("HOLDFAST_KILL_SEED")));
}

// Exit status of the child as waitpid tells it.
int spawn_population(const Population& population, std::uint64_t kill_at, std::uint64_t seed) {
  std::vector<std::string> environment = {
      "HOLDFAST_KILL_DIR=" + population.directory,
      "HOLDFAST_KILL_RUNS=" + std::to_string(population.runs),
      "HOLDFAST_KILL_AT=" + std::to_string(kill_at),
      "HOLDFAST_KILL_SEED=" + std::to_string(seed),
      "ASAN_OPTIONS=detect_leaks=0",
  };
  std::vector<char*> pointers;
  for (std::string& entry : environment) {
    pointers.push_back(entry.data());
  }
  pointers.push_back(nullptr);
  std::string program = std::filesystem::read_symlink("/proc/self/exe").string();
  std::string filter = "--gtest_filter=KillChild.*";
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

// Every history has all of its events, once, and replays.
void check_histories(const Population& population) {
  auto database = db::Database::open(population.directory + "/state.db", migrations());
  ASSERT_TRUE(database) << database.error().to_string();
  WorkflowRegistry workflows;
  workflows.add("member", population_member);
  const auto rows = (*database)->read_blocking([](db::Connection& sql) {
    return sql.all(
        "SELECT r.run_id, r.last_event_id, sum(h.last_event_id - h.first_event_id + 1), "
        "min(h.first_event_id), max(h.last_event_id) FROM flow_runs r "
        "JOIN flow_history h ON h.run_id = r.run_id GROUP BY r.run_id, r.last_event_id");
  });
  ASSERT_TRUE(rows) << rows.error().to_string();
  EXPECT_EQ(rows->size(), static_cast<std::size_t>(population.runs));
  for (const db::Row& row : *rows) {
    EXPECT_EQ(row.integer(1), row.integer(2)) << row.text(0);
    EXPECT_EQ(row.integer(3), 1) << row.text(0);
    EXPECT_EQ(row.integer(1), row.integer(4)) << row.text(0);
    const auto events = (*database)->read_blocking(
        [&row](db::Connection& sql) { return load_history(sql, RunId(row.text(0)), 0); });
    ASSERT_TRUE(events) << events.error().to_string();
    Execution execution(workflows);
    EXPECT_TRUE(execution.apply(*events)) << row.text(0);
  }
}

// Each life ends at one of its first `reach` durable operations.
void kill_population(int runs, int kills, std::uint64_t reach) {
  HF_SKIP_ON_POSTGRES();
  const std::uint64_t seed = seed_from_environment();
  SCOPED_TRACE("HOLDFAST_SEED=" + std::to_string(seed));
  env::SeededRandom random(seed);
  std::string pattern = testing::TempDir() + "/holdfast-kill-XXXXXX";
  const Population population{::mkdtemp(pattern.data()), runs};
  int killed = 0;
  for (int i = 0; i < kills; ++i) {
    const int status =
        spawn_population(population, 1 + random.below(reach), seed + static_cast<std::uint64_t>(i));
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
      ++killed;
    } else {
      ASSERT_EQ(status, 0);
    }
  }
  ASSERT_EQ(spawn_population(population, 0, seed + 1000000), 0);
  check_histories(population);
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

TEST(SlowKill, LosesNoRunOfAKilledProcess) { kill_population(10, 25, 60); }
TEST(NightlyKill, LosesNoRunOfAKilledProcess) { kill_population(1000, 300, 400); }

}  // namespace
}  // namespace holdfast::flow::embedded
