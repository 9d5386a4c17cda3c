// What workflow code sees. Guide: docs/workflows.md.
//
//   flow::Task<Result<Json>> backup(flow::WorkflowContext& ctx) {
//     flow::ActivityOptions options;
//     options.heartbeat = std::chrono::seconds(30);
//     auto saved = co_await ctx.activity("save", ctx.input(), options);
//     auto clean = ctx.shielded();                     // runs also when the run was cancelled
//     HF_CO_TRY(const auto released, co_await clean.activity("release", ctx.input()));
//     co_return saved;
//   }
//   registry.add("backup", backup);
//
// The code is replayed from history after every restart, so it must do the same thing each time:
// no clocks, randomness, threads, statics or unordered iteration; the context has what it needs.
// A workflow ends `completed` with its value, `failed` with its Error, and `canceled` when it
// returns an Error of kCancelled after a cancel request. An exception, an unknown name or code that
// does not match the history fails the workflow task, not the run: it is retried, and describe()
// shows why; the run goes on when the program is corrected.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/result.h"
#include "core/base/time.h"
#include "flow/task.h"
#include "flow/types.h"

namespace holdfast::flow {

// What a run knows about itself from its first event.
struct RunInfo {
  WorkflowId workflow_id;
  RunId run_id;
  std::string type;
  UtcTime started;
  Header header;
  std::optional<RunId> parent_run_id;
  RunId first_run_id;                     // of the chain of runs that continued one another
  std::optional<RunId> continued_run_id;  // the run before this one
};

// A child run: `started` gives its run id or why it could not start, `result` how it ended.
struct Child {
  std::string workflow_id;
  Future<Result<RunId>> started;
  Future<Result<Json>> result;
};

namespace detail {
class Runtime;
struct Scope;
}  // namespace detail

// A handle on the run and one cancellation scope in it: copies are cheap and may be kept in
// coroutine parameters. All operations start at the call, not at the await; so several run in
// parallel when one awaits them later. In a cancelled scope an operation resolves at once with
// kCancelled and nothing is scheduled.
class WorkflowContext {
 public:
  WorkflowContext(detail::Runtime& runtime, std::shared_ptr<detail::Scope> scope)
      : runtime_(&runtime), scope_(std::move(scope)) {}

  const Json& input() const;
  const RunInfo& info() const;

  // The time of this workflow task, the same in every replay; it does not move while code runs.
  UtcTime now() const;
  // Calls `function` once in the life of the run and keeps what it gives in the history: for what
  // is not deterministic and too small for an activity (a reading, a drawn number). It must not
  // touch the workflow's state. kInvalidArgument, kept too, when the value is too large.
  Result<Json> side_effect(const std::function<Json()>& function) const;
  // Whether this run executes what was changed under `id`: true for runs that reach this place now,
  // false for runs that passed it before the change. The answer is the same in every replay. When
  // no run from before is left, call deprecate_patch instead, and nothing at all when no run is
  // left that has the mark.
  bool patched(const std::string& id) const;
  void deprecate_patch(const std::string& id) const;

  // Deterministic, from the run id; not for secrets.
  std::uint64_t random() const;
  std::string uuid() const;

  // Schedules an activity. Its error is the last attempt's (code, message, context), kCancelled, or
  // kDeadlineExceeded with ("timeout", kind).
  Future<Result<Json>> activity(std::string name, Json input, ActivityOptions options = {}) const;
  // Durable: counts also while nothing runs.
  Future<Status> timer(Nanoseconds duration) const;
  // Starts another workflow and owns it.
  Child child(std::string type, Json input, ChildOptions options = {}) const;

  // Signals are kept per name until somebody reads them, also those that came first. They are read
  // in order, each once: either by one waiter, or by the handler where one is set.
  Future<Result<Json>> wait_signal(std::string name) const;
  // nullopt when `timeout` passes first (a timer of the run).
  Task<Result<std::optional<Json>>> wait_signal(std::string name, Nanoseconds timeout) const;
  std::optional<Json> poll_signal(std::string_view name) const;
  // Called for each signal of this name, before coroutines go on; must not await.
  void on_signal(std::string name, std::function<void(const Json&)> handler) const;

  // Resolves when `condition` holds; it is asked after everything that happened was applied and
  // whenever the run comes to rest. It must be a pure function of the workflow's state.
  Future<Status> wait_condition(std::function<bool()> condition) const;
  // False when `timeout` passes first.
  Task<Result<bool>> wait_condition(std::function<bool()> condition, Nanoseconds timeout) const;

