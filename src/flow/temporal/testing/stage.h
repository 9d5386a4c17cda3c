// A place where the same story runs on either engine: registries, a client, real time.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "core/async/run.h"
#include "core/db/testing/temp_database.h"
#include "core/env/posix/system_clock.h"
#include "core/env/posix/system_random.h"
#include "flow/embedded/engine.h"
#include "flow/embedded/engine_fixture.h"
#include "flow/replayer.h"
#include "flow/temporal/engine.h"
#include "flow/temporal/testing/dev_server.h"

namespace holdfast::flow::temporal {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Real time passes.
inline void pause(Nanoseconds duration) {
  static env::SystemClock clock;
  async::wait_blocking(clock, duration, {});
}

class Stage {
 public:
  virtual ~Stage() = default;
  virtual void open() = 0;
  virtual Client& client() = 0;

  Result<Started> start(const std::string& type, const std::string& id, Json input = {},
                        StartOptions how = {}) {
    return wait(client().start(type, WorkflowId(prefix + id), std::move(input), std::move(how)));
  }
  Status signal(const std::string& id, const std::string& name, Json payload = {},
                const std::string& request = {}) {
    return wait(client().signal(run(id), name, std::move(payload), request));
  }
  Result<Json> result(const std::string& id) { return wait(client().result(run(id))); }
  Result<RunDescription> describe(const std::string& id) {
    return wait(client().describe(run(id)));
  }
  Result<Json> query(const std::string& id, const std::string& name, Json args = {}) {
    return wait(client().query(run(id), name, std::move(args)));
  }
  Status cancel(const std::string& id) { return wait(client().cancel(run(id), "test")); }
  Status terminate(const std::string& id) { return wait(client().terminate(run(id), "test")); }
  std::vector<HistoryEvent> history(const std::string& id) {
    const auto events = wait(client().history(run(id), 0, 100'000));
    EXPECT_TRUE(events) << events.error().to_string();
    return events ? *events : std::vector<HistoryEvent>();
  }
  // Until the run has an event of this type.
  void wait_for(const std::string& id, const std::string& type, int times = 1) {
    std::int64_t seen = 0;
    while (times > 0) {
      const auto events = wait(client().wait_for_events(run(id), seen, seconds(60)));
      ASSERT_TRUE(events) << events.error().to_string();
      ASSERT_FALSE(events->empty()) << "no " << type << " came";
      for (const HistoryEvent& event : *events) {
        times -= event.type == type ? 1 : 0;
        seen = event.id;
      }
    }
  }
  // The history replays against the same code.
  void check_replay(const std::string& id) {
    const auto json = wait(client().history_json(run(id)));
    ASSERT_TRUE(json) << json.error().to_string();
    const Status replayed = replay_history(*json, workflows);
    EXPECT_TRUE(replayed) << replayed.error().to_string();
  }

  RunRef run(const std::string& id) { return ref(WorkflowId(prefix + id)); }

  template <class T>
  T wait(async::Co<T> co) {
    return async::block_on(calls.executor(), std::move(co));
  }

  std::string prefix;  // of workflow ids
  env::SystemClock clock;
  env::SystemRandom random;
  WorkflowRegistry workflows;
  ActivityRegistry activities;
  embedded::Ledger ledger;
  async::Pool calls{"calls", 2};
};

class EmbeddedStage : public Stage {
 public:
  ~EmbeddedStage() override { engine.reset(); }
  void open() override {
    engine = std::make_unique<embedded::Engine>(*database, clock, random, workflows, activities);
    const Status started = engine->start();
    ASSERT_TRUE(started) << started.error().to_string();
  }
  Client& client() override { return engine->client(); }

  db::TempDatabase database{embedded::migrations()};
  std::unique_ptr<embedded::Engine> engine;
};

// On the server of this process, with a task queue of its own.
class TemporalStage : public Stage {
 public:
  TemporalStage() {
    options.address = dev_server();
    options.task_queue = uuid_v4(random.bytes16());
    prefix = options.task_queue + "/";
  }
  ~TemporalStage() override { engine.reset(); }
  void open() override {
    engine = std::make_unique<Engine>(clock, random, workflows, activities, options);
    const Status started = engine->start();
    ASSERT_TRUE(started) << started.error().to_string();
  }
  Client& client() override { return engine->client(); }

  Options options;
  std::unique_ptr<Engine> engine;
};

}  // namespace holdfast::flow::temporal
