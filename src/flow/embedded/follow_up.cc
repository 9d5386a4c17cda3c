// What follows a commit: answers, attempts, watchers, the next deadline; and what follows a commit
// that failed.
#include "core/base/log.h"
#include "flow/embedded/engine_state.h"
#include "flow/embedded/flight.h"

namespace holdfast::flow::embedded {
namespace {

// The engine's own view of attempts when only deadlines are asked for.
class Glance final : public TransitionHost {
 public:
  Glance(const Engine::State& engine, const RunId& run) : engine_(engine), run_(run) {}
  std::optional<AttemptView> attempt(std::int64_t id) override {
    return engine_.attempt({run_, id});
  }
  bool revoke(std::int64_t) override { return false; }
  Result<Execution*> execution() override {
    return Error(Code::kInternal, "a glance has no execution");
  }
  void drop_execution() override {}
  RunId new_run_id() override { return {}; }
  std::vector<HistoryInput> take_arrived() override { return {}; }

 private:
  const Engine::State& engine_;
  const RunId& run_;
};

constexpr Nanoseconds kFirstRetry = std::chrono::seconds(1);
constexpr int kMostDoublings = 5;  // at most 32 s between two tries

}  // namespace

void Engine::State::landed(const std::shared_ptr<Actor>& actor, Flight& flight, Status outcome) {
  if (!outcome) {
    lost(actor, flight, outcome.error());
    finish(actor);
    return;
  }
  actor->stored_events = actor->state->summary.history_length;
  actor->failures = 0;
  follow_up(*actor, flight);
  for (auto& answer : flight.answers) {
    answer({});
  }
  for (auto& [id, done] : flight.updates) {
    const auto refused = std::ranges::find(flight.rejected, id, &detail::UpdateRejection::id);
    done(refused == flight.rejected.end() ? Status() : Status(refused->reason));
  }
  if (flight.started) {
    flight.started(Started{actor->id, true});
  }
  if (flight.has_events) {
    tell_watchers(*actor);
  }
  if (!flight.successor.empty()) {
    post(flight.successor, {RecoverRequest{}, {}});
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
  for (auto& [id, done] : flight.updates) {
    done(error);
  }
  hold(actor, std::move(flight.own_inputs));
}

// What an attempt's end and the recovery of its run say must reach the run together: recovered
// alone, a run whose attempt has ended would begin that attempt once more.
void Engine::State::hold(const std::shared_ptr<Actor>& actor, std::vector<HistoryInput> inputs) {
  const std::lock_guard lock(mutex_);
  hold_locked(actor);
  for (HistoryInput& input : inputs) {
    actor->held.push_back({std::move(input), {}});
  }
}

void Engine::State::hold_locked(const std::shared_ptr<Actor>& actor) {
  if (actor->holding) {
    return;
  }
  actor->holding = true;
  actor->held.push_back({RecoverRequest{}, {}});
  const int doublings = std::min(actor->failures++, kMostDoublings);
  clock_.call_at(clock_.mono() + kFirstRetry * (1 << doublings), [weak = weak_from_this(), actor] {
    if (const auto self = weak.lock()) {
      self->release(actor);
    }
  });
}

void Engine::State::tend_later(const RunId& run) {
  const std::lock_guard lock(mutex_);
  if (running_) {
    hold_locked(actor_locked(run));
  }
}

void Engine::State::release(const std::shared_ptr<Actor>& actor) {
  const std::lock_guard lock(mutex_);
  actor->holding = false;
  if (!running_) {
    return;
  }
  for (Item& item : actor->held) {
    actor->inbox.push_back(std::move(item));
  }
  actor->held.clear();
  begin_locked(actor);
}

void Engine::State::follow_up(Actor& actor, Flight& flight) {
  for (const LeaseToken& token : flight.ended_leases) {
    leases_->forget(token);
  }
  for (const auto& [id, why] : flight.to_stop) {
    constexpr std::array kReasons = {StopReason::kCancelled, StopReason::kTimedOut,
                                     StopReason::kRunClosed};
    const StopReason reason = kReasons.at(static_cast<std::size_t>(why));
    attempts_->stop({actor.id, id}, reason);
    leases_->stop({actor.id, id}, reason);
  }
  for (const std::int64_t id : flight.to_dispatch) {
    dispatch(actor, id);
  }
  if (flight.tend_children) {
    tend_children(actor);
  }
  const std::uint64_t mark = deadlines_->mark();  // an attempt may begin while we look
  Glance glance(*this, actor.id);
  deadlines_->set(actor.id, next_deadline(*actor.state, glance), mark);
}

// Whether this very attempt is under way, or over with its end in the inbox. In this order: an end
// is posted before its attempt is forgotten. A recovery would begin such an attempt once more.
bool Engine::State::under_way(const Actor& actor, const AttemptKey& key, int attempt) {
  if (const auto view = attempts_->view(key); view && view->attempt == attempt) {
    return true;
  }
  const std::lock_guard lock(mutex_);
  const auto is_its_end = [&key, attempt](const Item& item) {
    const auto* input = std::get_if<HistoryInput>(&item.what);
    const auto* ended = input ? std::get_if<AttemptEnded>(input) : nullptr;
    return ended && ended->scheduled_event_id == key.scheduled_event_id &&
           ended->attempt == attempt;
  };
  return std::ranges::any_of(actor.inbox, is_its_end) ||
         std::ranges::any_of(actor.held, is_its_end);
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
  info.priority = plan.priority;
  info.attempt = record.attempt;
  info.scheduled = record.scheduled;
  if (plan.start_to_close.count() > 0) {
    info.deadline = clock_.now() + plan.start_to_close;
  }
  info.heartbeat_timeout = plan.heartbeat;
  info.header = actor.state->header;
  const AttemptKey key{actor.id, scheduled_event_id};
  if (under_way(actor, key, record.attempt)) {
    return;
  }
  if (record.lease || !attempts_->serves(plan.queue)) {
    leases_->dispatch(key, record, std::move(info));
  } else if (!leases_->has(key, record.attempt)) {
    attempts_->dispatch(key, record, std::move(info));
  }
}

void Engine::State::recover(Actor& actor, Transition& transition) {
  for (const auto& [id, record] : actor.state->activities) {
    transition.to_dispatch.push_back(id);
  }
  transition.children_to_tend = !actor.state->children.empty();
  transition.begin_if_new();
  transition.retry_task();
  for (const auto& [id, record] : actor.state->children) {
    if (record.stage == ChildStage::kStarted) {
      check_child_closed(actor.id, record);
    }
  }
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
    if (!oldest->second->busy && !oldest->second->holding) {
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
  if (!actor->state && !actor->cached && !actor->holding) {
    actors_.erase(actor->id);
  }
  quiet_.notify_all();
}

}  // namespace holdfast::flow::embedded
