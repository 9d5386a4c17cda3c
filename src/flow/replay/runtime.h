// What stands behind WorkflowContext: the operations of one run, in memory.
//
// The runtime turns calls of workflow code into commands and events of history into resolved
// futures. It knows nothing of storage or time: Execution (execution.h) feeds it, window by window.
// Everything is ordered by creation, so that the same history always drives the code the same way.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "flow/event.h"
#include "flow/machines/activity.h"
#include "flow/machines/child.h"
#include "flow/machines/timer.h"
#include "flow/workflow.h"

namespace holdfast::flow::detail {

// Something the workflow asks the engine to do; it becomes an event of type `event`.
struct Command {
  EventType event = EventType::kUnknown;
  JsonObject attributes;
  bool dropped = false;  // taken back before it was sent
  std::function<Status(const Event&)> on_recorded;
};

// A request to the run that the code may refuse.
struct UpdateOffer {
  std::string id;
  std::string name;
  Json args;
  bool accepted = false;  // history has it: nobody is asked again
};
// What an UpdateAccepted event holds; without name when an earlier UpdateAdmitted has the request.
UpdateOffer recorded_update(const Event& accepted);
struct UpdateRejection {
  std::string id;
  Error reason;
};

struct Scope {
  bool cancelled = false;
  std::map<std::uint64_t, std::function<void()>> members;  // open operations, how to cancel each
  std::vector<std::shared_ptr<Scope>> children;
};

class Runtime final : public ReadyQueue {
 public:
  // `memo` and `search_attributes`: those that the run was started with.
  Runtime(RunInfo info, Json input, JsonObject memo, JsonObject search_attributes);
  ~Runtime() override;
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  // For Execution.

  void start(const WorkflowFunction& function);
  // Applies one event of a window that is no command event. Code does not run yet.
  Status apply(const Event& event);
  void set_window(UtcTime now, bool replaying);
  // What the window's workflow task recorded (the command events that follow it), before code runs:
  // decisions that code finds there are not made again.
  void preload(std::span<const Event> recorded);
  // Offers an update to the code of this window, before run().
  void offer(UpdateOffer offer) { offers_.push_back(std::move(offer)); }
  // What the code refused, or does not know, in this window.
  std::vector<UpdateRejection> take_rejections();
  // Runs coroutines and conditions until all of them wait. An exception out of workflow code is
  // kInternal.
  Status run();
  // Commands since the last call, in order, without those that were taken back.
  std::deque<std::shared_ptr<Command>> take_commands();
  Result<Json> query(std::string_view name, const Json& args) const;
  const Json& progress() const { return progress_; }
  bool finished() const { return finished_; }

  // For WorkflowContext.

  const Json& input() const { return input_; }
  const RunInfo& info() const { return info_; }
  UtcTime now() const { return now_; }
  bool replaying() const { return replaying_; }
  bool cancel_requested() const { return cancel_requested_; }
  std::uint64_t random() { return generator_(); }
  // The run goes on as another one, with other random numbers: it was reset.
  void become(RunId run);
  Result<Json> side_effect(const std::function<Json()>& function);
  void set_update(std::string name, WorkflowContext::UpdateHandler handler,
                  WorkflowContext::UpdateValidator validator);
  Result<Json> continue_as_new(Json input, std::string type);
  bool patched(const std::string& id);
  void deprecate_patch(const std::string& id);

  Future<Result<Json>> activity(const std::shared_ptr<Scope>& scope, std::string name, Json input,
                                ActivityOptions options);
  Future<Status> timer(const std::shared_ptr<Scope>& scope, Nanoseconds duration);
  Child child(const std::shared_ptr<Scope>& scope, std::string type, Json input,
              ChildOptions options);
  Future<Result<Json>> wait_signal(const std::shared_ptr<Scope>& scope, std::string name);
  std::optional<Json> poll_signal(std::string_view name);
  void on_signal(std::string name, std::function<void(const Json&)> handler);
  Future<Status> wait_condition(const std::shared_ptr<Scope>& scope,
                                std::function<bool()> condition);
  void set_query(std::string name, std::function<Result<Json>(const Json&)> handler);
  void set_progress(Json progress) { progress_ = std::move(progress); }
  std::shared_ptr<Scope> new_scope(Scope& parent);
  void cancel_scope(Scope& scope);
  void upsert_memo(JsonObject memo);
  void upsert_search_attributes(JsonObject attributes);
  void adopt(Task<void> task);
  void make_ready(std::coroutine_handle<> coroutine) override;

