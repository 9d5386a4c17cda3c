// Computing a transition: inputs become events, events may ask for a workflow task, the task's
// commands become events and rows.
//
// Invariants: event ids ascend by one; a workflow task that failed once leaves Scheduled, Started
// and Failed in history, its further attempts leave nothing until one succeeds; ActivityTaskStarted
// is written when the activity closes, so that failed attempts never appear; a run closes with
// exactly one closing event, and not before everything that had arrived was seen.
#include "flow/embedded/transition.h"

#include <fmt/core.h>

namespace holdfast::flow::embedded {
namespace {

constexpr std::string_view kIdentity = "holdfast";

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

Nanoseconds task_backoff(int attempt) {
  const Nanoseconds longest = std::chrono::minutes(10);
  const Nanoseconds first = std::chrono::seconds(5);
  return attempt > 8 ? longest : std::min(longest, first * (1 << attempt));
}

std::string_view task_failure_cause(const Error& error) {
  return error.code() == Code::kFailedPrecondition
             ? "WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR"
             : "WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE";
}

bool is_closing_input(const HistoryInput& input) {
  return std::holds_alternative<AttemptEnded>(input) || std::holds_alternative<ChildInput>(input);
}

}  // namespace

void order_inputs(std::vector<HistoryInput>& inputs) {
  std::vector<HistoryInput> ordered;
  ordered.reserve(inputs.size());
  for (const bool closing : {false, true}) {
    for (HistoryInput& input : inputs) {
      if (is_closing_input(input) == closing) {
        ordered.push_back(std::move(input));
      }
    }
  }
  inputs = std::move(ordered);
}

Transition::Transition(RunState& state, TransitionHost& host, UtcTime now)
    : state_(state), host_(host), now_(std::max(now, state.last_event_time)) {}

Event& Transition::append(EventType type, JsonObject attributes) {
  Event event;
  event.id = ++state_.summary.history_length;
  event.time = now_;
  event.type = type;
  event.attributes = std::move(attributes);
  state_.last_event_time = now_;
  events.push_back(std::move(event));
  return events.back();
}

void Transition::start(JsonObject attributes) {
  append(EventType::kWorkflowExecutionStarted, std::move(attributes));
  task_wanted_ = true;
  attributes_changed = true;
}

void Transition::accept(const HistoryInput& input) {
  if (!state_.open()) {
    return;
  }
  std::visit(Overloaded{
                 [this](const SignalInput& signal) { accept_signal(signal); },
                 [this](const CancelInput& cancel) { accept_cancel(cancel); },
                 [this](const TerminateInput& terminate) {
                   append(EventType::kWorkflowExecutionTerminated,
                          {{"reason", terminate.reason}, {"identity", kIdentity}});
                   close_run(RunStatus::kTerminated);
                 },
                 [this](const AttemptEnded& ended) { accept_attempt(ended); },
                 [this](const ChildInput& child) { accept_child(child); },
                 [this](const DueInput&) { accept_due(); },
             },
             input);
}

void Transition::accept_signal(const SignalInput& input) {
  if (!input.request_id.empty()) {
    if (std::ranges::find(request_ids, input.request_id) != request_ids.end()) {
      return;
    }
    request_ids.push_back(input.request_id);
  }
  append(EventType::kWorkflowExecutionSignaled,
         {{"signalName", input.name}, {"input", input.payload}, {"identity", kIdentity}});
  task_wanted_ = true;
}

void Transition::accept_cancel(const CancelInput& input) {
  if (!std::exchange(state_.cancel_requested, true)) {
    append(EventType::kWorkflowExecutionCancelRequested,
           {{"cause", input.reason}, {"identity", kIdentity}});
    task_wanted_ = true;
  }
}

void Transition::accept_attempt(const AttemptEnded& input) {
  const auto found = state_.activities.find(input.scheduled_event_id);
  if (found == state_.activities.end() || found->second.attempt != input.attempt) {
    return;
  }
  ActivityRecord& record = found->second;
  if (input.details) {
    record.heartbeat = input.details;
  }
  Result<Json> outcome = input.outcome;
  if (outcome) {
    if (auto problem = detail::payload_problem(*outcome, "activity result")) {
      outcome = std::move(*problem);
    }
  }
  if (outcome) {
    close_activity(input.scheduled_event_id, EventType::kActivityTaskCompleted,
                   {{"result", std::move(*outcome)}}, true);
  } else if (record.cancel_requested && outcome.error().code() == Code::kCancelled) {
    close_activity(input.scheduled_event_id, EventType::kActivityTaskCanceled,
                   {{"details", outcome.error().message()}}, true);
  } else {
    const Error& error = outcome.error();
    fail_attempt(record, to_failure(error), error.retry() != Retry::kPermanent,
                 EventType::kActivityTaskFailed);
  }
}

void Transition::fail_attempt(ActivityRecord& record, Json failure, bool retryable,
                              EventType event) {
  const ActivityPlan plan(record.attributes);
  const std::string_view name = describe(from_failure(failure).code()).name;
  const bool listed =
      std::ranges::find(plan.retry.non_retryable, name) != plan.retry.non_retryable.end();
  const UtcTime next_at = now_ + plan.backoff_after(record.attempt);
  std::string_view why;
  if (record.cancel_requested) {
    why = "RETRY_STATE_CANCEL_REQUESTED";
  } else if (!retryable || listed) {
    why = "RETRY_STATE_NON_RETRYABLE_FAILURE";
  } else if (plan.retry.max_attempts > 0 && record.attempt >= plan.retry.max_attempts) {
    why = "RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED";
  } else if (plan.schedule_to_close.count() > 0 &&
             next_at > record.scheduled + plan.schedule_to_close) {
    why = "RETRY_STATE_TIMEOUT";
  }
  if (why.empty()) {
    ++record.attempt;
    record.lease.reset();
    record.next_at = next_at;
    record.last_failure = std::move(failure);
    activities_changed.insert(record.scheduled_event_id);
    changed_ = true;
    return;
  }
  close_activity(record.scheduled_event_id, event,
                 {{"failure", std::move(failure)}, {"retryState", why}}, true);
}

void Transition::close_activity(std::int64_t id, EventType event, JsonObject attributes,
                                bool started) {
  const auto found = state_.activities.find(id);
  const auto view = host_.attempt(id);
  const std::string worker(view && !view->worker.empty() ? view->worker : kIdentity);
  const ActivityRecord record = std::move(found->second);
  state_.activities.erase(found);
  activities_changed.insert(id);
  attributes["scheduledEventId"] = id;
  attributes["identity"] = worker;
  if (started) {
    JsonObject begin = {{"scheduledEventId", id},
                        {"identity", worker},
                        {"requestId", fmt::format("{}/{}", state_.summary.run_id.text(), id)},
                        {"attempt", record.attempt}};
    if (record.last_failure) {
      begin["lastFailure"] = *record.last_failure;
    }
    attributes["startedEventId"] = append(EventType::kActivityTaskStarted, std::move(begin)).id;
  }
  append(event, std::move(attributes));
  task_wanted_ = true;
}

void Transition::accept_child(const ChildInput& input) {
  const auto found = state_.children.find(input.initiated_event_id);
  if (found == state_.children.end()) {
    return;
  }
  ChildRecord& record = found->second;
  const Json* execution = input.attributes.if_contains("workflowExecution");
  switch (input.event) {
    case EventType::kChildWorkflowExecutionStarted:
      if (record.stage != ChildStage::kInitiated) {
        return;
      }
      record.stage = ChildStage::kStarted;
      record.run_id = RunId(execution ? get_string(*execution, "runId") : "");
      break;
    case EventType::kExternalWorkflowExecutionCancelRequested:
      if (record.cancel_event_id == 0) {
        return;
      }
      record.cancel_event_id = 0;
      break;
    default:
      if (record.stage == ChildStage::kInitiated && execution &&
          input.event != EventType::kStartChildWorkflowExecutionFailed) {
        accept_child({EventType::kChildWorkflowExecutionStarted,
                      input.initiated_event_id,
                      {{"workflowExecution", *execution}}});
      }
      state_.children.erase(found);
  }
  children_changed.insert(input.initiated_event_id);
  JsonObject attributes = input.attributes;
  if (input.event != EventType::kExternalWorkflowExecutionCancelRequested) {
    attributes["initiatedEventId"] = input.initiated_event_id;
  }
  append(input.event, std::move(attributes));
  children_to_tend = true;
  task_wanted_ = true;
}

void Transition::close_run(RunStatus status) {
  state_.summary.status = status;
  state_.summary.closed = now_;
  state_.task_attempt = 1;
  state_.task_failure.reset();
  state_.task_retry_at.reset();
  for (const auto& [id, record] : state_.activities) {
    activities_changed.insert(id);
    to_stop.emplace_back(id, 2);
  }
  state_.activities.clear();
  for (const auto& [id, record] : state_.timers) {
    timers_changed.insert(id);
  }
  state_.timers.clear();
  state_.updates.clear();
  for (auto& [id, record] : state_.children) {
    record.stage = ChildStage::kLeft;
    children_changed.insert(id);
    children_to_tend = true;
  }
  task_wanted_ = false;
  closed = true;
}

void Transition::begin_if_new() {
  if (state_.open() && state_.summary.history_length == 1) {
    task_wanted_ = true;
  }
}

void Transition::retry_task() {
  if (state_.open() && state_.task_attempt > 1) {
    task_wanted_ = true;
  }
}

void Transition::run_tasks() {
  while (task_wanted_ && state_.open()) {
    task_wanted_ = false;
    const std::size_t task_begin = events.size();
    const std::int64_t scheduled =
        append(EventType::kWorkflowTaskScheduled, {{"taskQueue", {{"name", "workflows"}}},
                                                   {"startToCloseTimeout", "10s"},
                                                   {"attempt", state_.task_attempt}})
            .id;
    const std::int64_t started =
        append(EventType::kWorkflowTaskStarted,
               {{"scheduledEventId", scheduled},
                {"identity", kIdentity},
                {"requestId", fmt::format("{}/{}", state_.summary.run_id.text(), scheduled)}})
            .id;
    auto execution = host_.execution();
    Status done = execution ? Status{} : Status(execution.error());
    if (done) {
      const auto unseen =
          static_cast<std::size_t>((*execution)->last_event_id() + 1 - events.front().id);
      for (const detail::UpdateOffer& offer : offers_) {
        (*execution)->offer(offer);
      }
      done = (*execution)->apply(std::span<const Event>(events).subspan(unseen));
    }
    if (!done) {
      fail_task(done.error(), task_begin);
      return;
    }
    const auto& commands = (*execution)->commands();
    const bool closing = !commands.empty() && is_closing_event(commands.back()->event);
    if (!closing && take_back_if_refused(**execution, task_begin)) {
      return;
    }
    std::vector<HistoryInput> arrived =
        closing ? host_.take_arrived() : std::vector<HistoryInput>();
    if (!arrived.empty()) {
      append(EventType::kWorkflowTaskFailed,
             {{"scheduledEventId", scheduled},
              {"startedEventId", started},
              {"cause", "WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND"},
              {"identity", kIdentity}});
      host_.drop_execution();
      order_inputs(arrived);
      for (const HistoryInput& input : arrived) {
        accept(input);
      }
      task_wanted_ = state_.open();
      continue;
    }
    take_back_if_refused(**execution, task_begin);
    finish_task(**execution, scheduled, started);
  }
}

void Transition::finish_task(const Execution& execution, std::int64_t scheduled,
                             std::int64_t started) {
  state_.summary.progress = execution.progress();
  state_.task_attempt = 1;
  state_.task_failure.reset();
  state_.task_retry_at.reset();
  const std::size_t begin = events.size();
  const std::int64_t completed =
      append(
          EventType::kWorkflowTaskCompleted,
          {{"scheduledEventId", scheduled}, {"startedEventId", started}, {"identity", kIdentity}})
          .id;
  std::map<std::string, std::int64_t> accepted = state_.updates;
  for (const auto& command : execution.commands()) {
    JsonObject attributes = command->attributes;
    attributes["workflowTaskCompletedEventId"] = completed;
    if (command->event == EventType::kWorkflowExecutionContinuedAsNew) {
      attributes["newExecutionRunId"] = host_.new_run_id().text();
    }
    if (command->event == EventType::kWorkflowExecutionUpdateCompleted) {
      attributes["acceptedEventId"] = accepted[text_at(object_at(attributes, "meta"), "updateId")];
    }
    const Event& event = append(command->event, std::move(attributes));
    if (event.type == EventType::kWorkflowExecutionUpdateAccepted) {
      accepted[text_at(event.attributes, "protocolInstanceId")] = event.id;
    }
  }
  const auto live = host_.execution();
  const Status seen =
      live ? (*live)->apply(std::span<const Event>(events).subspan(begin)) : Status(live.error());
  HF_CHECK(seen, "a run accepts the events of its own commands");
  const std::size_t end = events.size();
  for (std::size_t i = begin + 1; i < end; ++i) {
    carry_out(events[i]);
  }
  for (const std::int64_t id : std::exchange(cancel_at_once_, {})) {
    if (state_.activities.contains(id)) {
      close_activity(id, EventType::kActivityTaskCanceled, {}, false);
    }
  }
}

void Transition::fail_task(const Error& error, std::size_t task_begin) {
  host_.drop_execution();
  for (const detail::UpdateOffer& offer : std::exchange(offers_, {})) {
    rejected.push_back(
        {offer.id, Error(Code::kUnavailable, "the workflow task fails, so the update was not taken",
                         Retry::kTransient)
                       .caused_by(error)});
  }
  if (state_.task_attempt == 1) {
    const std::int64_t started = events.back().id;
    append(EventType::kWorkflowTaskFailed, {{"scheduledEventId", started - 1},
                                            {"startedEventId", started},
                                            {"cause", task_failure_cause(error)},
                                            {"failure", to_failure(error)},
                                            {"identity", kIdentity}});
  } else {
    state_.summary.history_length -= static_cast<std::int64_t>(events.size() - task_begin);
    events.resize(task_begin);
  }
  state_.task_retry_at = now_ + task_backoff(state_.task_attempt);
  ++state_.task_attempt;
  state_.task_failure = to_failure(error);
  changed_ = true;
}

}  // namespace holdfast::flow::embedded
