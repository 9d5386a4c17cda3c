// Locks: one mutex over all tables, held for look-ups only; never over a call to the database.
#include "flow/embedded/leases.h"

#include <fmt/core.h>

#include <charconv>

#include "flow/replay/runtime.h"

namespace holdfast::flow::embedded {

Error attempt_is_over() {
  return {Code::kNotFound,
          "this attempt of the activity is over: it timed out, its run closed, or somebody ended "
          "it; stop, and drop what it made"};
}

std::string LeaseToken::text() const {
  return fmt::format("{}/{}/{}", key.run_id.text(), key.scheduled_event_id, lease);
}

std::optional<LeaseToken> LeaseToken::parse(std::string_view text) {
  const auto first = text.find('/');
  const auto second = first == std::string_view::npos ? first : text.find('/', first + 1);
  if (second == std::string_view::npos) {
    return std::nullopt;
  }
  LeaseToken token;
  token.key.run_id = RunId(std::string(text.substr(0, first)));
  token.lease = std::string(text.substr(second + 1));
  const char* end = text.data() + second;
  const auto number = std::from_chars(text.data() + first + 1, end, token.key.scheduled_event_id);
  const bool whole = number.ec == std::errc() && number.ptr == end;
  return whole && !token.lease.empty() ? std::optional(std::move(token)) : std::nullopt;
}

Leases::Leases(db::Database& database, env::Clock& clock, env::Random& random,
               Nanoseconds heartbeat_write_interval, Attempts::Hooks hooks)
    : database_(database),
      clock_(clock),
      random_(random),
      write_interval_(heartbeat_write_interval),
      hooks_(std::move(hooks)) {}

void Leases::dispatch(const AttemptKey& key, const ActivityRecord& record, ActivityInfo info) {
  std::unique_lock lock(mutex_);
  const auto known = open_.find(key);
  if (known != open_.end() && known->second.info.attempt == info.attempt && !known->second.ending) {
    return;
  }
  if (known != open_.end()) {
    open_.erase(known);
  }
  Open open;
  open.info = std::move(info);
  const Json* input = record.attributes.if_contains("input");
  open.input = input ? *input : Json();
  open.details = record.heartbeat;
  open.queued = clock_.now();
  if (record.lease) {
    open.lease = record.lease->id;
    open.worker = record.lease->worker;
    open.started = record.lease->started;
    open.info.started = record.lease->started;
    open.heartbeat = clock_.now();  // nobody could be heard while no engine was there
    open.stop = record.cancel_requested ? StopReason::kCancelled : StopReason::kNone;
    open_.emplace(key, std::move(open));
    return;
  }
  const auto pollers = wait_locked(key, open_.emplace(key, std::move(open)).first->second);
  lock.unlock();
  wake(pollers);
}

std::vector<std::weak_ptr<Waiter>> Leases::wait_locked(const AttemptKey& key, Open& open) {
  open.lease.clear();
  open.worker.clear();
  open.started.reset();
  open.turn = ++last_turn_;
  waiting_[open.info.queue].emplace(open.info.priority, open.turn, key);
  return std::exchange(pollers_[open.info.queue], {});
}

// All of a queue: the first to come takes the task, and one that was given up keeps nobody waiting.
void Leases::wake(const std::vector<std::weak_ptr<Waiter>>& pollers) {
  for (const auto& weak : pollers) {
    if (const auto poller = weak.lock()) {
      poller->complete(true);
    }
  }
}

Leases::Open* Leases::find_locked(const LeaseToken& token) {
  const auto found = open_.find(token.key);
  const bool theirs =
      found != open_.end() && found->second.lease == token.lease && !found->second.ending;
  return theirs ? &found->second : nullptr;
}

std::optional<AttemptView> Leases::view(const AttemptKey& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = open_.find(key);
  if (found == open_.end()) {
    return std::nullopt;
  }
  const Open& open = found->second;
  return AttemptView{open.info.attempt, open.queued, open.started, open.heartbeat,
                     open.details,      open.ending, open.worker};
}

bool Leases::revoke(const AttemptKey& key) {
  const std::lock_guard lock(mutex_);
  const auto found = open_.find(key);
  if (found == open_.end()) {
    return true;
  }
  if (!found->second.lease.empty()) {
    return false;
  }
  waiting_[found->second.info.queue].erase({found->second.info.priority, found->second.turn, key});
  open_.erase(found);
  return true;
}

void Leases::stop(const AttemptKey& key, StopReason reason) {
  if (revoke(key)) {
    return;
  }
  const std::lock_guard lock(mutex_);
  const auto found = open_.find(key);
  if (found == open_.end()) {
    return;
  }
  if (reason == StopReason::kCancelled) {
    found->second.stop = reason;
  } else {
    open_.erase(found);
  }
}

std::string Leases::waiting_reason(const std::string& queue) const {
  const std::lock_guard lock(mutex_);
  const auto pollers = pollers_.find(queue);
  const bool asked =
      pollers != pollers_.end() &&
      std::ranges::any_of(pollers->second, [](const auto& poller) { return !poller.expired(); });
  return asked ? "" : fmt::format("no worker asks for tasks of queue {}", queue);
}

std::optional<LeaseToken> Leases::take_locked(const std::string& queue, const std::string& worker) {
  auto& waiting = waiting_[queue];
  if (waiting.empty()) {
    return std::nullopt;
  }
  const AttemptKey key = std::get<AttemptKey>(*waiting.begin());
  waiting.erase(waiting.begin());
  Open& open = open_.at(key);
  open.lease = random_.new_id("", clock_.now());
  open.worker = worker;
  open.started = clock_.now();
  open.info.started = *open.started;
  if (open.info.deadline) {  // counted from the dispatch until now
    open.info.deadline = *open.info.deadline + (*open.started - open.queued);
  }
  return LeaseToken{key, open.lease};
}

Co<Result<bool>> Leases::store(LeaseToken token, std::string worker, int attempt, UtcTime started) {
  auto write = [token, worker, attempt, started](db::Connection& sql) -> Result<bool> {
    HF_TRY(const auto changed,
           sql.exec("UPDATE flow_activities SET lease = ?1, worker = ?2, started = ?3, heard = ?3 "
                    "WHERE run_id = ?4 AND scheduled_event_id = ?5 AND attempt = ?6",
                    token.lease, worker, started, token.key.run_id.text(),
                    token.key.scheduled_event_id, attempt));
    return changed > 0;
  };
  co_return co_await database_.write(std::move(write));
}

void Leases::give_back(const LeaseToken& token) {
  std::unique_lock lock(mutex_);
  if (Open* open = find_locked(token)) {
    const auto pollers = wait_locked(token.key, *open);
    lock.unlock();
    wake(pollers);
  }
}

void Leases::forget(const LeaseToken& token) {
  const std::lock_guard lock(mutex_);
  const auto found = open_.find(token.key);
  if (found != open_.end() && found->second.lease == token.lease) {
    open_.erase(found);
  }
}

bool Leases::has(const AttemptKey& key, int attempt) const {
  const auto view = this->view(key);
  return view && view->attempt == attempt && !view->ended;
}

Co<Result<std::optional<ActivityTask>>> Leases::poll(std::string queue, std::string worker,
                                                     Nanoseconds patience) {
  const MonoTime until = clock_.mono() + patience;
  while (true) {
    std::optional<LeaseToken> token;
    std::optional<ActivityTask> task;
    const auto waiter = std::make_shared<Waiter>(clock_);
    {
      const std::lock_guard lock(mutex_);
      if (stopped_) {
        co_return std::optional<ActivityTask>();
      }
      token = take_locked(queue, worker);
      if (token) {
        const Open& open = open_.at(token->key);
        task = ActivityTask{token->text(), open.info, open.input, open.details};
      } else if (clock_.mono() >= until) {
        co_return std::optional<ActivityTask>();
      } else {
        auto& pollers = pollers_[queue];
        std::erase_if(pollers, [](const auto& poller) { return poller.expired(); });
        pollers.push_back(waiter);
      }
    }
    if (!task) {
      const bool woken = co_await wait(waiter, until);
      if (!woken) {
        co_return std::optional<ActivityTask>();
      }
      continue;
    }
    const Result<bool> stored =
        co_await store(*token, worker, task->info.attempt, task->info.started);
    if (!stored) {
      give_back(*token);
      co_return stored.error();
    }
    if (*stored) {
      hooks_.watch(token->key, task->info.started);
      co_return task;
    }
    stop(token->key, StopReason::kRunClosed);  // the attempt went meanwhile: for the next one
  }
}

Co<Result<HeartbeatAnswer>> Leases::heartbeat(LeaseToken token, Json details) {
  if (const auto problem = detail::payload_problem(details, "heartbeat")) {
    co_return *problem;
  }
  const UtcTime now = clock_.now();
  std::optional<HeartbeatAnswer> answer;
  std::optional<ActivityInfo> told;
  {
    const std::lock_guard lock(mutex_);
    if (Open* open = find_locked(token)) {
      open->heartbeat = now;
      open->details = details;
      answer = HeartbeatAnswer{open->stop};
      if (!open->written || now - *open->written >= write_interval_) {
        open->written = now;
        told = open->info;
      }
    }
  }
  if (!answer) {
    co_return co_await look_up(std::move(token));
  }
  if (told) {
    write_heartbeat(token, to_text(details), now);
    hooks_.heartbeat(token.key, *told, details);
  }
  co_return *answer;
}

Co<Result<HeartbeatAnswer>> Leases::look_up(LeaseToken token) {
  auto look = [token](db::Connection& sql) {
    return sql.one(
        "SELECT cancel_requested FROM flow_activities WHERE run_id = ?1 AND "
        "scheduled_event_id = ?2 AND lease = ?3",
        token.key.run_id.text(), token.key.scheduled_event_id, token.lease);
  };
  HF_CO_TRY(const auto row, co_await database_.read(std::move(look)));
  if (!row) {
    co_return attempt_is_over();
  }
  co_return HeartbeatAnswer{row->boolean(0) ? StopReason::kCancelled : StopReason::kNone};
}

void Leases::write_heartbeat(const LeaseToken& token, std::string details, UtcTime heard) {
  database_.submit_write(
      [token, text = std::move(details), heard](db::Connection& sql) -> Status {
        return status_of(sql.exec(
            "UPDATE flow_activities SET heartbeat = ?1, heard = ?2 WHERE run_id = ?3 AND "
            "scheduled_event_id = ?4 AND lease = ?5",
            text, heard, token.key.run_id.text(), token.key.scheduled_event_id, token.lease));
      },
      [](const Status&) {});  // lost progress only: the next heartbeat writes again
}

Co<Result<AttemptEnded>> Leases::take_end(LeaseToken token, Result<Json> outcome) {
  {
    const std::lock_guard lock(mutex_);
    if (Open* open = find_locked(token)) {
      open->ending = true;
      co_return AttemptEnded{token.key.scheduled_event_id, open->info.attempt, std::move(outcome),
                             open->details, token.lease};
    }
  }
  auto look = [token](db::Connection& sql) {
    return sql.one(
        "SELECT attempt FROM flow_activities WHERE run_id = ?1 AND "
        "scheduled_event_id = ?2 AND lease = ?3",
        token.key.run_id.text(), token.key.scheduled_event_id, token.lease);
  };
  HF_CO_TRY(const auto row, co_await database_.read(std::move(look)));
  if (!row) {
    co_return attempt_is_over();
  }
  co_return AttemptEnded{token.key.scheduled_event_id, static_cast<int>(row->integer(0)),
                         std::move(outcome), std::nullopt, token.lease};
}

Result<std::string> Leases::leave_open(const AttemptKey& key, const ActivityInfo& info,
                                       std::optional<Json> details) {
  const LeaseToken token{key, random_.new_id("", clock_.now())};
  HF_TRY(const auto changed, database_.write_blocking([&](db::Connection& sql) {
    return sql.exec(
        "UPDATE flow_activities SET lease = ?1, worker = ?2, started = ?3, heard = ?4 "
        "WHERE run_id = ?5 AND scheduled_event_id = ?6 AND attempt = ?7",
        token.lease, "", info.started, clock_.now(), key.run_id.text(), key.scheduled_event_id,
        info.attempt);
  }));
  if (changed == 0) {
    return attempt_is_over();
  }
  Open open;
  open.info = info;
  open.details = std::move(details);
  open.queued = info.started;
  open.lease = token.lease;
  open.started = info.started;
  open.heartbeat = clock_.now();
  const std::lock_guard lock(mutex_);
  open_.insert_or_assign(key, std::move(open));
  return token.text();
}

void Leases::stop_polls() {
  std::map<std::string, std::vector<std::weak_ptr<Waiter>>> pollers;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    pollers.swap(pollers_);
  }
  for (const auto& [queue, waiters] : pollers) {
    wake(waiters);
  }
}

}  // namespace holdfast::flow::embedded
