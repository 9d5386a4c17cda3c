// The client of the embedded engine: calls become items in a run's inbox, looks become reads.
#include "flow/embedded/completion.h"
#include "flow/embedded/engine_state.h"
#include "flow/history_json.h"
#include "flow/outcome.h"

namespace holdfast::flow::embedded {
namespace {

HistoryEvent shown(Event event) {
  return {event.id, event.time, std::string(name_of(event.type)),
          Json(std::move(event.attributes))};
}

class EmbeddedClient final : public Client {
 public:
  explicit EmbeddedClient(Engine::State& engine) : engine_(engine) {}

  Co<Result<Started>> start(std::string type, WorkflowId id, Json input,
                            StartOptions options) override {
    if (auto problem = detail::payload_problem(input, type)) {
      co_return *problem;
    }
    if (!engine_.knows_workflow(type)) {
      co_return no_such_workflow(type);
    }
    const bool replace = options.conflict == IdConflict::kTerminateExisting;
    while (true) {
      auto begin = [this, type, id, input, options](auto done) {
        engine_.start_run(type, id, input, options, std::nullopt, std::move(done));
      };
      Result<Started> started = co_await completion<Result<Started>>(std::move(begin));
      if (started || !replace || started.error().code() != Code::kAlreadyExists) {
        co_return started;
      }
      const Status ended = co_await terminate(ref(id), "replaced by a new run");
      if (!ended && ended.error().code() != Code::kFailedPrecondition) {
        co_return ended.error();
      }
    }
  }

  Co<Result<Started>> signal_with_start(std::string type, WorkflowId id, Json input,
                                        StartOptions options, std::string signal_name,
                                        Json payload) override {
    for (const auto& [value, of] : {std::pair(&input, &type), std::pair(&payload, &signal_name)}) {
      if (auto problem = detail::payload_problem(*value, *of)) {
        co_return *problem;
      }
    }
    if (!engine_.knows_workflow(type)) {
      co_return no_such_workflow(type);
    }
    options.conflict = IdConflict::kUseExisting;
    const std::string request = options.request_id.empty() ? "" : options.request_id + "/signal";
    const SignalInput input_of_signal{std::move(signal_name), std::move(payload), request};
    RunId closed;
    while (true) {
      auto begin = [&](auto done) {
        engine_.start_run(type, id, input, options, std::nullopt, std::move(done), input_of_signal);
      };
      Result<Started> started = co_await completion<Result<Started>>(std::move(begin));
      if (!started || started->created) {
        co_return started;
      }
      const Status sent = co_await send(ref(started->run_id), HistoryInput(input_of_signal));
      // A closed run that a start finds again is the one that this very request made.
      if (sent || started->run_id == closed) {
        co_return started;
      }
      if (sent.error().code() != Code::kFailedPrecondition) {
        co_return sent.error();
      }
      closed = started->run_id;  // between the two: there is room for a new one
    }
  }

  Co<Status> signal(RunRef run, std::string name, Json payload, std::string request_id) override {
    if (auto problem = detail::payload_problem(payload, name)) {
      co_return *problem;
    }
    SignalInput input{std::move(name), std::move(payload), std::move(request_id)};
    co_return co_await send(std::move(run), HistoryInput(std::move(input)));
  }

  Co<Result<Json>> query(RunRef run, std::string name, Json args) override {
    HF_CO_TRY(const RunId id, co_await find(std::move(run)));
    auto begin = [this, id, name, args](auto done) {
      engine_.post(id, {QueryRequest{name, args, std::move(done)}, {}});
    };
    co_return co_await completion<Result<Json>>(std::move(begin));
  }

  Co<Result<Json>> update(RunRef run, std::string name, Json args, std::string update_id) override {
    if (auto problem = detail::payload_problem(args, name)) {
      co_return *problem;
    }
    HF_CO_TRY(const RunId id, co_await find(std::move(run)));
    detail::UpdateOffer offer{update_id.empty() ? engine_.new_id() : std::move(update_id),
                              std::move(name), std::move(args)};
    auto begin = [&](auto done) { engine_.post(id, {UpdateRequest{offer, std::move(done)}, {}}); };
    HF_CO_TRY_VOID(co_await completion<Status>(std::move(begin)));
    while (true) {
      auto watcher = engine_.watch().watcher(id);
      HF_CO_TRY(const auto closing, co_await closing_event(id));
      auto look = [id, offer](db::Connection& sql) { return find_update(sql, id, offer.id); };
      HF_CO_TRY(const auto known, co_await engine_.database().read(std::move(look)));
      if (known && known->outcome) {
        co_return answer_of(*known->outcome);
      }
      if (closing) {
        co_return Error(Code::kFailedPrecondition, "the run closed before it answered the update");
      }
      if (!engine_.running()) {
        co_return stopped();
      }
      if (!co_await wait(std::move(watcher), std::nullopt)) {
        co_return Error(Code::kCancelled, "the wait for the answer was given up");
      }
    }
  }

