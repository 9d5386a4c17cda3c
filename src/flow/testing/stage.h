// A place where the same story runs on any engine: registries, a client, real time.
//
// A story waits for facts (an event in a history, what describe() shows, what an activity noted),
// never for time; so it is the same on a slow machine.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/async/run.h"
#include "core/db/testing/temp_database.h"
#include "core/env/posix/system_clock.h"
#include "core/env/posix/system_random.h"
#include "flow/embedded/engine.h"
#include "flow/embedded/engine_fixture.h"
#include "flow/replayer.h"

namespace holdfast::flow::stories {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Real time passes: between two looks, or between two heartbeats.
void pause(Nanoseconds duration);

// Holds a workflow task: code that passes it (a side effect) waits until the story lets it go on.
class Gate {
 public:
  // For workflow code; the first time that it comes by, not in a replay.
  Status pass(WorkflowContext& ctx) const;
  void wait_until_reached() const;
  void open() const;

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable moved;
    bool reached = false;
    bool open = false;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

class Stage {
 public:
  virtual ~Stage();
  virtual void open() = 0;
  // Ends the engine and begins another one on what it left. Runs in memory are gone then.
  virtual void restart() = 0;
  virtual Client& client() = 0;
  virtual TaskClient& tasks() = 0;
  // Calls beside the story, at a moment when a workflow task is under way (a gate holds it), and
  // returns when the engine has what the call brings.
  virtual void call_during_task(std::function<void()> call) = 0;
  // Registered before open(), where the engine wants that: name -> Temporal's type.
  virtual void add_search_attributes(std::map<std::string, std::string> attributes) = 0;

  // Calls on a thread of its own; it has ended before the engine goes.
  void aside(std::function<void()> call);
  void join_aside();

  Result<Started> start(const std::string& type, const std::string& id, Json input = {},
                        StartOptions how = {});
  Status signal(const std::string& id, const std::string& name, Json payload = {},
                const std::string& request = {});
  Result<Json> update(const std::string& id, const std::string& name, Json args = {},
                      const std::string& update_id = {});
  Result<Json> result(const std::string& id);
  Result<RunDescription> describe(const std::string& id);
  Result<Json> query(const std::string& id, const std::string& name, Json args = {});
  Status cancel(const std::string& id);
  Status terminate(const std::string& id);
  std::vector<HistoryEvent> history(const std::string& id);
  int count(const std::string& id, const std::string& type);
  // Until the run has so many events of this type.
  void wait_for(const std::string& id, const std::string& type, int times = 1);
  // What the run waits for, in words, for a failing story.
  std::string waits_for(const std::string& id);
  // Until the description of the run is as wanted.
  void wait_until(const std::string& id, const std::function<bool(const RunDescription&)>& wanted);
  // The history replays against the same code.
  void check_replay(const std::string& id);

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
  Gate gate;
  std::size_t cache_size = 1000;
  async::Pool calls{"calls", 4};

 private:
  std::vector<std::jthread> aside_;
};

// A database for the embedded engine, and what keeps it.
struct Storage {
  std::shared_ptr<void> keeper;
  db::Database* database = nullptr;
};
using MakeStorage = Storage (*)();

// A kind of database that the embedded engine runs on.
struct EmbeddedColumn {
  std::string_view name;
  MakeStorage storage;
};
Storage sqlite_storage();
Storage postgres_storage();
// Those that are here, a line each. The first call may start a server: on the main thread.
std::vector<EmbeddedColumn> embedded_columns();

class EmbeddedStage final : public Stage {
 public:
  explicit EmbeddedStage(const EmbeddedColumn& column = {"SQLite", sqlite_storage})
      : storage_(column.storage()) {}
  ~EmbeddedStage() override;
  void open() override;
  void restart() override;
  Client& client() override { return engine_->client(); }
  TaskClient& tasks() override { return engine_->tasks(); }
  void call_during_task(std::function<void()> call) override;
  void add_search_attributes(std::map<std::string, std::string>) override {}

 private:
  Storage storage_;
  std::unique_ptr<embedded::Engine> engine_;
};

}  // namespace holdfast::flow::stories
