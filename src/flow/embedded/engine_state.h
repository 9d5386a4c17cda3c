// The inside of the embedded engine: one actor a run, its inbox, and the pump that turns inboxes
// into committed transitions.
//
// A run is worked on by one thread at a time, and stays busy until its transition is committed;
// what arrives meanwhile waits in its inbox and goes into the next transition together. Locks:
// `mutex_` guards the table of actors and their inboxes; an actor's state and execution belong to
// whoever has it busy.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <mutex>

#include "core/async/pool.h"
#include "flow/embedded/attempts.h"
#include "flow/embedded/deadlines.h"
#include "flow/embedded/engine.h"
#include "flow/embedded/leases.h"
#include "flow/embedded/store.h"
#include "flow/embedded/sweeper.h"
#include "flow/embedded/watch.h"

namespace holdfast::flow::embedded {

struct StartRequest {
  RunState state;
  JsonObject attributes;  // of WorkflowExecutionStarted
  StartCheck check;
  std::move_only_function<void(Result<Started>)> done;
  std::optional<SignalInput> signal;  // that the run has from its first moment
  std::optional<ResetPlan> again;     // the run goes on from another's history
};
struct QueryRequest {
  std::string name;
  Json args;
  std::move_only_function<void(Result<Json>)> done;
};
// Answered when the run has refused it or its acceptance is committed.
struct UpdateRequest {
  detail::UpdateOffer offer;
  std::move_only_function<void(Status)> done;
};
// Look at the rows after a start of the engine or a failed commit: dispatch, arm, tend.
struct RecoverRequest {};

struct Item {
  std::variant<HistoryInput, StartRequest, QueryRequest, UpdateRequest, RecoverRequest> what;
  std::move_only_function<void(Status)> answer;  // may be empty: an input of the engine's own
};

struct Actor {
  explicit Actor(RunId run) : id(std::move(run)) {}

  const RunId id;
  std::deque<Item> inbox;
  bool busy = false;
  std::unique_ptr<RunState> state;
  std::unique_ptr<Execution> execution;
  std::int64_t stored_events = 0;  // events of the run that are committed
  // After a failed commit the engine's own inputs wait here, those that come meanwhile too, until
  // they are tried again together: guarded by `mutex_`.
  std::deque<Item> held;
  bool holding = false;
  int failures = 0;  // in a row
  std::optional<std::list<RunId>::iterator> cached;
};

class Engine::State : public std::enable_shared_from_this<Engine::State> {
 public:
  State(db::Database& database, env::Clock& clock, env::Random& random,
        const WorkflowRegistry& workflows, const ActivityRegistry& activities,
        EngineOptions options);

  Status start();
  void stop();
  void wait_idle(bool activities);
  Stats stats() const;

  // For the clients.
  db::Database& database() { return database_; }
  env::Clock& clock() { return clock_; }
  Watch& watch() { return *watch_; }
  // How far an attempt is, whoever runs it; of an engine that runs.
  std::optional<AttemptView> attempt(const AttemptKey& key) const;
  std::string waiting_reason(const std::string& queue) const;
  bool serves(const std::string& queue) const { return attempts_->serves(queue); }
  Leases& leases() { return *leases_; }
  Client& client() { return *client_; }
  TaskClient& tasks() { return *tasks_; }
  bool running() const;
  bool knows_workflow(std::string_view type) const { return workflows_.find(type) != nullptr; }
  std::string new_id() { return random_.new_id("req_", clock_.now()); }
  void post(const RunId& run, Item item);
  // Makes a run. `parent`: run id and StartChildWorkflowExecutionInitiated of a child's parent.
  void start_run(std::string type, WorkflowId id, Json input, StartOptions options,
                 std::optional<std::pair<RunSummary, std::int64_t>> parent,
                 std::move_only_function<void(Result<Started>)> done,
                 std::optional<SignalInput> signal = {});
  // Makes a run that goes on from an earlier workflow task of `base`, whose whole history this is.
  void start_again(const RunState& base, std::vector<Event> history, std::int64_t event_id,
                   const std::string& reason, const std::string& request_id,
                   std::move_only_function<void(Result<Started>)> done);