  Co<Status> cancel(RunRef run, std::string reason) override {
    return send(std::move(run), HistoryInput(CancelInput{std::move(reason)}));
  }
  Co<Status> terminate(RunRef run, std::string reason) override {
    return send(std::move(run), HistoryInput(TerminateInput{std::move(reason)}));
  }

  Co<Result<RunId>> reset(RunRef run, std::int64_t event_id, std::string reason,
                          std::string request_id) override {
    const std::string request = "reset/" + (request_id.empty() ? engine_.new_id() : request_id);
    auto look = [run, request](db::Connection& sql) { return load_base(sql, run, request); };
    HF_CO_TRY(const BaseOfReset base, co_await engine_.database().read(std::move(look)));
    if (base.made) {
      co_return *base.made;
    }
    // What is wrong with the request is said before the run is ended for it.
    HF_CO_TRY_VOID(
        status_of(plan_reset(base.state, base.history, event_id, reason, RunId(), UtcTime())));
    const RunId id = base.state.summary.run_id;
    const Status ended = co_await terminate(ref(id), "reset: " + reason);
    if (!ended && ended.error().code() != Code::kFailedPrecondition) {
      co_return ended.error();
    }
    HF_CO_TRY(auto history, co_await engine_.database().read(
                                [id](db::Connection& sql) { return load_history(sql, id, 0); }));
    auto begin = [&](auto done) {
      engine_.start_again(base.state, std::move(history), event_id, reason, request,
                          std::move(done));
    };
    HF_CO_TRY(const Started started, co_await completion<Result<Started>>(std::move(begin)));
    co_return started.run_id;
  }

  Co<Result<RunDescription>> describe(RunRef run) override {
    auto load = [run](db::Connection& sql) -> Result<std::pair<RunState, std::vector<Event>>> {
      HF_TRY(const RunId id, resolve(sql, run));
      HF_TRY(RunState state, load_run(sql, id));
      HF_TRY(std::vector<Event> events, load_ends(sql, id));
      return std::pair(std::move(state), std::move(events));
    };
    HF_CO_TRY(auto loaded, co_await engine_.database().read(std::move(load)));
    co_return description(loaded.first, loaded.second);
  }

  Co<Result<RunPage>> list(ListQuery query) override {
    auto load = [query](db::Connection& sql) { return list_runs(sql, query); };
    co_return co_await engine_.database().read(std::move(load));
  }

  Co<Result<std::int64_t>> count(ListQuery query) override {
    auto load = [query](db::Connection& sql) { return count_runs(sql, query); };
    co_return co_await engine_.database().read(std::move(load));
  }

  Co<Result<std::vector<HistoryEvent>>> history(RunRef run, std::int64_t after,
                                                int limit) override {
    auto load = [run, after](db::Connection& sql) -> Result<std::vector<Event>> {
      HF_TRY(const RunId id, resolve(sql, run));
      return load_history(sql, id, after);
    };
    HF_CO_TRY(auto events, co_await engine_.database().read(std::move(load)));
    std::vector<HistoryEvent> page;
    for (Event& event : events) {
      if (page.size() == static_cast<std::size_t>(std::max(1, limit))) {
        break;
      }
      page.push_back(shown(std::move(event)));
    }
    co_return page;
  }

  Co<Result<Json>> history_json(RunRef run) override {
    auto load = [run](db::Connection& sql) -> Result<std::vector<Event>> {
      HF_TRY(const RunId id, resolve(sql, run));
      return load_history(sql, id, 0);
    };
    HF_CO_TRY(const auto events, co_await engine_.database().read(std::move(load)));
    co_return export_history(events);
  }

  Co<Result<Json>> result(RunRef run) override {
    HF_CO_TRY(RunId id, co_await find(std::move(run)));
    while (true) {
      auto watcher = engine_.watch().watcher(id);
      HF_CO_TRY(const auto closing, co_await closing_event(id));
      if (closing && closing->type == EventType::kWorkflowExecutionContinuedAsNew) {
        id = RunId(text_at(closing->attributes, "newExecutionRunId"));
        continue;
      }
      if (closing) {
        co_return outcome_of(*closing);
      }
      if (!engine_.running()) {
        co_return stopped();
      }
      if (!co_await wait(std::move(watcher), std::nullopt)) {
        co_return Error(Code::kCancelled, "the wait for the run was given up");
      }
    }
  }

