// The pump: inbox -> transition -> one commit -> effects.
//
// Invariants: effects (dispatch, answers, notices) follow the commit; a transition whose commit
// fails is forgotten together with the run's state in memory, and the engine's own inputs come
// back, so that nothing depends on what was not stored.
#include "flow/embedded/engine.h"

#include "core/base/log.h"
#include "flow/embedded/engine_state.h"
#include "flow/embedded/flight.h"

namespace holdfast::flow::embedded {
namespace {

Error unavailable() {
  return {Code::kUnavailable, "the workflow engine is not running", Retry::kTransient};
}

}  // namespace

Error run_closed(const RunSummary& run) {
  return Error(Code::kFailedPrecondition, "the run is closed")
      .with("run_id", run.run_id.text())
      .with("status", std::string(status_name(run.status)));
}

void Engine::State::post(const RunId& run, Item item) {
  std::unique_lock lock(mutex_);
  if (!running_) {
    lock.unlock();
    std::deque<Item> items;
    items.push_back(std::move(item));
    refuse(items, unavailable());
    return;
  }
  const std::shared_ptr<Actor> actor = actor_locked(run);
  ++inputs_;
  if (actor->holding && std::holds_alternative<HistoryInput>(item.what) && !item.answer) {
    actor->held.push_back(std::move(item));
    return;
  }
  actor->inbox.push_back(std::move(item));
  begin_locked(actor);
}

std::shared_ptr<Actor> Engine::State::actor_locked(const RunId& run) {
  std::shared_ptr<Actor>& actor = actors_[run];
  if (!actor) {
    actor = std::make_shared<Actor>(run);
  }
  return actor;
}

void Engine::State::begin_locked(const std::shared_ptr<Actor>& actor) {
  if (!actor->busy) {
    actor->busy = true;
    ++busy_;
    pool_->post([self = shared_from_this(), actor] { self->pump(actor); });
  }
}

void Engine::State::refuse(std::deque<Item>& items, const Error& error) {
  for (Item& item : items) {
    if (auto* start = std::get_if<StartRequest>(&item.what)) {
      start->done(error);
    } else if (auto* query = std::get_if<QueryRequest>(&item.what)) {
      query->done(error);
    } else if (auto* update = std::get_if<UpdateRequest>(&item.what)) {
      update->done(error);
    } else if (item.answer) {
      item.answer(error);
    }
  }
  items.clear();
}

bool Engine::State::load(const std::shared_ptr<Actor>& actor, std::deque<Item>& items) {
  if (actor->state) {
    return true;
  }
  if (auto* start = std::get_if<StartRequest>(&items.front().what)) {
    actor->state = std::make_unique<RunState>(start->state);
    actor->stored_events = 0;
    return true;
  }
  auto loaded = database_.read_blocking(
      [actor](db::Connection& sql) -> Result<RunState> { return load_run(sql, actor->id); });
  if (loaded) {
    actor->state = std::make_unique<RunState>(std::move(*loaded));
    actor->stored_events = actor->state->summary.history_length;
    return true;
  }
  const Error error = loaded.error();
  if (error.retry() == Retry::kTransient) {
    std::vector<HistoryInput> again;
    for (Item& item : items) {
      if (auto* input = std::get_if<HistoryInput>(&item.what); input && !item.answer) {
        again.push_back(std::move(*input));
      }
    }
    hold(actor, std::move(again));
  } else if (error.code() != Code::kNotFound) {
    log_error("flow.run_unreadable", {{"run_id", actor->id.text()}, {"error", error.to_string()}});
  }
  refuse(items, error);
  return false;
}

Result<Execution*> Engine::State::execution_of(Actor& actor) {
  if (actor.execution) {
    return actor.execution.get();
  }
  auto execution = std::make_unique<Execution>(workflows_);
  if (actor.stored_events > 0) {
    HF_TRY(const auto events,
           database_.read_blocking([&actor](db::Connection& sql) -> Result<std::vector<Event>> {
             return load_history(sql, actor.id, 0);
           }));
    ++replays_;
    replayed_events_ += events.size();
    HF_TRY_VOID(execution->apply(events));
  }
  actor.execution = std::move(execution);
  return actor.execution.get();
}

void Engine::State::answer_queries(Actor& actor, std::deque<Item>& items) {
  for (Item& item : items) {
    if (auto* query = std::get_if<QueryRequest>(&item.what)) {
      auto execution = execution_of(actor);
      query->done(execution ? (*execution)->query(query->name, query->args)
                            : Result<Json>(execution.error()));
    }
  }
  std::erase_if(items,
                [](const Item& item) { return std::holds_alternative<QueryRequest>(item.what); });
}

// The transition's way to its run's execution and to the attempts, while the run is busy.
class Engine::State::Host final : public TransitionHost {
 public:
  Host(State& engine, Actor& actor, Flight& flight)
      : engine_(engine), actor_(actor), flight_(flight) {}

  std::optional<AttemptView> attempt(std::int64_t id) override {
    return engine_.attempt({actor_.id, id});
  }
  bool revoke(std::int64_t id) override {
    return engine_.leases_->revoke({actor_.id, id}) && engine_.attempts_->revoke({actor_.id, id});
  }
  Result<Execution*> execution() override { return engine_.execution_of(actor_); }
  void drop_execution() override { actor_.execution.reset(); }
  RunId new_run_id() override {
    return RunId(engine_.random_.new_id("run_", engine_.clock_.now()));
  }

