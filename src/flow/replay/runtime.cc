// Driving the code of one run: events in, coroutines resumed, commands out.
//
// Order inside a window: all events change state first (futures resolve, signals queue up), then
// cancellation and signal handlers run, then coroutines in the order in which they became ready,
// and each time all of them wait, the first condition that holds lets its waiter go on.
#include "flow/replay/runtime.h"

#include <exception>

#include <fmt/core.h>

namespace holdfast::flow::detail {
namespace {

std::uint64_t seed_of(std::string_view run_id) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : run_id) {
    hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3ULL;
  }
  return hash;
}

const Json kNull;

const Json& payload_of(const Event& event, std::string_view key) {
  const Json* value = event.attributes.if_contains(key);
  return value ? *value : kNull;
}

}  // namespace

Error non_deterministic(std::string what) {
  return {Code::kFailedPrecondition,
          "the workflow code does not match the history of the run: " + std::move(what)};
}

std::optional<Error> payload_problem(const Json& payload, std::string_view of) {
  const std::size_t size = to_text(payload).size();
  if (size <= kMaxPayloadBytes) {
    return std::nullopt;
  }
  return Error(Code::kInvalidArgument,
               "a payload is larger than 64 KiB; pass a reference to the data instead")
      .with("of", std::string(of))
      .with("bytes", std::to_string(size));
}

Runtime::Runtime(RunInfo info, Json input, JsonObject memo, JsonObject search_attributes)
    : info_(std::move(info)),
      input_(std::move(input)),
      generator_(seed_of(info_.run_id.text())),
      now_(info_.started),
      memo_(std::move(memo)),
      search_attributes_(std::move(search_attributes)),
      root_(std::make_shared<Scope>()),
      context_(*this, root_) {}

void Runtime::become(RunId run) {
  info_.run_id = std::move(run);
  generator_.seed(seed_of(info_.run_id.text()));
}

Runtime::~Runtime() {
  destroying_ = true;
  while (!tasks_.empty()) {
    tasks_.pop_back();
  }
}

void Runtime::make_ready(std::coroutine_handle<> coroutine) { ready_.push_back(coroutine); }

void Runtime::adopt(Task<void> task) {
  if (destroying_) {
    return;
  }
  make_ready(task.handle());
  tasks_.push_back(std::move(task));
}

Task<void> Runtime::main_task(Runtime& self, const WorkflowFunction& function) {
  Result<Json> outcome = co_await function(self.context_);
  self.finish(std::move(outcome));
}

void Runtime::start(const WorkflowFunction& function) { adopt(main_task(*this, function)); }

void Runtime::finish(Result<Json> outcome) {
  if (outcome) {
    if (auto problem = payload_problem(*outcome, "result")) {
      outcome = std::move(*problem);
    }
  }
  finished_ = true;
  if (continuation_) {
    (*continuation_)["memo"] = memo_;
    (*continuation_)["searchAttributes"] = search_attributes_;
    push(EventType::kWorkflowExecutionContinuedAsNew, std::move(*continuation_));
  } else if (outcome) {
    push(EventType::kWorkflowExecutionCompleted, {{"result", std::move(*outcome)}});
  } else if (outcome.error().code() == Code::kCancelled && cancel_requested_) {
    push(EventType::kWorkflowExecutionCanceled, {{"details", outcome.error().to_string()}});
  } else {
    push(EventType::kWorkflowExecutionFailed, {{"failure", to_failure(outcome.error())},
                                               {"retryState", "RETRY_STATE_RETRY_POLICY_NOT_SET"}});
  }
}

std::shared_ptr<Command> Runtime::push(EventType event, JsonObject attributes) {
  auto command = std::make_shared<Command>();
  command->event = event;
  command->attributes = std::move(attributes);
  commands_.push_back(command);
  return command;
}

std::deque<std::shared_ptr<Command>> Runtime::take_commands() {
  std::erase_if(commands_, [](const auto& command) { return command->dropped; });
  return std::exchange(commands_, {});
}

void Runtime::set_window(UtcTime now, bool replaying) {
  now_ = std::max(now_, now);
  replaying_ = replaying;
}

void Runtime::run_ready() {
  while (!ready_.empty() && !finished_) {
    const std::coroutine_handle<> next = ready_.front();
    ready_.pop_front();
    next.resume();
  }
}

