// Running attempts, heartbeats, and the end of an attempt.
//
// Locks: the table's mutex is held for look-ups only; an attempt's own mutex guards its state. An
// outcome is reported before the attempt leaves the table, so that whoever sees no attempt any more
// also sees its outcome.
#include "flow/embedded/attempts.h"

#include <boost/asio/co_spawn.hpp>

#include <stop_token>

#include "flow/activity_trace.h"
#include "flow/embedded/interruptions.h"

namespace holdfast::flow::embedded {

class Attempt final : public ActivityContext, public std::enable_shared_from_this<Attempt> {
 public:
  enum class Stage { kQueued, kRunning, kRevoked };

  Attempt(Attempts& owner, AttemptKey key, ActivityInfo info, const ActivityRecord& record,
          UtcTime queued)
      : owner_(owner),
        key_(std::move(key)),
        info_(std::move(info)),
        queued_(queued),
        details_(record.heartbeat) {
    const Json* input = record.attributes.if_contains("input");
    input_ = input ? *input : Json();
  }

  const ActivityInfo& info() const override { return info_; }
  std::stop_token stop_token() const override { return stop_.get_token(); }
  StopReason stop_reason() const override { return reason_; }
  Result<std::string> leave_open() override {
    auto token = owner_.hooks_.leave_open(key_, info_, last_heartbeat());
    left_open_ = token.has_value();
    return token;
  }

  std::optional<Json> last_heartbeat() const override {
    const std::lock_guard lock(mutex_);
    return details_;
  }

  void heartbeat(Json details) override {
    if (detail::payload_problem(details, "heartbeat")) {
      details = Json();
    }
    const UtcTime now = owner_.clock_.now();
    std::optional<Json> to_write;
    {
      const std::lock_guard lock(mutex_);
      heartbeat_ = now;
      details_ = std::move(details);
      if (!written_ || now - *written_ >= owner_.write_interval_) {
        written_ = now;
        to_write = details_;
      }
    }
    if (to_write && !silenced_) {
      owner_.write_heartbeat(shared_from_this(), to_text(*to_write));
      owner_.hooks_.heartbeat(key_, info_, *to_write);
    }
  }

  bool begin(UtcTime now) {
    const std::lock_guard lock(mutex_);
    if (stage_ != Stage::kQueued) {
      return false;
    }
    stage_ = Stage::kRunning;
    started_ = now;
    info_.started = now;
    return true;
  }

  bool revoke() {
    const std::lock_guard lock(mutex_);
    if (stage_ == Stage::kQueued) {
      stage_ = Stage::kRevoked;
    }
    return stage_ == Stage::kRevoked;
  }

  void stop(StopReason reason) {
    if (reason != StopReason::kCancelled && reason != StopReason::kShutdown) {
      silenced_ = true;
    }
    StopReason none = StopReason::kNone;
    reason_.compare_exchange_strong(none, reason);
    stop_.request_stop();
  }

  AttemptView view() const {
    const std::lock_guard lock(mutex_);
    return {info_.attempt, queued_, started_, heartbeat_, details_, ending_, {}};
  }

  // From now on the outcome is on the way, and the next attempt may take its place.
  void end() { ending_ = true; }
  bool ending() const { return ending_; }

  // The place in its queue, from begin to end.
  void take(std::shared_ptr<TaskQueue> place) { place_ = std::move(place); }
  std::shared_ptr<TaskQueue> leave() { return std::exchange(place_, nullptr); }

  const AttemptKey& key() const { return key_; }
  const Json& input() const { return input_; }
  bool silenced() const { return silenced_; }
  bool left_open() const { return left_open_; }