 private:
  // A transition on its way to the disk.
  struct Flight;
  class Host;

  void pump(const std::shared_ptr<Actor>& actor);
  bool load(const std::shared_ptr<Actor>& actor, std::deque<Item>& items);
  void answer_queries(Actor& actor, std::deque<Item>& items);
  void gather_updates(Actor& actor, std::deque<Item>& items, Flight& flight,
                      Transition& transition);
  void gather(Actor& actor, Item item, std::vector<HistoryInput>& inputs, Flight& flight);
  void commit_flight(const std::shared_ptr<Actor>& actor, std::shared_ptr<Flight> flight,
                     Transition& transition);
  void landed(const std::shared_ptr<Actor>& actor, Flight& flight, Status outcome);
  void lost(const std::shared_ptr<Actor>& actor, Flight& flight, const Error& error);
  void follow_up(Actor& actor, Flight& flight);
  bool under_way(const Actor& actor, const AttemptKey& key, int attempt);
  void dispatch(Actor& actor, std::int64_t scheduled_event_id);
  // Whether the end that somebody outside says is one of a pending attempt.
  static bool is_pending(const Actor& actor, const AttemptEnded& ended, const Flight& flight);
  void recover(Actor& actor, Transition& transition);
  void tend_children(Actor& actor);
  void tend_child(Actor& actor, const ChildRecord& record);
  void start_child(const RunState& parent_state, const ChildRecord& record);
  void cancel_child(const RunSummary& parent, const ChildRecord& record);
  void leave_child(const RunSummary& parent, const ChildRecord& record);
  void check_child_closed(const RunId& parent, const ChildRecord& record);
  RunId current_run(const RunSummary& parent, const ChildRecord& record);
  void tell_parent(const RunState& state, const Event& closing);
  void tell_watchers(const Actor& actor);
  void finish(const std::shared_ptr<Actor>& actor);
  void keep_or_drop_locked(const std::shared_ptr<Actor>& actor);
  void hold(const std::shared_ptr<Actor>& actor, std::vector<HistoryInput> inputs);
  void hold_locked(const std::shared_ptr<Actor>& actor);
  void release(const std::shared_ptr<Actor>& actor);
  void tend_later(const RunId& run);
  std::shared_ptr<Actor> actor_locked(const RunId& run);
  void begin_locked(const std::shared_ptr<Actor>& actor);
  void refuse(std::deque<Item>& items, const Error& error);
  Result<Execution*> execution_of(Actor& actor);

  db::Database& database_;
  env::Clock& clock_;
  env::Random& random_;
  const WorkflowRegistry& workflows_;
  const ActivityRegistry& activities_;
  const EngineOptions options_;
  std::shared_ptr<Watch> watch_;
  std::shared_ptr<Deadlines> deadlines_;
  std::shared_ptr<Sweeper> sweeper_;  // nothing is deleted where there is none
  std::unique_ptr<Client> client_;
  std::unique_ptr<TaskClient> tasks_;

  mutable std::mutex mutex_;
  std::condition_variable quiet_;
  std::map<RunId, std::shared_ptr<Actor>> actors_;
  std::list<RunId> recent_;  // runs kept in memory, the longest unused first
  int busy_ = 0;
  bool running_ = false;
  std::atomic<std::uint64_t> inputs_{0};
  std::atomic<std::uint64_t> transitions_{0};
  std::atomic<std::uint64_t> replays_{0};
  std::atomic<std::uint64_t> replayed_events_{0};

  std::unique_ptr<Leases> leases_;
  std::unique_ptr<Attempts> attempts_;
  std::unique_ptr<async::Pool> pool_;
};

// For calls that need an open run.
Error run_closed(const RunSummary& run);

// Client of this engine.
std::unique_ptr<Client> make_client(Engine::State& state);
std::unique_ptr<TaskClient> make_task_client(Engine::State& state);

// What a parent's history gets when its child has closed with this event.
ChildInput child_closed(const RunSummary& child, std::int64_t initiated_event_id,
                        const Event& closing);

}  // namespace holdfast::flow::embedded