  Co<Result<std::vector<HistoryEvent>>> wait_for_events(RunRef run, std::int64_t after,
                                                        Nanoseconds patience) override {
    HF_CO_TRY(const RunId id, co_await find(std::move(run)));
    const MonoTime until = engine_.clock().mono() + patience;
    while (true) {
      auto watcher = engine_.watch().watcher(id);
      HF_CO_TRY(const auto closing, co_await closing_event(id));
      HF_CO_TRY(auto events, co_await history(ref(id), after, 1000));
      if (!events.empty() || closing) {
        co_return events;
      }
      if (!engine_.running()) {
        co_return stopped();
      }
      if (!co_await wait(std::move(watcher), until)) {
        co_return events;
      }
    }
  }

  std::unique_ptr<Subscription> subscribe(std::function<void(const RunChange&)> callback) override {
    return engine_.watch().subscribe(std::move(callback));
  }

 private:
  static Error no_such_workflow(const std::string& type) {
    return Error(Code::kNotFound, "there is no workflow of this type").with("type", type);
  }
  static Error stopped() {
    return {Code::kUnavailable, "the workflow engine stopped", Retry::kTransient};
  }

  Co<Result<RunId>> find(RunRef run) {
    auto load = [run](db::Connection& sql) { return resolve(sql, run); };
    co_return co_await engine_.database().read(std::move(load));
  }

  Co<Status> send(RunRef run, HistoryInput input) {
    HF_CO_TRY(const RunId id, co_await find(std::move(run)));
    auto begin = [this, id, input](auto done) { engine_.post(id, {input, std::move(done)}); };
    co_return co_await completion<Status>(std::move(begin));
  }

  // The last event of the run, if it is closed.
  Co<Result<std::optional<Event>>> closing_event(RunId id) {
    auto load = [id](db::Connection& sql) -> Result<std::optional<Event>> {
      HF_TRY(const RunState state, load_run(sql, id));
      if (state.open()) {
        return std::optional<Event>();
      }
      HF_TRY(auto last, load_history(sql, id, state.summary.history_length - 1));
      if (last.empty()) {
        return Error(Code::kDataLoss, "the history of a closed run has no end");
      }
      return std::optional<Event>(std::move(last.back()));
    };
    co_return co_await engine_.database().read(std::move(load));
  }

  RunDescription description(const RunState& state, const std::vector<Event>& events) {
    RunDescription shown;
    shown.run = state.summary;
    shown.cancel_requested = state.cancel_requested;
    shown.header = state.header;
    shown.workflow_task_attempt = state.task_attempt;
    if (state.task_failure) {
      shown.workflow_task_failure = from_failure(*state.task_failure);
    }
    if (!events.empty()) {
      const Json* input = events.front().attributes.if_contains("input");
      shown.input = input ? *input : Json();
      const JsonObject& last = events.back().attributes;
      if (!state.open()) {
        shown.result = last.contains("result") ? std::optional(last.at("result")) : std::nullopt;
        const Result<Json> outcome = outcome_of(events.back());
        if (!outcome) {
          shown.failure = to_failure(outcome.error());
        }
      }
    }
    for (const auto& [id, record] : state.activities) {
      shown.activities.push_back(pending(state.summary.run_id, record));
    }
    for (const auto& [id, timer] : state.timers) {
      shown.timers.emplace_back(timer.timer_id, timer.fire_at);
    }
    for (const auto& [id, child] : state.children) {
      if (child.stage == ChildStage::kStarted) {
        shown.children.push_back(child.run_id);
      }
    }
    return shown;
  }

  PendingActivity pending(const RunId& run, const ActivityRecord& record) {
    const ActivityPlan plan(record.attributes);
    PendingActivity activity;
    activity.activity_id = plan.activity_id;
    activity.type = plan.type;
    activity.queue = plan.queue;
    activity.attempt = record.attempt;
    activity.scheduled = record.scheduled;
    activity.last_failure = record.last_failure;
    activity.heartbeat = record.heartbeat;
    const auto view =
        engine_.running() ? engine_.attempt({run, record.scheduled_event_id}) : std::nullopt;
    activity.worker = view ? view->worker : "";
    if (view && view->details) {
      activity.heartbeat = view->details;
    }
    if (record.cancel_requested) {
      activity.state = "cancel_requested";
    } else if (view && view->started) {
      activity.state = "started";
    } else if (!view && record.next_at) {
      activity.state = "backing_off";
      activity.next_attempt = record.next_at;
    } else {
      activity.state = "scheduled";
      activity.waiting_for = view ? engine_.waiting_reason(plan.queue) : "";
    }
    return activity;
  }

  Engine::State& engine_;
};

}  // namespace

std::unique_ptr<Client> make_client(Engine::State& state) {
  return std::make_unique<EmbeddedClient>(state);
}

}  // namespace holdfast::flow::embedded