 private:
  Attempts& owner_;
  const AttemptKey key_;
  ActivityInfo info_;
  Json input_;
  std::shared_ptr<TaskQueue> place_;
  const UtcTime queued_;
  std::stop_source stop_;
  std::atomic<StopReason> reason_{StopReason::kNone};
  std::atomic<bool> silenced_{false};
  std::atomic<bool> ending_{false};
  std::atomic<bool> left_open_{false};
  mutable std::mutex mutex_;
  Stage stage_ = Stage::kQueued;
  std::optional<UtcTime> started_;
  std::optional<UtcTime> heartbeat_;
  std::optional<UtcTime> written_;
  std::optional<Json> details_;
};

namespace {

async::Co<Result<Json>> call_co(const CoActivity* function, std::shared_ptr<Attempt> attempt) {
  Json input = attempt->input();
  co_return co_await (*function)(*attempt, std::move(input));
}

Error unexpected(const std::exception& thrown) {
  return Error(Code::kInternal, "the activity threw an exception", Retry::kUnknown)
      .with("what", thrown.what());
}

Result<Json> call_blocking(const BlockingActivity& function, Attempt& attempt) {
  try {
    return function(attempt, attempt.input());
  } catch (const std::exception& thrown) {
    return unexpected(thrown);
  }
}

}  // namespace

Attempts::Attempts(db::Database& database, env::Clock& clock, const ActivityRegistry& registry,
                   const std::map<std::string, QueueOptions>& queues,
                   Nanoseconds heartbeat_write_interval, Hooks hooks,
                   std::map<AttemptKey, Interrupted> interrupted)
    : database_(database),
      clock_(clock),
      registry_(registry),
      write_interval_(heartbeat_write_interval),
      hooks_(std::move(hooks)),
      interrupted_(std::move(interrupted)) {
  for (const auto& [name, how] : queues) {
    queues_.emplace(name, TaskQueue::make(name, how, clock));
    names_.insert(name);
  }
}

Attempts::~Attempts() { shut_down(); }

std::shared_ptr<Attempt> Attempts::find(const AttemptKey& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = attempts_.find(key);
  return found == attempts_.end() ? nullptr : found->second;
}

std::optional<AttemptView> Attempts::view(const AttemptKey& key) const {
  const auto attempt = find(key);
  return attempt ? std::optional(attempt->view()) : std::nullopt;
}

int Attempts::active() const {
  const std::lock_guard lock(mutex_);
  return active_;
}

void Attempts::dispatch(const AttemptKey& key, const ActivityRecord& record, ActivityInfo info) {
  auto attempt = std::make_shared<Attempt>(*this, key, std::move(info), record, clock_.now());
  {
    // The queue is used under the lock: shut_down() ends it, and no post may be under way then.
    const std::lock_guard lock(mutex_);
    const auto known = attempts_.find(key);
    if (stopping_ || (known != attempts_.end() && !known->second->ending())) {
      return;
    }
    attempts_.insert_or_assign(key, attempt);
    ++active_;
    const auto place = queues_.at(attempt->info().queue);
    place->post(attempt->info().priority, [this, attempt, place] {
      attempt->take(place);
      run(attempt);
    });
  }
}

Status Attempts::allow_again(const Attempt& attempt) {
  Interrupted before;
  {
    const std::lock_guard lock(mutex_);
    const auto found = interrupted_.extract(attempt.key());
    if (!found || found.mapped().attempt != attempt.info().attempt) {
      return {};
    }
    before = found.mapped();
  }
  if (before.times >= kMostInterruptions) {
    return Error(Code::kInternal, "the process of the server ended each time that this attempt ran",
                 Retry::kUnknown)
        .with("times", std::to_string(before.times));
  }
  return database_.write_blocking([&attempt](db::Connection& sql) {
    return count_interruption(sql, attempt.key(), attempt.info().attempt);
  });
}

void Attempts::run(const std::shared_ptr<Attempt>& attempt) {
  const UtcTime now = clock_.now();
  bool begins = false;
  {
    const std::lock_guard lock(mutex_);
    begins = !stopping_ && attempt->begin(now);
    running_ += begins ? 1 : 0;
  }
  if (!begins) {
    finished(attempt, Error(Code::kCancelled, "the attempt was taken back"));
    return;
  }
  ++begun_;
  hooks_.watch(attempt->key(), now);
  const ActivityRegistry::Function* function = registry_.find(attempt->info().type);
  if (Status allowed = allow_again(*attempt); !allowed) {
    finished(attempt, allowed.error());
  } else if (!function) {
    finished(attempt,
             Error(Code::kNotFound, "this program has no activity of this type", Retry::kUnknown)
                 .with("type", attempt->info().type));
  } else if (const auto* blocking = std::get_if<BlockingActivity>(function)) {
    const async::TraceScope scope(trace_of(attempt->info()));
    finished(attempt, call_blocking(*blocking, *attempt));
  } else {
    boost::asio::co_spawn(queues_.at(attempt->info().queue)->executor(),
                          call_co(&std::get<CoActivity>(*function), attempt),
                          [this, attempt](std::exception_ptr thrown, Result<Json> outcome) {
                            if (thrown) {
                              outcome = Error(Code::kInternal, "the activity threw an exception",
                                              Retry::kUnknown);
                            }
                            finished(attempt, std::move(outcome));
                          });
  }
}

void Attempts::finished(const std::shared_ptr<Attempt>& attempt, Result<Json> outcome) {
  const AttemptKey key = attempt->key();
  const AttemptView view = attempt->view();
  const bool began = view.started.has_value();
  attempt->end();
  const bool revoked = attempt->revoke();
  bool listened = false;
  {
    const std::lock_guard lock(mutex_);
    listened = !stopping_ && !attempt->silenced() && !revoked;
  }
  if (attempt->left_open()) {
    listened = listened && !outcome;
    if (listened) {
      hooks_.take_back(key);
    }
  }
  if (listened) {
    hooks_.ended(
        key,
        {key.scheduled_event_id, attempt->info().attempt, std::move(outcome), view.details, {}});
  }
  if (const auto place = attempt->leave()) {
    place->leave();
  }
  bool idle = false;
  {
    const std::lock_guard lock(mutex_);
    const auto found = attempts_.find(key);
    if (found != attempts_.end() && found->second == attempt) {
      attempts_.erase(found);
    }
    running_ -= began ? 1 : 0;
    idle = --active_ == 0;
    quiet_.notify_all();
  }
  if (idle) {
    hooks_.idle();
  }
}

std::string Attempts::waiting_reason(const std::string& queue) const {
  const std::lock_guard lock(mutex_);
  const auto found = queues_.find(queue);
  return found == queues_.end() ? std::string() : found->second->reason();
}

bool Attempts::revoke(const AttemptKey& key) {
  const auto attempt = find(key);
  if (!attempt) {
    return true;
  }
  if (!attempt->revoke()) {
    return false;
  }
  const std::lock_guard lock(mutex_);
  attempts_.erase(key);
  return true;
}

void Attempts::stop(const AttemptKey& key, StopReason reason) {
  const auto attempt = find(key);
  if (!attempt) {
    return;
  }
  if (reason != StopReason::kCancelled) {
    const std::lock_guard lock(mutex_);
    attempts_.erase(key);
  }
  if (!attempt->revoke()) {
    attempt->stop(reason);
  }
}

void Attempts::write_heartbeat(const std::shared_ptr<Attempt>& attempt, std::string details) {
  database_.submit_write(
      [key = attempt->key(), number = attempt->info().attempt,
       text = std::move(details)](db::Connection& sql) -> Status {
        HF_TRY_VOID(
            sql.exec("UPDATE flow_activities SET heartbeat = ?1 WHERE run_id = ?2 AND "
                     "scheduled_event_id = ?3 AND attempt = ?4",
                     text, key.run_id.text(), key.scheduled_event_id, number));
        return {};
      },
      [](const Status&) {});  // lost progress only: the next heartbeat writes again
}

void Attempts::shut_down() {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  std::vector<std::shared_ptr<Attempt>> all;
  for (const auto& [key, attempt] : attempts_) {
    all.push_back(attempt);
  }
  lock.unlock();
  for (const auto& attempt : all) {
    attempt->stop(StopReason::kShutdown);
  }
  lock.lock();
  quiet_.wait(lock, [this] { return running_ == 0; });
  const auto queues = std::exchange(queues_, {});
  lock.unlock();
  for (const auto& [name, queue] : queues) {
    queue->stop();
  }
}

}  // namespace holdfast::flow::embedded