bool Runtime::resolve_one_condition() {
  for (auto& [sequence, condition] : conditions_) {
    if (condition.holds()) {
      const Condition resolved = std::move(condition);
      resolved.scope->members.erase(sequence);
      conditions_.erase(sequence);
      resolved.future->resolve({});
      return true;
    }
  }
  return false;
}

Status Runtime::check_tasks() {
  for (const Task<void>& task : tasks_) {
    if (task.handle().done() && task.handle().promise().thrown) {
      std::rethrow_exception(task.handle().promise().thrown);
    }
  }
  std::erase_if(tasks_, [](const Task<void>& task) { return task.handle().done(); });
  return {};
}

Status Runtime::run() {
  try {
    while (!handlers_.empty()) {
      const auto handler = std::move(handlers_.front());
      handlers_.pop_front();
      handler();
    }
    take_offers();
    do {
      run_ready();
    } while (!finished_ && resolve_one_condition());
    return check_tasks();
  } catch (const std::exception& thrown) {
    return Error(Code::kInternal, "the workflow code threw an exception")
        .with("what", thrown.what());
  } catch (...) {
    return Error(Code::kInternal, "the workflow code threw something that is no exception");
  }
}

Result<Json> Runtime::query(std::string_view name, const Json& args) const {
  const auto found = queries_.find(name);
  if (found == queries_.end()) {
    if (name == "progress") {
      return progress_;
    }
    return Error(Code::kNotFound, "the run does not answer this query")
        .with("query", std::string(name));
  }
  try {
    return found->second(args);
  } catch (const std::exception& thrown) {
    return Error(Code::kInternal, "a query handler threw an exception").with("what", thrown.what());
  }
}

Status Runtime::apply(const Event& event) {
  using enum EventType;
  using machines::ActivityInput;
  using machines::ChildInput;
  switch (event.type) {
    case kWorkflowExecutionSignaled:
      deliver_signal(event);
      return {};
    case kWorkflowExecutionCancelRequested:
      if (!std::exchange(cancel_requested_, true)) {
        handlers_.emplace_back([this] { cancel_scope(*root_); });
      }
      return {};
    case kActivityTaskStarted:
      return apply_activity(event, ActivityInput::kStartedEvent);
    case kActivityTaskCompleted:
      return apply_activity(event, ActivityInput::kCompletedEvent);
    case kActivityTaskFailed:
      return apply_activity(event, ActivityInput::kFailedEvent);
    case kActivityTaskTimedOut:
      return apply_activity(event, ActivityInput::kTimedOutEvent);
    case kActivityTaskCanceled:
      return apply_activity(event, ActivityInput::kCanceledEvent);
    case kTimerFired:
      return apply_timer_fired(event);
    case kChildWorkflowExecutionStarted:
      return apply_child(event, ChildInput::kStartedEvent);
    case kStartChildWorkflowExecutionFailed:
      return apply_child(event, ChildInput::kStartFailedEvent);
    case kChildWorkflowExecutionCompleted:
    case kChildWorkflowExecutionFailed:
    case kChildWorkflowExecutionCanceled:
    case kChildWorkflowExecutionTimedOut:
    case kChildWorkflowExecutionTerminated:
      return apply_child(event, ChildInput::kClosedEvent);
    case kWorkflowExecutionUpdateAdmitted:
      apply_admitted(event);
      return {};
    case kWorkflowExecutionStarted:
    case kExternalWorkflowExecutionCancelRequested:
    case kRequestCancelExternalWorkflowExecutionFailed:
    case kWorkflowExecutionTerminated:
    case kWorkflowExecutionTimedOut:
      return {};
    default:
      if (event.may_be_ignored) {
        return {};
      }
      return non_deterministic(
          fmt::format("event {} is of a type that this program does not know", event.id));
  }
}

void Runtime::deliver_signal(const Event& event) {
  const std::string name = text_at(event.attributes, "signalName");
  SignalChannel& channel = signals_[name];
  const Json& payload = payload_of(event, "input");
  if (channel.handler) {
    handlers_.emplace_back([this, name, payload] {
      if (const auto& handler = signals_[name].handler) {
        handler(payload);
      }
    });
  } else if (!channel.waiters.empty()) {
    const SignalWaiter waiter = std::move(channel.waiters.front());
    channel.waiters.pop_front();
    waiter.scope->members.erase(waiter.sequence);
    waiter.future->resolve(payload);
  } else {
    channel.buffered.push_back(payload);
  }
}

