// The embedded engine: durable runs in the state database of this process.
//
// Semantics are Temporal's (docs/design/flow.md): history is append-only; one state transition
// (what happened, the workflow task, what it schedules next) is one write closure; effects follow
// the commit. Ending the process at any instruction loses no run: whatever was not committed
// happens again after start().
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "core/base/result.h"
#include "core/db/database.h"
#include "core/env/clock.h"
#include "core/env/random.h"
#include "flow/activity.h"
#include "flow/client.h"
#include "flow/tasks.h"
#include "flow/workflow.h"

namespace holdfast::flow::embedded {

// The schema of this room, for Database::open.
db::Migrations migrations();

struct QueueOptions {
  int places = 2;                // activities of the queue that run at once
  double starts_per_second = 0;  // 0: as fast as they come
};

struct EngineOptions {
  std::map<std::string, QueueOptions> queues = {{"control", {4, 0}}, {"data", {2, 0}}};
  int workflow_threads = 2;
  // Runs kept in memory between workflow tasks; 0: every task replays from history.
  std::size_t cache_size = 1000;
  // Longest time between two writes of a running activity's heartbeat.
  Nanoseconds heartbeat_write_interval = std::chrono::seconds(1);
  // Runs are deleted with their histories when they have been closed for so long; 0: never.
  Nanoseconds retention{0};
  Nanoseconds sweep_pause = std::chrono::hours(1);  // between two looks for such runs
};

class Engine {
 public:
  // Everything given outlives the engine; registries are complete. One engine owns a database.
  Engine(db::Database& database, env::Clock& clock, env::Random& random,
         const WorkflowRegistry& workflows, const ActivityRegistry& activities,
         EngineOptions options = {});
  // Stops, if still running.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Takes up what an earlier engine left: overdue timers, activities, runs that were due.
  Status start();
  // Asks running activities to stop and waits for them; nothing of theirs is recorded, they run
  // again after the next start(). Calls of the client fail with kUnavailable from now on.
  void stop();

  // Valid as long as the engine; calls work between start() and stop().
  Client& client();
  TaskClient& tasks();

  // Blocks until no run has work at the current instant: everything waits for time, for a running
  // activity, or for a call. With `activities` also until none is running. For simulations, which
  // then advance the clock.
  void wait_idle(bool activities = true);

  struct Stats {
    std::uint64_t inputs = 0;  // signals, outcomes, timers ... handed to runs
    std::uint64_t transitions = 0;
    std::uint64_t replays = 0;  // runs rebuilt from history
    std::uint64_t replayed_events = 0;
    std::uint64_t activity_attempts = 0;
  };
  Stats stats() const;

  class State;  // engine_state.h, of this room only

 private:
  std::shared_ptr<State> state_;
};

}  // namespace holdfast::flow::embedded
