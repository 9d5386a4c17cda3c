// An engine on a database of its own, for tests: manual clock, restart, blocking client calls.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/async/run.h"
#include "core/db/fault_vfs.h"
#include "core/db/testing/test_store.h"
#include "core/env/sim/manual_clock.h"
#include "core/env/sim/seeded_random.h"
#include "flow/embedded/engine.h"
#include "flow/replayer.h"

namespace holdfast::flow::embedded {

// What activities did, outside of the engine: it survives every crash of it.
class Ledger {
 public:
  void note(std::string what) {
    const std::lock_guard lock(mutex_);
    entries_.push_back(std::move(what));
    noted_.notify_all();
  }
  // Until `what` was noted so often.
  void wait_for(const std::string& what, int times = 1) {
    std::unique_lock lock(mutex_);
    noted_.wait(lock, [&] { return std::ranges::count(entries_, what) >= times; });
  }
  std::vector<std::string> entries() const {
    const std::lock_guard lock(mutex_);
    return entries_;
  }
  int count(const std::string& what) const {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(std::ranges::count(entries_, what));
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable noted_;
  std::vector<std::string> entries_;
};

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

inline UtcTime test_start() {
  return UtcTime(std::chrono::sys_days(std::chrono::year(2026) / 1 / 1));
}

class Bench {
 public:
  ~Bench() {
    engine.reset();
    database.reset();
  }

  Status try_open() {
    db::Options how;
    how.vfs = vfs.name();
    HF_TRY(database, through.empty()
                         ? store.open(migrations(), how)
                         : db::Database::open(store.postgres(through), migrations(), how));
    engine = std::make_unique<Engine>(*database, clock, random, workflows, activities, options);
    return engine->start();
  }
  void open() {
    const Status opened = try_open();
    ASSERT_TRUE(opened) << opened.error().to_string();
  }
  // Ends the engine as it is and begins a new one on the same file.
  void restart() {
    engine.reset();
    database.reset();
    vfs.disarm();
    open();
  }

  Result<Started> start(const std::string& type, const std::string& id, Json input = {},
                        StartOptions how = {}) {
    return wait(engine->client().start(type, WorkflowId(id), std::move(input), std::move(how)));
  }
  Status signal(const std::string& id, const std::string& name, Json payload = {},
                const std::string& request = {}) {
    return wait(engine->client().signal(ref(WorkflowId(id)), name, std::move(payload), request));
  }
  Result<Json> result(const std::string& id) {
    return wait(engine->client().result(ref(WorkflowId(id))));
  }
  Result<RunDescription> describe(const std::string& id) {
    return wait(engine->client().describe(ref(WorkflowId(id))));
  }
  Result<Json> query(const std::string& id, const std::string& name, Json args = {}) {
    return wait(engine->client().query(ref(WorkflowId(id)), name, std::move(args)));
  }
  Status cancel(const std::string& id) {
    return wait(engine->client().cancel(ref(WorkflowId(id)), "test"));
  }
  Status terminate(const std::string& id) {
    return wait(engine->client().terminate(ref(WorkflowId(id)), "test"));
  }
  Json history_json(const std::string& id) {
    auto json = wait(engine->client().history_json(ref(WorkflowId(id))));
    EXPECT_TRUE(json) << json.error().to_string();
    return json ? *json : Json();
  }
  // Names of the events, in order.
  std::vector<std::string> events(const std::string& id) {
    auto history = wait(engine->client().history(ref(WorkflowId(id)), 0, 100000));
    EXPECT_TRUE(history);
    std::vector<std::string> names;
    for (const HistoryEvent& event : *history) {
      names.push_back(event.type);
    }
    return names;
  }
  // Lets everything run that can run now, timers among it that are due already: a run may have
  // found out what it waits for only after the clock had gone past it.
  void idle() {
    do {
      engine->wait_idle();
    } while (clock.run_overdue());
  }
  void advance(Nanoseconds step) {
    idle();
    clock.advance(step);
    idle();
  }
  // Moves time from timer to timer until the run is closed.
  bool run_to_end(const std::string& id, int steps = 10000) {
    for (int i = 0; i < steps; ++i) {
      idle();
      const auto described = describe(id);
      EXPECT_TRUE(described) << described.error().to_string();
      if (!described || described->run.status != RunStatus::kRunning) {
        return described.has_value();
      }
      if (!clock.advance_to_next()) {
        ADD_FAILURE() << "the run waits for nothing that time brings";
        return false;
      }
    }
    return false;
  }
  template <class T>
  T wait(async::Co<T> co) {
    return async::block_on(calls.executor(), std::move(co));
  }

  db::TestStore store;
  db::FaultVfs vfs;     // of a store in a file
  std::string through;  // the folder of a proxy before a store on a server
  env::ManualClock clock{test_start()};
  env::SeededRandom random{1};
  WorkflowRegistry workflows;
  ActivityRegistry activities;
  EngineOptions options;
  Ledger ledger;
  async::Pool calls{"calls", 2};
  std::unique_ptr<db::Database> database;
  std::unique_ptr<Engine> engine;
};

// The base of tests that run twice: with every run in memory, and with none, where each workflow
// task replays. At the end every history must replay against the same code.
class CacheTest : public testing::TestWithParam<std::size_t>, protected Bench {
 protected:
  CacheTest() { options.cache_size = GetParam(); }

  void TearDown() override {
    if (!engine || !replayable) {
      return;
    }
    idle();
    auto page = wait(engine->client().list({}));
    ASSERT_TRUE(page);
    for (const RunSummary& run : page->runs) {
      auto history = wait(engine->client().history_json(ref(run.run_id)));
      ASSERT_TRUE(history);
      const Status replayed = replay_history(*history, workflows);
      EXPECT_TRUE(replayed) << run.workflow_id.text() << ": " << replayed.error().to_string();
    }
  }

  bool replayable = true;
};

#define HF_WITH_AND_WITHOUT_CACHE(suite)                                                  \
  INSTANTIATE_TEST_SUITE_P(Cache, suite, testing::Values(0, 1000), [](const auto& info) { \
    return std::string(info.param == 0 ? "off" : "on");                                   \
  })

}  // namespace holdfast::flow::embedded
