// Parents and children: starting a child, delivering its end and its cancellation, and what becomes
// of it when the parent closes.
//
// Each step is a transition of one run that another run's commit asks for. A step that was lost
// with the process is asked for again when the runs are recovered; a child is started under a
// request id of its parent, and inputs that were seen already do nothing.
#include "flow/embedded/engine_state.h"

namespace holdfast::flow::embedded {
namespace {

JsonObject execution_json(const WorkflowId& workflow, const RunId& run) {
  return {{"workflowId", workflow.text()}, {"runId", run.text()}};
}

// Whether a call has done its work in another run, now or before; otherwise it is made again.
bool reached(const Status& status) {
  return status || status.error().code() == Code::kFailedPrecondition ||
         status.error().code() == Code::kNotFound;
}

}  // namespace

void Engine::State::tend_children(Actor& actor) {
  for (const auto& [id, record] : actor.state->children) {
    tend_child(actor, record);
  }
}

void Engine::State::tend_child(Actor& actor, const ChildRecord& record) {
  const RunState& parent = *actor.state;
  if (record.stage == ChildStage::kInitiated ||
      (record.stage == ChildStage::kLeft && record.run_id.empty())) {
    start_child(parent, record);
  } else if (record.stage == ChildStage::kLeft) {
    leave_child(parent.summary, record);
  } else if (record.cancel_event_id != 0) {
    cancel_child(parent.summary, record);
  }
}

void Engine::State::start_child(const RunState& parent_state, const ChildRecord& record) {
  const RunSummary& parent = parent_state.summary;
  StartOptions options;
  options.header = parent_state.header;
  options.request_id = parent.run_id.text() + "/" + std::to_string(record.initiated_event_id);
  if (const Json* memo = record.attributes.if_contains("memo"); memo && memo->is_object()) {
    options.memo = memo->get_object();
  }
  const WorkflowId id(text_at(record.attributes, "workflowId"));
  const Json* input = record.attributes.if_contains("input");
  const auto weak = weak_from_this();
  auto done = [weak, parent = RunSummary(parent), record = ChildRecord(record),
               id](Result<Started> started) mutable {
    const auto self = weak.lock();
    if (!self) {
      return;
    }
    if (record.stage == ChildStage::kLeft) {
      if (started) {
        record.run_id = started->run_id;
        self->leave_child(parent, record);
      } else {
        self->tend_later(parent.run_id);
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
      self->tend_later(parent.run_id);
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
  const WorkflowId id(text_at(record.attributes, "workflowId"));
  ChildInput delivered{EventType::kExternalWorkflowExecutionCancelRequested,
                       record.initiated_event_id,
                       {{"initiatedEventId", record.cancel_event_id},
                        {"workflowExecution", execution_json(id, record.run_id)}}};
  const auto weak = weak_from_this();
  auto answer = [weak, parent_run = parent.run_id, delivered](const Status& status) {
    const auto self = weak.lock();
    if (self && reached(status)) {
      self->post(parent_run, {HistoryInput(delivered), {}});
    } else if (self) {
      self->tend_later(parent_run);
    }
  };
  post(current_run(parent, record),
       {HistoryInput(CancelInput{"the parent was cancelled"}), std::move(answer)});
}

void Engine::State::leave_child(const RunSummary& parent, const ChildRecord& record) {
  const std::string policy = text_at(record.attributes, "parentClosePolicy");
  const auto weak = weak_from_this();
  auto forget = [weak, parent_run = parent.run_id,
                 id = record.initiated_event_id](const Status& status) {
    const auto self = weak.lock();
    if (!self) {
      return;
    }
    if (!reached(status)) {
      self->tend_later(parent_run);
      return;
    }
    self->database_.submit_write(
        [run = parent_run.text(), id](db::Connection& sql) -> Status {
          HF_TRY_VOID(sql.exec(
              "DELETE FROM flow_children WHERE run_id = ?1 AND initiated_event_id = ?2", run, id));
          return {};
        },
        [](const Status&) {});  // done again after the next start, to no effect
  };
  if (policy == "PARENT_CLOSE_POLICY_ABANDON") {
    forget({});
  } else if (policy == "PARENT_CLOSE_POLICY_REQUEST_CANCEL") {
    post(current_run(parent, record),
         {HistoryInput(CancelInput{"the parent closed"}), std::move(forget)});
  } else {
    post(current_run(parent, record),
         {HistoryInput(TerminateInput{"the parent closed"}), std::move(forget)});
  }
}

// A child that continued as new goes on in another run.
RunId Engine::State::current_run(const RunSummary& parent, const ChildRecord& record) {
  const auto found = database_.read_blocking([&](db::Connection& sql) {
    return run_of_child(sql, parent.run_id, record.initiated_event_id);
  });
  return found && *found ? **found : record.run_id;
}

void Engine::State::check_child_closed(const RunId& parent, const ChildRecord& record) {
  const auto found = database_.read_blocking(
      [&](db::Connection& sql) -> Result<std::optional<std::pair<RunSummary, Event>>> {
        using Found = std::optional<std::pair<RunSummary, Event>>;
        HF_TRY(const auto id, run_of_child(sql, parent, record.initiated_event_id));
        if (!id) {
          return Found();
        }
        HF_TRY(RunState state, load_run(sql, *id));
        if (state.open()) {
          return Found();
        }
        HF_TRY(const auto last, load_history(sql, *id, state.summary.history_length - 1));
        return Found(std::pair(std::move(state.summary), last.back()));
      });
  if (found && *found) {
    post(parent,
         {HistoryInput(child_closed((*found)->first, record.initiated_event_id, (*found)->second)),
          {}});
  }
}

void Engine::State::tell_parent(const RunState& state, const Event& closing) {
  if (const auto& parent = state.summary.parent_run_id) {
    post(*parent, {HistoryInput(child_closed(state.summary, state.parent_event_id, closing)), {}});
  }
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

void Engine::State::start_run(std::string type, WorkflowId id, Json input, StartOptions options,
                              std::optional<std::pair<RunSummary, std::int64_t>> parent,
                              std::move_only_function<void(Result<Started>)> done,
                              std::optional<SignalInput> signal) {
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
  request.signal = std::move(signal);
  const RunId run = state.summary.run_id;
  post(run, {std::move(request), {}});
}

void Engine::State::start_again(const RunState& base, std::vector<Event> history,
                                std::int64_t event_id, const std::string& reason,
                                const std::string& request_id,
                                std::move_only_function<void(Result<Started>)> done) {
  const UtcTime now = clock_.now();
  RunId run(random_.new_id("run_", now));
  auto plan = plan_reset(base, std::move(history), event_id, reason, run, now);
  if (!plan) {
    done(plan.error());
    return;
  }
  StartRequest request;
  request.state = plan->state;
  request.state.request_id = request_id;
  request.again = *std::move(plan);
  request.check = {request_id, IdReuse::kAllow, IdConflict::kFail};
  request.done = std::move(done);
  post(run, {std::move(request), {}});
}

}  // namespace holdfast::flow::embedded