  std::vector<HistoryInput> take_arrived() override {
    std::deque<Item> arrived;
    {
      const std::lock_guard lock(engine_.mutex_);
      std::deque<Item> others;
      for (Item& item : actor_.inbox) {
        (std::holds_alternative<HistoryInput>(item.what) ? arrived : others)
            .push_back(std::move(item));
      }
      actor_.inbox = std::move(others);
    }
    std::vector<HistoryInput> inputs;
    for (Item& item : arrived) {
      engine_.gather(actor_, std::move(item), inputs, flight_);
    }
    return inputs;
  }

 private:
  State& engine_;
  Actor& actor_;
  Flight& flight_;
};

void Engine::State::gather(Actor& actor, Item item, std::vector<HistoryInput>& inputs,
                           Flight& flight) {
  auto& input = std::get<HistoryInput>(item.what);
  if (const auto* signal = std::get_if<SignalInput>(&input);
      signal && !signal->request_id.empty()) {
    const auto known = database_.read_blocking([&](db::Connection& sql) -> Result<bool> {
      return has_request(sql, actor.id, signal->request_id);
    });
    if (!known || *known) {
      item.answer(known ? Status() : Status(known.error()));
      return;
    }
  }
  if (!actor.state->open()) {
    const bool done = std::holds_alternative<CancelInput>(input) && actor.state->cancel_requested;
    if (item.answer) {
      item.answer(done ? Status() : Status(run_closed(actor.state->summary)));
    }
    return;
  }
  const auto* ended = std::get_if<AttemptEnded>(&input);
  if (ended && !ended->lease.empty()) {
    if (!is_pending(actor, *ended, flight)) {
      item.answer(attempt_is_over());
      return;
    }
    flight.ended_leases.push_back({{actor.id, ended->scheduled_event_id}, ended->lease});
  }
  if (item.answer) {
    flight.answers.push_back(std::move(item.answer));
  } else {
    flight.own_inputs.push_back(input);
  }
  inputs.push_back(std::move(input));
}

bool Engine::State::is_pending(const Actor& actor, const AttemptEnded& ended,
                               const Flight& flight) {
  const auto found = actor.state->activities.find(ended.scheduled_event_id);
  const bool said = std::ranges::any_of(flight.ended_leases, [&ended](const LeaseToken& token) {
    return token.lease == ended.lease;
  });
  return !said && found != actor.state->activities.end() && found->second.attempt == ended.attempt;
}

void Engine::State::pump(const std::shared_ptr<Actor>& actor) {
  std::deque<Item> items;
  bool stopping = false;
  {
    const std::lock_guard lock(mutex_);
    items.swap(actor->inbox);
    stopping = !running_;
  }
  if (stopping) {
    refuse(items, unavailable());
  }
  if (items.empty() || !load(actor, items)) {
    finish(actor);
    return;
  }
  answer_queries(*actor, items);
  auto flight = std::make_shared<Flight>();
  Host host(*this, *actor, *flight);
  Transition transition(*actor->state, host, clock_.now());
  std::vector<HistoryInput> inputs;
  for (Item& item : items) {
    if (auto* start = std::get_if<StartRequest>(&item.what)) {
      if (start->again) {
        transition.start_again(*std::move(start->again));
      } else {
        transition.start(std::move(start->attributes));
      }
      if (start->signal) {
        inputs.emplace_back(std::move(*start->signal));
      }
      flight->check = start->check;
      flight->started = std::move(start->done);
    } else if (std::holds_alternative<RecoverRequest>(item.what)) {
      flight->recover = true;
      recover(*actor, transition);
    } else if (std::holds_alternative<HistoryInput>(item.what)) {
      gather(*actor, std::move(item), inputs, *flight);
    }
  }
  order_inputs(inputs);
  for (const HistoryInput& input : inputs) {
    transition.accept(input);
  }
  gather_updates(*actor, items, *flight, transition);
  transition.run_tasks();
  commit_flight(actor, std::move(flight), transition);
}

void Engine::State::commit_flight(const std::shared_ptr<Actor>& actor,
                                  std::shared_ptr<Flight> flight, Transition& transition) {
  flight->to_dispatch = transition.to_dispatch;
  flight->to_stop = transition.to_stop;
  flight->tend_children = flight->tend_children || transition.children_to_tend;
  flight->closed = transition.closed;
  flight->rejected = transition.rejected;
  flight->has_events = !transition.events.empty();
  if (transition.successor) {
    flight->successor = transition.successor->summary.run_id;
  } else if (flight->closed && actor->state->summary.parent_run_id) {
    flight->closing = transition.events.back();
  }
  if (!transition.changed()) {
    landed(actor, *flight, {});
    return;
  }
  ++transitions_;
  flight->plan = plan_commit(*actor->state, transition);
  flight->plan.start = flight->check;
  auto self = shared_from_this();
  database_.submit_write(
      [flight](db::Connection& sql) -> Status {
        return commit(sql, flight->plan, flight->existing);
      },
      [self, actor, flight](Status outcome) {
        // Under the lock: stop() ends the pool when nothing is busy, and finish() takes it too.
        const std::lock_guard lock(self->mutex_);
        self->pool_->post([self, actor, flight, result = std::move(outcome)]() mutable {
          self->landed(actor, *flight, std::move(result));
        });
      });
}

}  // namespace holdfast::flow::embedded