Status Runtime::step(ActivityOperation& operation, machines::ActivityInput input,
                     const Event& event) {
  const auto to = machines::next(operation.state, input);
  if (!to) {
    return non_deterministic(fmt::format("event {} {} does not fit the activity's state", event.id,
                                         name_of(event.type)));
  }
  operation.state = *to;
  return {};
}

Status Runtime::apply_activity(const Event& event, machines::ActivityInput input) {
  const std::int64_t scheduled = event_ref(event.attributes, "scheduledEventId");
  const auto sequence = by_event_.find(scheduled);
  const auto found =
      sequence == by_event_.end() ? activities_.end() : activities_.find(sequence->second);
  if (found == activities_.end()) {
    return non_deterministic(
        fmt::format("event {} belongs to an activity that the code did not ask for", event.id));
  }
  ActivityOperation& operation = found->second;
  HF_TRY_VOID(step(operation, input, event));
  if (operation.state != machines::ActivityState::kClosed) {
    return {};
  }
  if (input == machines::ActivityInput::kCompletedEvent) {
    operation.future->resolve(payload_of(event, "result"));
  } else if (input == machines::ActivityInput::kCanceledEvent) {
    operation.future->resolve(Error(Code::kCancelled, "the activity was cancelled"));
  } else {
    operation.future->resolve(from_failure(payload_of(event, "failure")));
  }
  operation.scope->members.erase(found->first);
  by_event_.erase(sequence);
  activities_.erase(found);
  return {};
}

Status Runtime::apply_timer_fired(const Event& event) {
  const auto sequence = by_event_.find(event_ref(event.attributes, "startedEventId"));
  const auto found = sequence == by_event_.end() ? timers_.end() : timers_.find(sequence->second);
  const auto to = found == timers_.end()
                      ? std::nullopt
                      : machines::next(found->second.state, machines::TimerInput::kFiredEvent);
  if (!to) {
    return non_deterministic(
        fmt::format("event {} belongs to a timer that the code did not start", event.id));
  }
  found->second.future->resolve({});
  found->second.scope->members.erase(found->first);
  by_event_.erase(sequence);
  timers_.erase(found);
  return {};
}

Status Runtime::apply_child(const Event& event, machines::ChildInput input) {
  const auto sequence = by_event_.find(event_ref(event.attributes, "initiatedEventId"));
  const auto found =
      sequence == by_event_.end() ? children_.end() : children_.find(sequence->second);
  const auto to =
      found == children_.end() ? std::nullopt : machines::next(found->second.state, input);
  if (!to) {
    return non_deterministic(
        fmt::format("event {} belongs to a child that the code did not start", event.id));
  }
  ChildOperation& operation = found->second;
  operation.state = *to;
  if (input == machines::ChildInput::kStartedEvent) {
    const Json& execution = payload_of(event, "workflowExecution");
    operation.started->resolve(RunId(get_string(execution, "runId")));
    return {};
  }
  if (event.type == EventType::kChildWorkflowExecutionCompleted) {
    operation.result->resolve(payload_of(event, "result"));
  } else {
    Error error(Code::kCancelled, "the child run was canceled");
    if (const Json* failure = event.attributes.if_contains("failure")) {
      error = from_failure(*failure);
    } else if (event.type == EventType::kStartChildWorkflowExecutionFailed) {
      error = Error(Code::kAlreadyExists, "a run with the child's workflow id is open");
    } else if (event.type == EventType::kChildWorkflowExecutionTerminated) {
      error = Error(Code::kCancelled, "the child run was terminated");
    } else if (event.type == EventType::kChildWorkflowExecutionTimedOut) {
      error = Error(Code::kDeadlineExceeded, "the child run took longer than allowed");
    }
    error = std::move(error).with("child", operation.workflow_id);
    operation.started->resolve(error);
    operation.result->resolve(error);
  }
  operation.scope->members.erase(found->first);
  by_event_.erase(sequence);
  children_.erase(found);
  return {};
}

}  // namespace holdfast::flow::detail