  // Answers Client::update(name): a request that changes the run and gets an answer. `validator`
  // may refuse it and must change nothing; a refused update leaves no trace. The handler's task
  // starts with the other code of the workflow task and may await; several of them may be under
  // way.
  using UpdateHandler = std::function<Task<Result<Json>>(Json)>;
  using UpdateValidator = std::function<Status(const Json&)>;
  void set_update(std::string name, UpdateHandler handler, UpdateValidator validator = {}) const;
  // Answers Client::query(name). Must not change anything and must not await.
  void set_query(std::string name, std::function<Result<Json>(const Json&)> handler) const;
  // What the run is doing, for people: stored with the next workflow task, in describe() and to
  // subscribers without a replay, and the answer of the query "progress".
  void set_progress(Json progress) const;

  // Runs a task beside the caller; the run waits for nobody: await the future before returning.
  template <class T>
  Future<T> fork(Task<T> task) const;

  // Own cancellation: cancelling a scope cancels what was started through it and its children.
  WorkflowContext scope() const;
  // A scope that the run's cancellation does not reach: for clean-up.
  WorkflowContext shielded() const;
  void cancel_scope() const;
  bool cancelled() const;         // this scope
  bool cancel_requested() const;  // the run
  Future<Status> wait_cancelled() const;

  // Ends this run and begins a new one of the same workflow id with a fresh history, as one step:
  // for workflows that go on for ever. Return what it gives: `co_return
  // ctx.continue_as_new(next);`. Memo and search attributes go along; activities, timers and
  // children that are still open are given up as at any end. Signals that nobody read keep the run
  // from ending, as always. `type`: empty for the same.
  Result<Json> continue_as_new(Json input, std::string type = "") const;

  // Merged into what lists and describe() show. A null value removes the key.
  void upsert_memo(JsonObject memo) const;
  // Indexed for Client::list; values are text, integers, booleans or lists of text.
  void upsert_search_attributes(JsonObject attributes) const;

  // Whether the code is running again over what already happened.
  bool replaying() const;
  // As log_info/log_warn, with workflow and run id, silent in replay.
  void log_info(std::string_view event, std::initializer_list<LogField> fields = {}) const;
  void log_warn(std::string_view event, std::initializer_list<LogField> fields = {}) const;

 private:
  template <class T>
  static Task<void> drive(Task<T> task, std::shared_ptr<detail::FutureState<T>> state);
  detail::ReadyQueue& ready_queue() const;
  void adopt(Task<void> task) const;

  detail::Runtime* runtime_;
  std::shared_ptr<detail::Scope> scope_;
};

// A coroutine with the context as parameter; it lives as long as the run.
using WorkflowFunction = std::function<Task<Result<Json>>(WorkflowContext&)>;

// Workflows by name. Filled at start-up, then read only.
class WorkflowRegistry {
 public:
  // A name is registered once.
  void add(std::string type, WorkflowFunction function);
  const WorkflowFunction* find(std::string_view type) const;
  std::vector<std::string> names() const;

 private:
  std::map<std::string, WorkflowFunction, std::less<>> functions_;
};

// The index of the first future that is ready, waiting for one; the others go on. kCancelled when
// the scope is cancelled first and no future is ready.
template <class... F>
Task<Result<std::size_t>> wait_any(WorkflowContext ctx, F... futures) {
  const auto first_ready = [=]() -> std::size_t {
    std::size_t index = 0;
    const bool found = ((futures.ready() || (++index, false)) || ...);
    return found ? index : sizeof...(futures);
  };
  Status waited = co_await ctx.wait_condition([=] { return first_ready() < sizeof...(futures); });
  if (first_ready() == sizeof...(futures) && !waited) {
    co_return waited.error();
  }
  co_return first_ready();
}

template <class T>
Task<void> WorkflowContext::drive(Task<T> task, std::shared_ptr<detail::FutureState<T>> state) {
  T value = co_await std::move(task);
  state->resolve(std::move(value));
}

template <class T>
Future<T> WorkflowContext::fork(Task<T> task) const {
  auto state = std::make_shared<detail::FutureState<T>>(&ready_queue());
  adopt(drive<T>(std::move(task), state));
  return Future<T>(state);
}

}  // namespace holdfast::flow
