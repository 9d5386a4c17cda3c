// Workers killed by SIGKILL in the middle of everything: no run is lost, every activity has had its
// effect, and attempts are repeated only where a kill fell between effect and report.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <map>

#include "core/env/sim/seeded_random.h"
#include "flow/temporal/testing/stage.h"

extern char** environ;

namespace holdfast::flow::temporal {
namespace {

constexpr int kActivities = 3;

Task<Result<Json>> member(WorkflowContext& ctx) {
  ActivityOptions options;
  options.start_to_close = seconds(3);
  options.retry.initial = milliseconds(10);
  for (int i = 0; i < kActivities; ++i) {
    HF_CO_TRY_VOID(co_await ctx.activity("note", Json(i), options));
    HF_CO_TRY_VOID(co_await ctx.timer(milliseconds(2)));
  }
  co_return Json("done");
}

void add_member(stories::Stage& stage, const std::string& ledger) {
  stage.workflows.add("member", member);
  const int file = ::open(ledger.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  stage.activities.add("note", [file](ActivityContext& ctx, const Json&) -> Result<Json> {
    const std::string line = ctx.idempotency_key() + "\n";
    if (::write(file, line.data(), line.size()) < 0) {
      return Error(Code::kInternal, "the ledger cannot be written");
    }
    return Json();
  });
}

// The worker's process: "address task_queue ledger" in the environment.
TEST(TemporalKill, DISABLED_Worker) {
  const char* address = std::getenv("HF_KILL_ADDRESS");
  const char* queue = std::getenv("HF_KILL_QUEUE");
  const char* ledger = std::getenv("HF_KILL_LEDGER");
  ASSERT_TRUE(address && queue && ledger);
  stories::EmbeddedStage registries;  // never opened
  add_member(registries, ledger);
  Options options;
  options.address = address;
  options.task_queue = queue;
  Engine engine(registries.clock, registries.random, registries.workflows, registries.activities,
                options);
  ASSERT_TRUE(engine.start());
  ::pause();
}

class TemporalKills : public testing::Test, protected TemporalStage {
 protected:
  void SetUp() override { HF_NEEDS_TEMPORAL(); }

  // `kills` workers, one after the other, then one that is let alone.
  void kill_workers(int runs, int kills);
  void start_runs(int runs);
  void check_ledger(int kills);

  pid_t worker() {
    ::setenv("HF_KILL_ADDRESS", options.address.c_str(), 1);
    ::setenv("HF_KILL_QUEUE", options.task_queue.c_str(), 1);
    ::setenv("HF_KILL_LEDGER", ledger_file.c_str(), 1);
    const char* arguments[] = {"/proc/self/exe", "--gtest_filter=TemporalKill.DISABLED_Worker",
                               "--gtest_also_run_disabled_tests", nullptr};
    pid_t process = -1;
    EXPECT_EQ(::posix_spawn(&process, arguments[0], nullptr, nullptr,
                            const_cast<char* const*>(arguments), environ),
              0);
    return process;
  }
  // Once the ledger has grown by some lines, at a drawn moment; sooner near its end.
  void kill_in_the_middle(pid_t process, env::SeededRandom& drawn) {
    const std::size_t before = lines().size();
    const std::size_t enough = std::min(before + 4 + drawn.below(6), runs.size() * kActivities - 1);
    while (lines().size() < enough) {
      pause(milliseconds(1));
    }
    pause(milliseconds(drawn.below(20)));
    ::kill(process, SIGKILL);
    ::waitpid(process, nullptr, 0);
  }
  std::vector<std::string> lines() const {
    std::ifstream file(ledger_file);
    std::vector<std::string> all;
    for (std::string line; std::getline(file, line);) {
      all.push_back(line);
    }
    return all;
  }

  db::TempDatabase database{embedded::migrations()};  // for its directory
  std::string ledger_file = database.directory() + "/ledger";
  std::map<std::string, std::string> runs;  // workflow id -> run id
};

void TemporalKills::start_runs(int count) {
  for (int i = 0; i < count; ++i) {
    const std::string id = std::to_string(i);
    const auto started = start("member", id);
    ASSERT_TRUE(started) << started.error().to_string();
    runs[id] = started->run_id.text();
  }
}

void TemporalKills::check_ledger(int kills) {
  std::map<std::string, int> tries;
  for (const std::string& line : lines()) {
    ++tries[line];
  }
  int repeated = 0;
  for (const auto& [id, run] : runs) {
    for (int activity = 1; activity <= kActivities; ++activity) {
      const int count = tries[run + "/" + std::to_string(activity)];
      EXPECT_GE(count, 1) << id << " activity " << activity;
      repeated += count - 1;
    }
  }
  EXPECT_EQ(tries.size(), runs.size() * kActivities);
  EXPECT_LE(repeated, kills * 4);  // at most what ran at the moment of a kill
  std::printf("killed %d times, %zu runs, %d activity attempts repeated\n", kills, runs.size(),
              repeated);
}

void TemporalKills::kill_workers(int count, int kills) {
  add_member(*this, ledger_file);
  options.workflow_threads = 0;  // this process only asks
  options.queues.clear();
  open();
  start_runs(count);
  const char* given = std::getenv("HOLDFAST_SEED");
  const std::uint64_t seed = given ? std::strtoull(given, nullptr, 10) : 1;
  SCOPED_TRACE("HOLDFAST_SEED=" + std::to_string(seed));
  env::SeededRandom drawn(seed);
  for (int i = 0; i < kills; ++i) {
    kill_in_the_middle(worker(), drawn);
  }
  const pid_t last = worker();
  for (const auto& [id, run] : runs) {
    const auto outcome = result(id);
    EXPECT_TRUE(outcome) << outcome.error().to_string();
    check_replay(id);
  }
  ::kill(last, SIGKILL);
  ::waitpid(last, nullptr, 0);
  check_ledger(kills);
}

using SlowTemporalKill = TemporalKills;
TEST_F(SlowTemporalKill, LosesNoRunAndNoEffect) { kill_workers(20, 5); }

using NightlyTemporalKill = TemporalKills;
TEST_F(NightlyTemporalKill, LosesNoRunAndNoEffect) { kill_workers(1000, 300); }

}  // namespace
}  // namespace holdfast::flow::temporal
