// The two other halves of a transition: what the commands of a workflow task do to the rows of the
// run, and what becomes due as time passes.
#include <fmt/core.h>

#include "flow/embedded/transition.h"

namespace holdfast::flow::embedded {
namespace {

Json timeout_failure(std::string_view kind, const std::optional<Json>& heartbeat,
                     const std::optional<Json>& last_failure) {
  JsonObject info = {{"timeoutType", fmt::format("TIMEOUT_TYPE_{}", kind)}};
  if (heartbeat) {
    info["lastHeartbeatDetails"] = *heartbeat;
  }
  JsonObject failure = {{"message", "the activity took longer than allowed"},
                        {"source", "holdfast"},
                        {"timeoutFailureInfo", std::move(info)}};
  if (last_failure) {
    failure["cause"] = *last_failure;
  }
  return Json(std::move(failure));
}

// The attempt that the record is about; one that has ended may linger while the next is waited for.
std::optional<AttemptView> current_attempt(TransitionHost& host, const ActivityRecord& record) {
  auto view = host.attempt(record.scheduled_event_id);
  return view && view->attempt == record.attempt ? view : std::nullopt;
}

}  // namespace

void Transition::carry_out(Event& event) {
  using enum EventType;
  const std::int64_t id = event.id;
  switch (event.type) {
    case kActivityTaskScheduled: {
      ActivityRecord record;
      record.scheduled_event_id = id;
      record.scheduled = event.time;
      record.attributes = event.attributes;
      state_.activities.emplace(id, std::move(record));
      activities_changed.insert(id);
      to_dispatch.push_back(id);
      return;
    }
    case kActivityTaskCancelRequested:
      return request_activity_cancel(event_ref(event.attributes, "scheduledEventId"));
    case kTimerStarted: {
      const Nanoseconds duration = duration_from(event.attributes, "startToFireTimeout");
      state_.timers.emplace(
          id, TimerRecord{id, text_at(event.attributes, "timerId"), event.time + duration});
      timers_changed.insert(id);
      return;
    }
    case kTimerCanceled: {
      const std::int64_t started = event_ref(event.attributes, "startedEventId");
      state_.timers.erase(started);
      timers_changed.insert(started);
      return;
    }
    case kStartChildWorkflowExecutionInitiated:
      state_.children.emplace(
          id, ChildRecord{id, event.attributes, ChildStage::kInitiated, RunId(), 0});
      children_changed.insert(id);
      children_to_tend = true;
      return;
    case kRequestCancelExternalWorkflowExecutionInitiated:
      return request_child_cancel(event);
    case kUpsertWorkflowSearchAttributes:
      merge_object(state_.summary.search_attributes,
                   object_at(event.attributes, "searchAttributes"));
      attributes_changed = true;
      return;
    case kWorkflowPropertiesModified:
      merge_object(state_.summary.memo, object_at(event.attributes, "upsertedMemo"));
      return;
    case kWorkflowExecutionUpdateAccepted:
    case kWorkflowExecutionUpdateCompleted:
      return carry_out_update(event);
    case kWorkflowExecutionCompleted:
      return close_run(RunStatus::kCompleted);
    case kWorkflowExecutionFailed:
      return close_run(RunStatus::kFailed);
    case kWorkflowExecutionCanceled:
      return close_run(RunStatus::kCanceled);
    case kWorkflowExecutionContinuedAsNew:
      return continue_as_new(event);
    default:
      return;
  }
}

// An event of another run's history, with what it did to the rows.
void Transition::take_over(Event event) {
  using enum EventType;
  state_.summary.history_length = event.id;
  events.push_back(std::move(event));
  Event& taken = events.back();
  switch (taken.type) {
    case kActivityTaskCompleted:
    case kActivityTaskFailed:
    case kActivityTaskTimedOut:
    case kActivityTaskCanceled:
      state_.activities.erase(event_ref(taken.attributes, "scheduledEventId"));
      return;
    case kTimerFired:
      state_.timers.erase(event_ref(taken.attributes, "startedEventId"));
      return;
    case kWorkflowExecutionCancelRequested:
      state_.cancel_requested = true;
      return;
    case kStartChildWorkflowExecutionInitiated:  // ended, or the reset was refused
      return;
    default:
      return carry_out(taken);
  }
}

void Transition::start_again(ResetPlan plan) {
  for (Event& event : plan.kept) {
    take_over(std::move(event));
  }
  for (auto& [id, record] : state_.activities) {
    record.scheduled = now_;
  }
  std::erase_if(to_dispatch, [this](std::int64_t id) { return !state_.activities.contains(id); });
  append(EventType::kWorkflowTaskFailed, std::move(plan.task_failed));
  for (JsonObject& signal : plan.signals) {
    append(EventType::kWorkflowExecutionSignaled, std::move(signal));
  }
  task_wanted_ = true;
  attributes_changed = true;
}

void Transition::continue_as_new(const Event& event) {
  const RunId next(text_at(event.attributes, "newExecutionRunId"));
  const auto execution = host_.execution();
  HF_CHECK(execution, "a run that has just answered is in memory");
  const RunInfo& info = (*execution)->info();
  RunState state;
  state.summary.run_id = next;
  state.summary.workflow_id = state_.summary.workflow_id;
  state.summary.type = named(event.attributes, "workflowType");
  state.summary.started = now_;
  state.summary.history_length = 1;
  state.summary.memo = state_.summary.memo;
  state.summary.search_attributes = state_.summary.search_attributes;
  state.summary.parent_run_id = state_.summary.parent_run_id;
  state.parent_event_id = state_.parent_event_id;
  state.header = state_.header;
  state.last_event_time = now_;
  JsonObject header;
  for (const auto& [key, value] : state_.header) {
    header[key] = value;
  }
  Event start{1, now_, EventType::kWorkflowExecutionStarted, {}};
  start.attributes = {{"workflowType", {{"name", state.summary.type}}},
                      {"workflowId", state.summary.workflow_id.text()},
                      {"taskQueue", {{"name", "workflows"}}},
                      {"input", event.attributes.at("input")},
                      {"originalExecutionRunId", next.text()},
                      {"firstExecutionRunId", info.first_run_id.text()},
                      {"continuedExecutionRunId", state_.summary.run_id.text()},
                      {"initiator", "CONTINUE_AS_NEW_INITIATOR_WORKFLOW"},
                      {"identity", "holdfast"},
                      {"attempt", 1},
                      {"header", std::move(header)},
                      {"memo", state.summary.memo},
                      {"searchAttributes", state.summary.search_attributes}};
  if (state_.deadline) {
    const Nanoseconds allowed = *state_.deadline - state_.summary.started;
    state.deadline = now_ + allowed;
    start.attributes["workflowRunTimeout"] = duration_text(allowed);
  }
  close_run(RunStatus::kContinuedAsNew);
  successor = std::move(state);
  successor_start = std::move(start);
}

void Transition::request_activity_cancel(std::int64_t id) {
  const auto found = state_.activities.find(id);
  if (found == state_.activities.end()) {
    return;
  }
  found->second.cancel_requested = true;
  activities_changed.insert(id);
  const bool new_in_this_task = std::ranges::find(to_dispatch, id) != to_dispatch.end();
  if (new_in_this_task || host_.revoke(id)) {
    std::erase(to_dispatch, id);
    cancel_at_once_.push_back(id);
  } else {
    to_stop.emplace_back(id, 0);
  }
}

void Transition::request_child_cancel(const Event& event) {
  const std::string workflow_id =
      text_at(object_at(event.attributes, "workflowExecution"), "workflowId");
  for (auto& [id, record] : state_.children) {
    if (text_at(record.attributes, "workflowId") == workflow_id) {
      record.cancel_event_id = event.id;
      children_changed.insert(id);
      children_to_tend = true;
      return;
    }
  }
}

void Transition::accept_due() {
  if (state_.deadline && *state_.deadline <= now_) {
    append(EventType::kWorkflowExecutionTimedOut,
           {{"retryState", "RETRY_STATE_RETRY_POLICY_NOT_SET"}});
    close_run(RunStatus::kTimedOut);
    return;
  }
  fire_timers();
  check_activities();
  if (state_.task_retry_at && *state_.task_retry_at <= now_) {
    retry_task();
  }
}

void Transition::fire_timers() {
  std::vector<TimerRecord> due;
  for (const auto& [id, timer] : state_.timers) {
    if (timer.fire_at <= now_) {
      due.push_back(timer);
    }
  }
  std::ranges::sort(due, {}, [](const TimerRecord& timer) {
    return std::pair(timer.fire_at, timer.started_event_id);
  });
  for (const TimerRecord& timer : due) {
    state_.timers.erase(timer.started_event_id);
    timers_changed.insert(timer.started_event_id);
    append(EventType::kTimerFired,
           {{"timerId", timer.timer_id}, {"startedEventId", timer.started_event_id}});
    task_wanted_ = true;
  }
}

void Transition::check_activities() {
  std::vector<std::int64_t> ids;
  for (const auto& [id, record] : state_.activities) {
    ids.push_back(id);
  }
  for (const std::int64_t id : ids) {
    check_activity(state_.activities.at(id));
  }
}

void Transition::check_activity(const ActivityRecord& record) {
  const std::int64_t id = record.scheduled_event_id;
  const ActivityPlan plan(record.attributes);
  const auto view = current_attempt(host_, record);
  const auto passed = [this](UtcTime since, Nanoseconds limit) {
    return limit.count() > 0 && since + limit <= now_;
  };
  if (passed(record.scheduled, plan.schedule_to_close) && !(view && view->ended)) {
    return time_out(id, "SCHEDULE_TO_CLOSE", false);
  }
  if (!view) {
    if (record.next_at && *record.next_at <= now_) {
      to_dispatch.push_back(id);
    }
    return;
  }
  if (view->ended) {
    return;
  }
  if (!view->started) {
    if (passed(view->queued, plan.schedule_to_start)) {
      time_out(id, "SCHEDULE_TO_START", false);
    }
  } else if (passed(*view->started, plan.start_to_close)) {
    time_out(id, "START_TO_CLOSE", true);
  } else if (passed(view->heartbeat.value_or(*view->started), plan.heartbeat)) {
    time_out(id, "HEARTBEAT", true);
  }
}

void Transition::time_out(std::int64_t id, std::string_view kind, bool retryable) {
  ActivityRecord& record = state_.activities.at(id);
  const auto view = current_attempt(host_, record);
  if (view && view->details) {
    record.heartbeat = view->details;
  }
  to_stop.emplace_back(id, 1);
  Json failure = timeout_failure(kind, record.heartbeat, record.last_failure);
  if (retryable) {
    return fail_attempt(record, std::move(failure), true, EventType::kActivityTaskTimedOut);
  }
  const bool started = view && view->started && !host_.revoke(id);
  close_activity(
      id, EventType::kActivityTaskTimedOut,
      {{"failure", std::move(failure)}, {"retryState", "RETRY_STATE_NON_RETRYABLE_FAILURE"}},
      started);
}

std::optional<UtcTime> next_deadline(const RunState& state, TransitionHost& host) {
  std::optional<UtcTime> next;
  const auto consider = [&next](UtcTime since, Nanoseconds limit, bool always = false) {
    if (always || limit.count() > 0) {
      next = std::min(next.value_or(UtcTime::max()), since + limit);
    }
  };
  if (!state.open()) {
    return next;
  }
  for (const auto& [id, timer] : state.timers) {
    consider(timer.fire_at, Nanoseconds(0), true);
  }
  for (const auto& [id, record] : state.activities) {
    const ActivityPlan plan(record.attributes);
    consider(record.scheduled, plan.schedule_to_close);
    const auto view = current_attempt(host, record);
    if (view && view->ended) {
      continue;
    }
    if (!view && record.next_at) {
      consider(*record.next_at, Nanoseconds(0), true);
    } else if (view && view->started) {
      consider(*view->started, plan.start_to_close);
      consider(view->heartbeat.value_or(*view->started), plan.heartbeat);
    } else if (view) {
      consider(view->queued, plan.schedule_to_start);
    }
  }
  if (state.task_retry_at) {
    consider(*state.task_retry_at, Nanoseconds(0), true);
  }
  if (state.deadline) {
    consider(*state.deadline, Nanoseconds(0), true);
  }
  return next;
}

}  // namespace holdfast::flow::embedded