 private:
  struct ActivityOperation {
    machines::ActivityState state = machines::ActivityState::kAsked;
    CancelType cancel_type;
    std::int64_t scheduled_event_id = 0;
    std::shared_ptr<Command> command;
    std::shared_ptr<FutureState<Result<Json>>> future;
    std::shared_ptr<Scope> scope;
  };
  struct TimerOperation {
    machines::TimerState state = machines::TimerState::kAsked;
    std::string id;
    std::int64_t started_event_id = 0;
    std::shared_ptr<Command> command;
    std::shared_ptr<FutureState<Status>> future;
    std::shared_ptr<Scope> scope;
  };
  struct ChildOperation {
    machines::ChildState state = machines::ChildState::kAsked;
    std::string workflow_id;
    bool cancel_sent = false;
    std::shared_ptr<Command> command;
    std::shared_ptr<FutureState<Result<RunId>>> started;
    std::shared_ptr<FutureState<Result<Json>>> result;
    std::shared_ptr<Scope> scope;
  };
  struct SignalWaiter {
    std::uint64_t sequence;
    std::shared_ptr<FutureState<Result<Json>>> future;
    std::shared_ptr<Scope> scope;
  };
  struct SignalChannel {
    std::deque<Json> buffered;
    std::deque<SignalWaiter> waiters;
    std::function<void(const Json&)> handler;
  };
  struct Condition {
    std::function<bool()> holds;
    std::shared_ptr<FutureState<Status>> future;
    std::shared_ptr<Scope> scope;
  };

  bool mark_patch(const std::string& id, bool deprecated);
  struct UpdateTaker {
    WorkflowContext::UpdateHandler handler;
    WorkflowContext::UpdateValidator validator;
  };
  static Task<void> update_task(Runtime& self, std::string id,
                                WorkflowContext::UpdateHandler handler, Json args);
  void take_offers();
  void apply_admitted(const Event& event);
  void admit(const UpdateTaker& taker, UpdateOffer offer);

  static Task<void> main_task(Runtime& self, const WorkflowFunction& function);
  void finish(Result<Json> outcome);
  Status apply_activity(const Event& event, machines::ActivityInput input);
  Status apply_timer_fired(const Event& event);
  Status apply_child(const Event& event, machines::ChildInput input);
  void deliver_signal(const Event& event);
  Status step(ActivityOperation& operation, machines::ActivityInput input, const Event& event);
  void cancel_activity(std::uint64_t sequence);
  void cancel_timer(std::uint64_t sequence);
  void cancel_child(std::uint64_t sequence);
  void cancel_signal(const std::string& name, std::uint64_t sequence);
  void cancel_condition(std::uint64_t sequence);
  std::shared_ptr<Command> push(EventType event, JsonObject attributes);
  bool resolve_one_condition();
  void run_ready();
  Status check_tasks();

  RunInfo info_;
  Json input_;
  std::mt19937_64 generator_;
  UtcTime now_;
  bool replaying_ = true;
  bool cancel_requested_ = false;
  bool finished_ = false;
  bool destroying_ = false;
  Json progress_;
  JsonObject memo_;
  JsonObject search_attributes_;
  std::optional<JsonObject> continuation_;  // attributes of WorkflowExecutionContinuedAsNew
  std::uint64_t last_sequence_ = 0;
  std::uint64_t last_activity_ = 0;
  std::uint64_t last_timer_ = 0;
  std::uint64_t last_child_ = 0;
  std::uint64_t last_effect_ = 0;
  std::map<std::string, JsonObject, std::less<>> recorded_effects_;  // by id: the marker
  std::set<std::string, std::less<>> recorded_patches_;
  std::map<std::string, bool, std::less<>> patches_;  // decided

  std::shared_ptr<Scope> root_;
  WorkflowContext context_;
  std::deque<std::shared_ptr<Command>> commands_;
  std::map<std::uint64_t, ActivityOperation> activities_;
  std::map<std::uint64_t, TimerOperation> timers_;
  std::map<std::uint64_t, ChildOperation> children_;
  std::map<std::int64_t, std::uint64_t> by_event_;  // event that recorded an operation -> sequence
  std::map<std::string, SignalChannel, std::less<>> signals_;
  std::map<std::uint64_t, Condition> conditions_;
  std::map<std::string, std::function<Result<Json>(const Json&)>, std::less<>> queries_;
  std::map<std::string, UpdateTaker, std::less<>> updates_;
  std::vector<UpdateOffer> offers_;  // not yet taken by a handler
  std::vector<UpdateRejection> rejections_;
  std::deque<std::function<void()>> handlers_;  // signal handlers and cancellation, before code
  std::deque<std::coroutine_handle<>> ready_;
  std::vector<Task<void>> tasks_;  // last: frames go before what they refer to
};

// The error for code and history that do not agree.
Error non_deterministic(std::string what);
// nullopt, or why this payload cannot be stored.
std::optional<Error> payload_problem(const Json& payload, std::string_view of);

}  // namespace holdfast::flow::detail
