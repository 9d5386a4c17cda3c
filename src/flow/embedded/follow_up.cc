// What follows a commit: answers, attempts, children, parents, watchers, the next deadline; and
// what follows a commit that failed.
#include "core/base/log.h"
#include "flow/embedded/engine_state.h"
#include "flow/embedded/flight.h"

namespace holdfast::flow::embedded {
namespace {

// The engine's own view of attempts when only deadlines are asked for.
class Glance final : public TransitionHost {
 public:
  Glance(Attempts& attempts, const RunId& run) : attempts_(attempts), run_(run) {}
  std::optional<AttemptView> attempt(std::int64_t id) override {
    return attempts_.view({run_, id});
  }
  bool revoke(std::int64_t) override { return false; }
  Result<Execution*> execution() override {
    return Error(Code::kInternal, "a glance has no execution");
  }
  void drop_execution() override {}
  std::vector<HistoryInput> take_arrived() override { return {}; }

 private:
  Attempts& attempts_;
  const RunId& run_;
};

constexpr Nanoseconds kRetryCommit = std::chrono::seconds(1);

JsonObject execution_json(const WorkflowId& workflow, const RunId& run) {
  return {{"workflowId", workflow.text()}, {"runId", run.text()}};
}

}  // namespace

void Engine::State::landed(const std::shared_ptr<Actor>& actor, Flight& flight, Status outcome) {
  if (!outcome) {
    lost(actor, flight, outcome.error());
    finish(actor);
    return;
  }
  actor->stored_events = actor->state->summary.history_length;
  follow_up(*actor, flight);
  for (auto& answer : flight.answers) {
    answer({});
  }
  if (flight.started) {
    flight.started(Started{actor->id, true});
  }
  if (flight.has_events) {
    tell_watchers(*actor);
  }
  if (flight.closing) {
    tell_parent(*actor->state, *flight.closing);
  }
  finish(actor);
}

void Engine::State::lost(const std::shared_ptr<Actor>& actor, Flight& flight, const Error& error) {
  actor->state.reset();
  actor->execution.reset();
  if (flight.started) {
    flight.started(flight.existing ? Result<Started>(Started{*flight.existing, false})
                                   : Result<Started>(error));
    flight.started = nullptr;
    if (flight.check) {
      return;
    }
  }
  log_warn("flow.commit_failed", {{"run_id", actor->id.text()}, {"error", error.to_string()}});
  for (auto& answer : flight.answers) {
    answer(error);
  }
  post_later(actor->id, std::move(flight.own_inputs));
}

void Engine::State::post_later(const RunId& run, std::vector<HistoryInput> inputs) {
  auto shared = std::make_shared<std::vector<HistoryInput>>(std::move(inputs));
  clock_.call_at(clock_.mono() + kRetryCommit, [weak = weak_from_this(), run, shared] {
    if (const auto self = weak.lock()) {
      self->post(run, {RecoverRequest{}, {}});
      for (HistoryInput& input : *shared) {
        self->post(run, {std::move(input), {}});
      }
    }
  });
}

void Engine::State::follow_up(Actor& actor, Flight& flight) {
  for (const auto& [id, why] : flight.to_stop) {
    constexpr std::array kReasons = {StopReason::kCancelled, StopReason::kTimedOut,
                                     StopReason::kRunClosed};
    attempts_->stop({actor.id, id}, kReasons.at(static_cast<std::size_t>(why)));
  }
  for (const std::int64_t id : flight.to_dispatch) {
    dispatch(actor, id);
  }
  if (flight.tend_children) {
    tend_children(actor);
  }
  Glance glance(*attempts_, actor.id);
  deadlines_->set(actor.id, next_deadline(*actor.state, glance));
}

void Engine::State::dispatch(Actor& actor, std::int64_t scheduled_event_id) {
  const auto found = actor.state->activities.find(scheduled_event_id);
  if (found == actor.state->activities.end()) {
    return;
  }
  const ActivityRecord& record = found->second;
  if (record.next_at && *record.next_at > clock_.now()) {
    return;
  }
  const ActivityPlan plan(record.attributes);
  ActivityInfo info;
  info.workflow_id = actor.state->summary.workflow_id;
  info.run_id = actor.id;
  info.workflow_type = actor.state->summary.type;
  info.activity_id = plan.activity_id;
  info.type = plan.type;
  info.queue = plan.queue;
  info.attempt = record.attempt;
  info.scheduled = record.scheduled;
  if (plan.start_to_close.count() > 0) {
    info.deadline = clock_.now() + plan.start_to_close;
  }
  info.heartbeat_timeout = plan.heartbeat;
  info.header = actor.state->header;
  attempts_->dispatch({actor.id, scheduled_event_id}, record, std::move(info));
}

void Engine::State::recover(Actor& actor, Transition& transition) {
  for (const auto& [id, record] : actor.state->activities) {
    transition.to_dispatch.push_back(id);
  }
  transition.children_to_tend = !actor.state->children.empty();
  transition.retry_task();
  for (const auto& [id, record] : actor.state->children) {
    if (record.stage == ChildStage::kStarted) {
      check_child_closed(actor.id, record);
    }
  }
}

void Engine::State::tend_children(Actor& actor) {
  for (const auto& [id, record] : actor.state->children) {
    tend_child(actor, record);
  }
}

void Engine::State::tend_child(Actor& actor, const ChildRecord& record) {
  if (record.stage == ChildStage::kInitiated ||
      (record.stage == ChildStage::kLeft && record.run_id.empty())) {
    start_child(actor.state->summary, record);
  } else if (record.stage == ChildStage::kLeft) {
    leave_child(actor.state->summary, record);
  } else if (record.cancel_event_id != 0) {
    cancel_child(actor.state->summary, record);
  }
}

void Engine::State::start_child(const RunSummary& parent, const ChildRecord& record) {
  StartOptions options;
  options.request_id = parent.run_id.text() + "/" + std::to_string(record.initiated_event_id);
  if (const Json* memo = record.attributes.if_contains("memo"); memo && memo->is_object()) {
    options.memo = memo->get_object();
  }
  const WorkflowId id(get_string(Json(record.attributes), "workflowId"));
  const Json* input = record.attributes.if_contains("input");
  const auto weak = weak_from_this();
  auto done = [weak, parent, record = ChildRecord(record), id](Result<Started> started) mutable {
    const auto self = weak.lock();
    if (!self) {
      return;
    }
    if (record.stage == ChildStage::kLeft) {
      if (started) {
        record.run_id = started->run_id;
        self->leave_child(parent, record);
      }
      return;
    }
    ChildInput input{EventType::kChildWorkflowExecutionStarted, record.initiated_event_id, {}};
    if (started) {
      input.attributes = {{"workflowExecution", execution_json(id, started->run_id)}};
      if (!started->created) {
        self->check_child_closed(parent.run_id, record);
      }
    } else if (started.error().retry() == Retry::kTransient) {
      self->post_later(parent.run_id, {});
      return;
    } else {
      input.event = EventType::kStartChildWorkflowExecutionFailed;
      input.attributes = {
          {"workflowId", id.text()},
          {"cause", "START_CHILD_WORKFLOW_EXECUTION_FAILED_CAUSE_WORKFLOW_ALREADY_EXISTS"}};
    }
    self->post(parent.run_id, {HistoryInput(std::move(input)), {}});
  };
  start_run(named(record.attributes, "workflowType"), id, input ? *input : Json(),
            std::move(options), std::pair(parent, record.initiated_event_id), std::move(done));
}

void Engine::State::cancel_child(const RunSummary& parent, const ChildRecord& record) {
  const WorkflowId id(get_string(Json(record.attributes), "workflowId"));
  ChildInput delivered{EventType::kExternalWorkflowExecutionCancelRequested,
                       record.initiated_event_id,
                       {{"initiatedEventId", record.cancel_event_id},
                        {"workflowExecution", execution_json(id, record.run_id)}}};
  const auto weak = weak_from_this();
  auto answer = [weak, parent_run = parent.run_id, delivered](const Status& status) {
    const auto self = weak.lock();
    if (self && (status || status.error().code() == Code::kFailedPrecondition)) {
      self->post(parent_run, {HistoryInput(delivered), {}});
    }
  };
  post(record.run_id, {HistoryInput(CancelInput{"the parent was cancelled"}), std::move(answer)});
}

void Engine::State::leave_child(const RunSummary& parent, const ChildRecord& record) {
  const std::string policy = get_string(Json(record.attributes), "parentClosePolicy");
  const auto weak = weak_from_this();
  auto forget = [weak, run = parent.run_id.text(),
                 id = record.initiated_event_id](const Status& status) {
    const auto self = weak.lock();
    if (!self || (!status && status.error().code() == Code::kUnavailable)) {
      return;
    }
    self->database_.submit_write(
        [run, id](db::Connection& sql) -> Status {
          HF_TRY_VOID(sql.exec(
              "DELETE FROM flow_children WHERE run_id = ?1 AND initiated_event_id = ?2", run, id));
          return {};
        },
        [](const Status&) {});  // done again after the next start, to no effect
  };
  if (policy == "PARENT_CLOSE_POLICY_ABANDON") {
    forget({});
  } else if (policy == "PARENT_CLOSE_POLICY_REQUEST_CANCEL") {
    post(record.run_id, {HistoryInput(CancelInput{"the parent closed"}), std::move(forget)});
  } else {
    post(record.run_id, {HistoryInput(TerminateInput{"the parent closed"}), std::move(forget)});
  }
}

void Engine::State::check_child_closed(const RunId& parent, const ChildRecord& record) {
  const std::string workflow = get_string(Json(record.attributes), "workflowId");
  const auto found = database_.read_blocking(
      [&](db::Connection& sql) -> Result<std::optional<std::pair<RunSummary, Event>>> {
        using Found = std::optional<std::pair<RunSummary, Event>>;
        RunRef child{WorkflowId(workflow), record.run_id};
        HF_TRY(const RunId id, resolve(sql, child));
        HF_TRY(RunState state, load_run(sql, id));
        if (state.open() || state.parent_event_id != record.initiated_event_id ||
            state.summary.parent_run_id != parent) {
          return Found();
        }
        HF_TRY(const auto last, load_history(sql, id, state.summary.history_length - 1));
        return Found(std::pair(std::move(state.summary), last.back()));
      });
  if (found && *found) {
    post(parent,
         {HistoryInput(child_closed((*found)->first, record.initiated_event_id, (*found)->second)),
          {}});
  }
}

void Engine::State::tell_parent(const RunState& state, const Event& closing) {
  post(*state.summary.parent_run_id,
       {HistoryInput(child_closed(state.summary, state.parent_event_id, closing)), {}});
}

ChildInput child_closed(const RunSummary& child, std::int64_t initiated_event_id,
                        const Event& closing) {
  ChildInput input{EventType::kChildWorkflowExecutionCompleted, initiated_event_id, {}};
  input.attributes = {{"workflowExecution", execution_json(child.workflow_id, child.run_id)},
                      {"workflowType", {{"name", child.type}}}};
  for (const std::string_view key : {"result", "failure", "details"}) {
    if (const Json* value = closing.attributes.if_contains(key)) {
      input.attributes[key] = *value;
    }
  }
  switch (closing.type) {
    case EventType::kWorkflowExecutionFailed:
      input.event = EventType::kChildWorkflowExecutionFailed;
      break;
    case EventType::kWorkflowExecutionCanceled:
      input.event = EventType::kChildWorkflowExecutionCanceled;
      break;
    case EventType::kWorkflowExecutionTerminated:
      input.event = EventType::kChildWorkflowExecutionTerminated;
      break;
    case EventType::kWorkflowExecutionTimedOut:
      input.event = EventType::kChildWorkflowExecutionTimedOut;
      break;
    default:
      break;
  }
  return input;
}

void Engine::State::tell_watchers(const Actor& actor) {
  const RunSummary& run = actor.state->summary;
  RunChange change;
  change.run_id = actor.id;
  change.workflow_id = run.workflow_id;
  change.type = run.type;
  change.status = run.status;
  change.last_event_id = run.history_length;
  change.progress = run.progress;
  watch_->notify(change);
}

void Engine::State::keep_or_drop_locked(const std::shared_ptr<Actor>& actor) {
  if (actor->cached) {
    recent_.erase(*actor->cached);
    actor->cached.reset();
  }
  const bool keep = actor->state && actor->state->open() && options_.cache_size > 0;
  if (!keep) {
    actor->execution.reset();
    actor->state.reset();
    return;
  }
  actor->cached = recent_.insert(recent_.end(), actor->id);
  while (recent_.size() > options_.cache_size) {
    const auto oldest = actors_.find(recent_.front());
    recent_.pop_front();
    if (oldest == actors_.end()) {
      continue;
    }
    oldest->second->cached.reset();
    if (!oldest->second->busy) {
      oldest->second->execution.reset();
      actors_.erase(oldest);
    }
  }
}

void Engine::State::finish(const std::shared_ptr<Actor>& actor) {
  const std::lock_guard lock(mutex_);
  keep_or_drop_locked(actor);
  if (!actor->inbox.empty()) {
    pool_->post([self = shared_from_this(), actor] { self->pump(actor); });
    return;
  }
  actor->busy = false;
  --busy_;
  if (!actor->state && !actor->cached) {
    actors_.erase(actor->id);
  }
  quiet_.notify_all();
}

void Engine::State::start_run(std::string type, WorkflowId id, Json input, StartOptions options,
                              std::optional<std::pair<RunSummary, std::int64_t>> parent,
                              std::move_only_function<void(Result<Started>)> done) {
  StartRequest request;
  RunState& state = request.state;
  const UtcTime now = clock_.now();
  state.summary.run_id = RunId(random_.new_id("run_", now));
  state.summary.workflow_id = id;
  state.summary.type = type;
  state.summary.started = now;
  state.summary.memo = options.memo;
  state.summary.search_attributes = options.search_attributes;
  state.request_id = options.request_id;
  state.header = options.header;
  state.last_event_time = now;
  if (options.run_timeout.count() > 0) {
    state.deadline = now + options.run_timeout;
  }
  JsonObject header;
  for (const auto& [key, value] : options.header) {
    header[key] = value;
  }
  request.attributes = {{"workflowType", {{"name", type}}},
                        {"workflowId", id.text()},
                        {"taskQueue", {{"name", "workflows"}}},
                        {"input", std::move(input)},
                        {"originalExecutionRunId", state.summary.run_id.text()},
                        {"firstExecutionRunId", state.summary.run_id.text()},
                        {"identity", "holdfast"},
                        {"attempt", 1},
                        {"header", std::move(header)},
                        {"memo", options.memo},
                        {"searchAttributes", options.search_attributes}};
  if (options.run_timeout.count() > 0) {
    request.attributes["workflowRunTimeout"] = duration_text(options.run_timeout);
  }
  if (parent) {
    state.summary.parent_run_id = parent->first.run_id;
    state.parent_event_id = parent->second;
    request.attributes["parentWorkflowExecution"] =
        execution_json(parent->first.workflow_id, parent->first.run_id);
    request.attributes["parentInitiatedEventId"] = parent->second;
  }
  request.check = {options.request_id, options.reuse, options.conflict};
  request.done = std::move(done);
  const RunId run = state.summary.run_id;
  post(run, {std::move(request), {}});
}

}  // namespace holdfast::flow::embedded
