// Prints how fast the engine is here, with real commits: nothing is asserted about time.
#include <iostream>

#include "core/env/posix/system_clock.h"
#include "core/env/posix/system_random.h"
#include "flow/embedded/engine_fixture.h"
#include "flow/history_json.h"
#include "flow/replay/execution.h"

namespace holdfast::flow::embedded {
namespace {

Task<Result<Json>> five_steps(WorkflowContext& ctx) {
  for (int i = 0; i < 5; ++i) {
    HF_CO_TRY_VOID(co_await ctx.activity("nothing", Json(i)));
  }
  co_return Json("done");
}

class Speed {
 public:
  explicit Speed(db::Durability durability) {
    workflows_.add("five", five_steps);
    activities_.add("nothing",
                    [](ActivityContext&, const Json&) -> Result<Json> { return Json(); });
    db::Options how;
    how.durability = durability;
    database_ = std::move(*store_.open(migrations(), how));
    engine_ = std::make_unique<Engine>(*database_, clock_, random_, workflows_, activities_);
    EXPECT_TRUE(engine_->start());
  }
  ~Speed() {
    engine_.reset();
    database_.reset();
  }

  // Runs `runs` of five activities, `at_once` in flight.
  void measure(const std::string& name, int runs, int at_once) {
    const auto before = engine_->stats();
    const auto commits = database_->stats();
    const MonoTime begin = clock_.mono();
    std::vector<std::thread> callers;
    std::atomic<int> next = 0;
    for (int i = 0; i < at_once; ++i) {
      callers.emplace_back([&] {
        for (int n = next++; n < runs; n = next++) {
          const WorkflowId id(name + std::to_string(n));
          EXPECT_TRUE(wait(engine_->client().start("five", id, {}, {})));
          EXPECT_TRUE(wait(engine_->client().result(ref(id))));
        }
      });
    }
    for (std::thread& caller : callers) {
      caller.join();
    }
    const double took = std::chrono::duration<double>(clock_.mono() - begin).count();
    const auto after = engine_->stats();
    const auto committed = database_->stats();
    const auto transitions = static_cast<double>(after.transitions - before.transitions);
    std::cout << fmt::format(
        "{:12} {:5} runs, {:3} at once: {:7.0f} runs/s, {:7.0f} transitions/s, {:5.1f} a commit\n",
        name, runs, at_once, runs / took, transitions / took,
        transitions / static_cast<double>(committed.commits - commits.commits));
  }

  // Replays one history of `events` events.
  static void measure_replay() {
    Bench bench;
    bench.workflows.add("many", [](WorkflowContext& ctx) -> Task<Result<Json>> {
      for (int i = 0; i < 500; ++i) {
        HF_CO_TRY_VOID(co_await ctx.activity("nothing", Json(i)));
      }
      co_return Json();
    });
    bench.activities.add("nothing",
                         [](ActivityContext&, const Json&) -> Result<Json> { return Json(); });
    bench.open();
    ASSERT_TRUE(bench.start("many", "w"));
    ASSERT_TRUE(bench.result("w"));
    const auto events = import_history(bench.history_json("w"));
    env::SystemClock clock;
    const MonoTime begin = clock.mono();
    for (int i = 0; i < 20; ++i) {
      Execution execution(bench.workflows);
      ASSERT_TRUE(execution.apply(*events));
    }
    const double took = std::chrono::duration<double>(clock.mono() - begin).count();
    std::cout << fmt::format("replay: {:.0f} events/s\n",
                             20.0 * static_cast<double>(events->size()) / took);
  }

 private:
  template <class T>
  T wait(async::Co<T> co) {
    return async::block_on(calls_.executor(), std::move(co));
  }

  db::TestStore store_;
  env::SystemClock clock_;
  env::SystemRandom random_;
  WorkflowRegistry workflows_;
  ActivityRegistry activities_;
  async::Pool calls_{"calls", 1};
  std::unique_ptr<db::Database> database_;
  std::unique_ptr<Engine> engine_;
};

TEST(NightlySpeed, PrintsRunsAndTransitionsPerSecond) {
  if (db::TestStore::on_postgres()) {
    db::TestStore::server().make_durable();
  }
  {
    Speed full(db::Durability::kFull);
    full.measure("full", 20, 1);
    full.measure("full-many", 1000, 100);
  }
  {
    Speed normal(db::Durability::kNormal);
    normal.measure("normal", 100, 1);
    normal.measure("normal-many", 1000, 100);
  }
  Speed::measure_replay();
}

}  // namespace
}  // namespace holdfast::flow::embedded
