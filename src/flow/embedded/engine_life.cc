// Starting, stopping and looking at an engine.
#include "flow/embedded/engine.h"

#include "core/base/log.h"
#include "flow/embedded/engine_state.h"
#include "flow/embedded/interruptions.h"

namespace holdfast::flow::embedded {

Engine::Engine(db::Database& database, env::Clock& clock, env::Random& random,
               const WorkflowRegistry& workflows, const ActivityRegistry& activities,
               EngineOptions options)
    : state_(std::make_shared<State>(database, clock, random, workflows, activities,
                                     std::move(options))) {}
Engine::~Engine() { stop(); }
Status Engine::start() { return state_->start(); }
void Engine::stop() { state_->stop(); }
Client& Engine::client() { return state_->client(); }
TaskClient& Engine::tasks() { return state_->tasks(); }
void Engine::wait_idle(bool activities) { state_->wait_idle(activities); }
Engine::Stats Engine::stats() const { return state_->stats(); }

Engine::State::State(db::Database& database, env::Clock& clock, env::Random& random,
                     const WorkflowRegistry& workflows, const ActivityRegistry& activities,
                     EngineOptions options)
    : database_(database),
      clock_(clock),
      random_(random),
      workflows_(workflows),
      activities_(activities),
      options_(std::move(options)),
      watch_(std::make_shared<Watch>(clock)),
      client_(make_client(*this)),
      tasks_(make_task_client(*this)) {}

Status Engine::State::start() {
  HF_TRY(auto interrupted, database_.write_blocking([now = clock_.now()](db::Connection& sql) {
    return begin_engine(sql, now);
  }));
  HF_TRY(const auto runs,
         database_.read_blocking([](db::Connection& sql) { return runs_to_recover(sql); }));
  const std::weak_ptr<State> weak = weak_from_this();
  deadlines_ = std::make_shared<Deadlines>(clock_, [weak](const RunId& run) {
    if (const auto self = weak.lock()) {
      self->post(run, {HistoryInput(DueInput{}), {}});
    }
  });
  Attempts::Hooks hooks;
  hooks.ended = [this](const AttemptKey& key, AttemptEnded ended) {
    post(key.run_id, {HistoryInput(std::move(ended)), {}});
  };
  hooks.watch = [this](const AttemptKey& key, UtcTime deadline) {
    deadlines_->set_earlier(key.run_id, deadline);
  };
  hooks.heartbeat = [this](const AttemptKey& key, const ActivityInfo& info, const Json& details) {
    RunChange change;
    change.run_id = key.run_id;
    change.workflow_id = info.workflow_id;
    change.type = info.workflow_type;
    change.heartbeat = {info.activity_id, details};
    watch_->notify(change);
  };
  hooks.idle = [this] {
    const std::lock_guard lock(mutex_);
    quiet_.notify_all();
  };
  leases_ = std::make_unique<Leases>(database_, clock_, random_, options_.heartbeat_write_interval,
                                     hooks);
  hooks.leave_open = [this](const AttemptKey& key, const ActivityInfo& info,
                            std::optional<Json> details) {
    return leases_->leave_open(key, info, std::move(details));
  };
  hooks.take_back = [this](const AttemptKey& key) { leases_->stop(key, StopReason::kRunClosed); };
  attempts_ = std::make_unique<Attempts>(database_, clock_, activities_, options_.queues,
                                         options_.heartbeat_write_interval, std::move(hooks),
                                         std::move(interrupted));
  pool_ = std::make_unique<async::Pool>("flow", options_.workflow_threads);
  {
    const std::lock_guard lock(mutex_);
    running_ = true;
  }
  for (const RunId& run : runs) {
    post(run, {RecoverRequest{}, {}});
  }
  if (options_.retention.count() > 0) {
    sweeper_ =
        std::make_shared<Sweeper>(database_, clock_, options_.retention, options_.sweep_pause);
    sweeper_->start();
  }
  return {};
}

void Engine::State::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (!running_) {
      return;
    }
    running_ = false;
  }
  if (sweeper_) {
    sweeper_->stop();
  }
  deadlines_->stop();
  leases_->stop_polls();
  attempts_->shut_down();
  {
    std::unique_lock lock(mutex_);
    quiet_.wait(lock, [this] { return busy_ == 0; });
    actors_.clear();
    recent_.clear();
  }
  pool_.reset();
  watch_->stop();
  if (Status noted = database_.write_blocking([](db::Connection& sql) { return end_engine(sql); });
      !noted) {
    log_warn("flow.stop_not_noted", {{"error", noted.error().to_string()}});
  }
}

bool Engine::State::running() const {
  const std::lock_guard lock(mutex_);
  return running_;
}

void Engine::State::wait_idle(bool activities) {
  std::unique_lock lock(mutex_);
  quiet_.wait(lock, [this, activities] {
    return busy_ == 0 && (!activities || !running_ || attempts_->active() == 0);
  });
}

std::optional<AttemptView> Engine::State::attempt(const AttemptKey& key) const {
  const auto leased = leases_->view(key);
  return leased ? leased : attempts_->view(key);
}

std::string Engine::State::waiting_reason(const std::string& queue) const {
  return attempts_->serves(queue) ? attempts_->waiting_reason(queue)
                                  : leases_->waiting_reason(queue);
}

Engine::Stats Engine::State::stats() const {
  return {inputs_, transitions_, replays_, replayed_events_, attempts_ ? attempts_->begun() : 0};
}

}  // namespace holdfast::flow::embedded
