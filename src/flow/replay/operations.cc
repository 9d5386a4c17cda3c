// The calls of workflow code: each makes an operation, a command, and a future that an event of
// history will resolve; and cancellation, which takes a command back when it was not sent yet.
#include <fmt/core.h>

#include "core/base/check.h"
#include "flow/replay/runtime.h"

namespace holdfast::flow::detail {
namespace {

template <class T>
std::shared_ptr<FutureState<T>> new_future(Runtime* runtime) {
  return std::make_shared<FutureState<T>>(runtime);
}

Error cancelled() { return {Code::kCancelled, "the scope of the operation was cancelled"}; }

// The next state where the caller knows that the table has one.
template <class S>
S must(std::optional<S> next) {
  HF_CHECK(next.has_value(), "the machine lists this input in this state");
  return *next;
}

JsonObject retry_policy_json(const RetryPolicy& policy) {
  JsonObject json = {{"initialInterval", duration_text(policy.initial)},
                     {"backoffCoefficient", policy.coefficient}};
  json["maximumInterval"] =
      duration_text(policy.maximum.count() > 0 ? policy.maximum : policy.initial * 100);
  if (policy.max_attempts > 0) {
    json["maximumAttempts"] = policy.max_attempts;
  }
  if (!policy.non_retryable.empty()) {
    json["nonRetryableErrorTypes"] =
        JsonArray(policy.non_retryable.begin(), policy.non_retryable.end());
  }
  return json;
}

void put_duration(JsonObject& attributes, std::string_view key, Nanoseconds duration) {
  if (duration.count() > 0) {
    attributes[key] = duration_text(duration);
  }
}

std::string_view parent_close_name(ParentClosePolicy policy) {
  switch (policy) {
    case ParentClosePolicy::kAbandon:
      return "PARENT_CLOSE_POLICY_ABANDON";
    case ParentClosePolicy::kRequestCancel:
      return "PARENT_CLOSE_POLICY_REQUEST_CANCEL";
    default:
      return "PARENT_CLOSE_POLICY_TERMINATE";
  }
}

}  // namespace

Future<Result<Json>> Runtime::activity(const std::shared_ptr<Scope>& scope, std::string name,
                                       Json input, ActivityOptions options) {
  auto future = new_future<Result<Json>>(this);
  if (destroying_ || scope->cancelled) {
    future->resolve(cancelled());
    return Future<Result<Json>>(future);
  }
  if (auto problem = payload_problem(input, name)) {
    future->resolve(std::move(*problem));
    return Future<Result<Json>>(future);
  }
  const std::uint64_t sequence = ++last_sequence_;
  JsonObject attributes = {{"activityId", std::to_string(++last_activity_)},
                           {"activityType", {{"name", name}}},
                           {"taskQueue", {{"name", options.queue}}},
                           {"input", std::move(input)}};
  if (options.priority != kUsualPriority) {
    attributes["priority"] = {{"priorityKey", options.priority}};
  }
  put_duration(attributes, "scheduleToCloseTimeout", options.schedule_to_close);
  put_duration(attributes, "scheduleToStartTimeout", options.schedule_to_start);
  put_duration(attributes, "startToCloseTimeout", options.start_to_close);
  put_duration(attributes, "heartbeatTimeout", options.heartbeat);
  attributes["retryPolicy"] = retry_policy_json(options.retry);
  auto command = push(EventType::kActivityTaskScheduled, std::move(attributes));
  command->on_recorded = [this, sequence](const Event& event) -> Status {
    ActivityOperation& operation = activities_.at(sequence);
    operation.scheduled_event_id = event.id;
    operation.command.reset();
    by_event_[event.id] = sequence;
    return step(operation, machines::ActivityInput::kScheduledEvent, event);
  };
  future->request_cancel = [this, sequence] { cancel_activity(sequence); };
  scope->members[sequence] = future->request_cancel;
  activities_.emplace(sequence,
                      ActivityOperation{machines::ActivityState::kAsked, options.cancel_type, 0,
                                        std::move(command), future, scope});
  return Future<Result<Json>>(future);
}

void Runtime::cancel_activity(std::uint64_t sequence) {
  const auto found = activities_.find(sequence);
  if (found == activities_.end()) {
    return;
  }
  ActivityOperation& operation = found->second;
  const auto before = operation.state;
  if (operation.cancel_type == CancelType::kAbandon && before != machines::ActivityState::kAsked) {
    operation.future->resolve(cancelled());
    return;
  }
  const auto to = machines::next(before, machines::ActivityInput::kCancel);
  if (!to || *to == before) {
    return;
  }
  operation.state = *to;
  if (*to == machines::ActivityState::kDropped) {
    operation.command->dropped = true;
    operation.future->resolve(cancelled());
    operation.scope->members.erase(sequence);
    activities_.erase(found);
    return;
  }
  auto command = push(EventType::kActivityTaskCancelRequested,
                      {{"scheduledEventId", operation.scheduled_event_id}});
  command->on_recorded = [this, sequence](const Event& event) -> Status {
    return step(activities_.at(sequence), machines::ActivityInput::kCancelRequestedEvent, event);
  };
  if (operation.cancel_type == CancelType::kTryCancel) {
    operation.future->resolve(cancelled());
  }
}

Future<Status> Runtime::timer(const std::shared_ptr<Scope>& scope, Nanoseconds duration) {
  auto future = new_future<Status>(this);
  if (destroying_ || scope->cancelled) {
    future->resolve(cancelled());
    return Future<Status>(future);
  }
  const std::uint64_t sequence = ++last_sequence_;
  const std::string id = std::to_string(++last_timer_);
  auto command = push(
      EventType::kTimerStarted,
      {{"timerId", id}, {"startToFireTimeout", duration_text(std::max(duration, Nanoseconds(0)))}});
  command->on_recorded = [this, sequence](const Event& event) -> Status {
    TimerOperation& operation = timers_.at(sequence);
    operation.started_event_id = event.id;
    operation.command.reset();
    operation.state = must(machines::next(operation.state, machines::TimerInput::kStartedEvent));
    by_event_[event.id] = sequence;
    return {};
  };
  future->request_cancel = [this, sequence] { cancel_timer(sequence); };
  scope->members[sequence] = future->request_cancel;
  timers_.emplace(sequence, TimerOperation{machines::TimerState::kAsked, id, 0, std::move(command),
                                           future, scope});
  return Future<Status>(future);
}

void Runtime::cancel_timer(std::uint64_t sequence) {
  const auto found = timers_.find(sequence);
  if (found == timers_.end()) {
    return;
  }
  TimerOperation& operation = found->second;
  const auto before = operation.state;
  const auto to = machines::next(before, machines::TimerInput::kCancel);
  if (!to || *to == before) {
    return;
  }
  operation.state = *to;
  operation.future->resolve(cancelled());
  operation.scope->members.erase(sequence);
  if (*to == machines::TimerState::kDropped) {
    operation.command->dropped = true;
    timers_.erase(found);
    return;
  }
  auto command = push(EventType::kTimerCanceled,
                      {{"timerId", operation.id}, {"startedEventId", operation.started_event_id}});
  command->on_recorded = [this, sequence](const Event&) -> Status {
    const auto done = timers_.find(sequence);
    done->second.state =
        must(machines::next(done->second.state, machines::TimerInput::kCanceledEvent));
    by_event_.erase(done->second.started_event_id);
    timers_.erase(done);
    return {};
  };
}

Child Runtime::child(const std::shared_ptr<Scope>& scope, std::string type, Json input,
                     ChildOptions options) {
  auto started = new_future<Result<RunId>>(this);
  auto result = new_future<Result<Json>>(this);
  const std::uint64_t number = destroying_ ? 0 : ++last_child_;
  const std::string id = options.workflow_id.empty()
                             ? fmt::format("{}/{}", info_.run_id.text(), number)
                             : options.workflow_id;
  Child child{id, Future<Result<RunId>>(started), Future<Result<Json>>(result)};
  auto problem = payload_problem(input, type);
  if (destroying_ || scope->cancelled) {
    problem = cancelled();
  }
  if (problem) {
    started->resolve(*problem);
    result->resolve(*problem);
    return child;
  }
  const std::uint64_t sequence = ++last_sequence_;
  auto command = push(EventType::kStartChildWorkflowExecutionInitiated,
                      {{"workflowId", id},
                       {"workflowType", {{"name", type}}},
                       {"input", std::move(input)},
                       {"parentClosePolicy", parent_close_name(options.parent_close)},
                       {"memo", std::move(options.memo)}});
  command->on_recorded = [this, sequence](const Event& event) -> Status {
    ChildOperation& operation = children_.at(sequence);
    operation.command.reset();
    operation.state = must(machines::next(operation.state, machines::ChildInput::kInitiatedEvent));
    by_event_[event.id] = sequence;
    return {};
  };
  result->request_cancel = [this, sequence] { cancel_child(sequence); };
  started->request_cancel = result->request_cancel;
  scope->members[sequence] = result->request_cancel;
  children_.emplace(sequence, ChildOperation{machines::ChildState::kAsked, id, false,
                                             std::move(command), started, result, scope});
  return child;
}

void Runtime::cancel_child(std::uint64_t sequence) {
  const auto found = children_.find(sequence);
  if (found == children_.end() || found->second.cancel_sent) {
    return;
  }
  ChildOperation& operation = found->second;
  operation.state = must(machines::next(operation.state, machines::ChildInput::kCancel));
  if (operation.state == machines::ChildState::kDropped) {
    operation.command->dropped = true;
    operation.started->resolve(cancelled());
    operation.result->resolve(cancelled());
    operation.scope->members.erase(sequence);
    children_.erase(found);
    return;
  }
  operation.cancel_sent = true;
  push(EventType::kRequestCancelExternalWorkflowExecutionInitiated,
       {{"workflowExecution", {{"workflowId", operation.workflow_id}}},
        {"childWorkflowOnly", true}});
}

Future<Result<Json>> Runtime::wait_signal(const std::shared_ptr<Scope>& scope, std::string name) {
  auto future = new_future<Result<Json>>(this);
  if (auto buffered = poll_signal(name)) {
    future->resolve(std::move(*buffered));
    return Future<Result<Json>>(future);
  }
  if (destroying_ || scope->cancelled) {
    future->resolve(cancelled());
    return Future<Result<Json>>(future);
  }
  const std::uint64_t sequence = ++last_sequence_;
  future->request_cancel = [this, name, sequence] { cancel_signal(name, sequence); };
  scope->members[sequence] = future->request_cancel;
  signals_[name].waiters.push_back({sequence, future, scope});
  return Future<Result<Json>>(future);
}

void Runtime::cancel_signal(const std::string& name, std::uint64_t sequence) {
  auto& waiters = signals_[name].waiters;
  const auto found = std::ranges::find(waiters, sequence, &SignalWaiter::sequence);
  if (found != waiters.end()) {
    const SignalWaiter waiter = std::move(*found);
    waiters.erase(found);
    waiter.scope->members.erase(sequence);
    waiter.future->resolve(cancelled());
  }
}

std::optional<Json> Runtime::poll_signal(std::string_view name) {
  const auto found = signals_.find(name);
  if (found == signals_.end() || found->second.buffered.empty()) {
    return std::nullopt;
  }
  Json payload = std::move(found->second.buffered.front());
  found->second.buffered.pop_front();
  return payload;
}

void Runtime::on_signal(std::string name, std::function<void(const Json&)> handler) {
  SignalChannel& channel = signals_[name];
  channel.handler = std::move(handler);
  while (channel.handler && !channel.buffered.empty()) {
    const Json payload = std::move(channel.buffered.front());
    channel.buffered.pop_front();
    channel.handler(payload);
  }
}

Future<Status> Runtime::wait_condition(const std::shared_ptr<Scope>& scope,
                                       std::function<bool()> condition) {
  auto future = new_future<Status>(this);
  if (destroying_ || scope->cancelled) {
    future->resolve(cancelled());
  } else if (condition()) {
    future->resolve({});
  } else {
    const std::uint64_t sequence = ++last_sequence_;
    future->request_cancel = [this, sequence] { cancel_condition(sequence); };
    scope->members[sequence] = future->request_cancel;
    conditions_.emplace(sequence, Condition{std::move(condition), future, scope});
  }
  return Future<Status>(future);
}

void Runtime::cancel_condition(std::uint64_t sequence) {
  const auto found = conditions_.find(sequence);
  if (found != conditions_.end()) {
    const Condition condition = std::move(found->second);
    conditions_.erase(found);
    condition.scope->members.erase(sequence);
    condition.future->resolve(cancelled());
  }
}

void Runtime::set_query(std::string name, std::function<Result<Json>(const Json&)> handler) {
  queries_[std::move(name)] = std::move(handler);
}

std::shared_ptr<Scope> Runtime::new_scope(Scope& parent) {
  auto scope = std::make_shared<Scope>();
  scope->cancelled = parent.cancelled;
  parent.children.push_back(scope);
  return scope;
}

void Runtime::cancel_scope(Scope& scope) {
  if (destroying_ || std::exchange(scope.cancelled, true)) {
    return;
  }
  const auto members = scope.members;  // cancelling takes members out
  for (const auto& [sequence, cancel] : members) {
    cancel();
  }
  for (const auto& child : scope.children) {
    cancel_scope(*child);
  }
}

Result<Json> Runtime::continue_as_new(Json input, std::string type) {
  if (auto problem = payload_problem(input, "the input of the next run")) {
    return *problem;
  }
  continuation_ = JsonObject{{"workflowType", {{"name", type.empty() ? info_.type : type}}},
                             {"input", std::move(input)},
                             {"initiator", "CONTINUE_AS_NEW_INITIATOR_WORKFLOW"}};
  return Error(Code::kCancelled, "the run continues as a new one");
}

void Runtime::upsert_memo(JsonObject memo) {
  if (!destroying_) {
    merge_object(memo_, memo);
    push(EventType::kWorkflowPropertiesModified, {{"upsertedMemo", std::move(memo)}});
  }
}

void Runtime::upsert_search_attributes(JsonObject attributes) {
  if (!destroying_) {
    merge_object(search_attributes_, attributes);
    push(EventType::kUpsertWorkflowSearchAttributes, {{"searchAttributes", std::move(attributes)}});
  }
}

}  // namespace holdfast::flow::detail
