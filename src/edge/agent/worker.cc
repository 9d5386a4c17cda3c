#include "edge/agent/worker.h"

#include <fmt/core.h>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <mutex>

#include "core/async/run.h"
#include "core/base/log.h"
#include "edge/agent/attempt.h"
#include "edge/agent/backoff.h"
#include "edge/agent/journal.h"
#include "flow/activity_trace.h"

namespace holdfast::agent {
namespace {

namespace asio = boost::asio;
using flow::StopReason;
using Polled = Result<std::optional<wire::TaskOffer>>;

bool refuses_key(const Error& error) {
  return error.code() == Code::kUnauthenticated || error.code() == Code::kPermissionDenied;
}

// Blocks until `co` has run on `executor`; when `stop` is asked for, it is cancelled.
template <class T>
Result<T> block_until(async::Executor executor, Co<Result<T>> co, std::stop_token stop) {
  struct Waiting {
    std::promise<Result<T>> answer;
    asio::cancellation_signal signal;  // used on the executor's one thread
  };
  const auto waiting = std::make_shared<Waiting>();
  auto future = waiting->answer.get_future();
  asio::post(executor, [executor, waiting, work = std::move(co)]() mutable {
    asio::co_spawn(
        executor, std::move(work),
        asio::bind_cancellation_slot(waiting->signal.slot(),
                                     [waiting](std::exception_ptr thrown, Result<T> made) {
                                       if (thrown) {
                                         made = Error(Code::kCancelled, "stopped while waiting");
                                       }
                                       waiting->answer.set_value(std::move(made));
                                     }));
  });
  const std::stop_callback cancel(std::move(stop), [executor, waiting] {
    asio::post(executor, [waiting] { waiting->signal.emit(asio::cancellation_type::terminal); });
  });
  return future.get();
}

Co<Result<Json>> call_co(const flow::CoActivity* function, std::shared_ptr<Attempt> attempt) {
  Json input = attempt->task().input;
  co_return co_await (*function)(*attempt, std::move(input));
}

// What the server is told of an attempt that was asked to stop.
Result<Json> as_told(const Attempt& attempt, Result<Json> outcome) {
  if (outcome && to_text(*outcome).size() > flow::kMaxPayloadBytes) {
    return Error(Code::kInvalidArgument, "the activity's result is larger than a payload may be");
  }
  if (outcome || outcome.error().code() != Code::kCancelled) {
    return outcome;
  }
  if (attempt.stop_reason() == StopReason::kShutdown) {
    return Error(Code::kUnavailable, "the agent was stopped", Retry::kTransient);
  }
  if (attempt.stop_reason() == StopReason::kTimedOut) {
    return Error(Code::kDeadlineExceeded, "the agent gave the attempt up: its time was over",
                 Retry::kTransient);
  }
  return outcome;
}

}  // namespace

class Worker::State {
 public:
  State(env::Clock& clock, env::Random& random, TaskSource& source,
        const flow::ActivityRegistry& activities, WorkerOptions options)
      : clock_(clock),
        random_(random),
        source_(source),
        activities_(activities),
        options_(std::move(options)),
        journal_(options_.journal_dir),
        work_("agent-work", options_.places) {}

  Status run(const std::stop_token& stop) {
    const std::stop_callback ask(stop, [this] { stop_.request_stop(); });
    give_back_left_over();
    Backoff backoff(random_);
    while (wait_for_place()) {
      Polled polled = block_until(net_.executor(), source_.poll(question()), stop_.get_token());
      if (polled) {
        backoff.reset();
        if (*polled) {
          take(std::move(**polled));
        }
      } else if (refuses_key(polled.error())) {
        refuse(polled.error());
      } else if (!stop_.stop_requested()) {
        const Nanoseconds pause = backoff.next();
        log_warn("agent.poll_failed", {{"error", polled.error().to_string()},
                                       {"again_in_ms", pause / std::chrono::milliseconds(1)}});
        async::wait_blocking(clock_, pause, stop_.get_token());
      }
    }
    return finish();
  }

 private:
  wire::PollRequest question() const {
    wire::PollRequest request;
    request.instance = options_.instance;
    request.version = HOLDFAST_VERSION;
    request.host = options_.host;
    request.activities = activities_.names();
    request.repositories = options_.repositories;
    request.patience = options_.patience;
    return request;
  }

  // False once the agent stops.
  bool wait_for_place() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, stop_.get_token(),
                  [this] { return static_cast<int>(running_.size()) < options_.places; });
    return !stop_.stop_requested();
  }

  // What an earlier process of this agent had in hand when it died.
  void give_back_left_over() {
    for (const std::string& token : journal_.left_over()) {
      const Error restarted(Code::kUnavailable,
                            "the agent died with this task and was started again",
                            Retry::kTransient);
      const std::string taken = report({token, "", "", ""}, restarted);
      log_info("agent.left_over_given_back", {{"outcome", taken}});
      if (taken != "not told") {
        journal_.remove(token);
      }
    }
  }

  void take(wire::TaskOffer task) {
    const auto attempt = std::make_shared<Attempt>(
        AttemptParts{clock_, source_, net_.executor(), [this](const Error& why) { refuse(why); }},
        std::move(task));
    {
      const std::lock_guard lock(mutex_);
      running_.push_back(attempt);
    }
    if (stop_.stop_requested()) {
      attempt->stop(StopReason::kShutdown);
    }
    work_.post([this, attempt] { work_on(attempt); });
  }

  void work_on(const std::shared_ptr<Attempt>& attempt) {
    const flow::ActivityInfo& info = attempt->info();
    const std::string trace = attempt->traceparent();
    log_info("agent.task_started", {{"activity", info.type},
                                    {"run", info.workflow_id.text()},
                                    {"attempt", info.attempt},
                                    {"traceparent", trace}});
    attempt->begin();
    journal_.add(attempt->task().token);
    const Result<Json> outcome = as_told(*attempt, run_activity(attempt));
    attempt->end();
    const std::string taken =
        attempt->stop_reason() == StopReason::kRunClosed
            ? "over"
            : report({attempt->task().token, info.type, info.workflow_id.text(), trace}, outcome);
    if (taken != "not told") {
      journal_.remove(attempt->task().token);
    }
    log_info("agent.task_ended", {{"activity", info.type},
                                  {"run", info.workflow_id.text()},
                                  {"attempt", info.attempt},
                                  {"error", outcome ? "" : outcome.error().to_string()},
                                  {"outcome", taken},
                                  {"traceparent", trace}});
    const std::lock_guard lock(mutex_);
    std::erase(running_, attempt);
    changed_.notify_all();
  }

  Result<Json> run_activity(const std::shared_ptr<Attempt>& attempt) {
    const auto* function = activities_.find(attempt->info().type);
    if (function == nullptr) {
      return Error(Code::kNotFound,
                   fmt::format("this agent ({}) has no activity '{}': use the same version of "
                               "Holdfast on server and agent",
                               HOLDFAST_VERSION, attempt->info().type));
    }
    const async::TraceScope scope(flow::trace_of(attempt->info()));
    try {
      if (const auto* blocking = std::get_if<flow::BlockingActivity>(function)) {
        return (*blocking)(*attempt, attempt->task().input);
      }
      return async::block_on(coroutines_.executor(),
                             call_co(&std::get<flow::CoActivity>(*function), attempt));
    } catch (const std::exception& thrown) {
      return Error(Code::kInternal, "the activity threw an exception", Retry::kUnknown)
          .with("what", thrown.what());
    }
  }

  struct Told {
    std::string token;
    std::string activity;  // the rest is for the log
    std::string run;
    std::string traceparent;
  };

  // Tells the outcome until the server took it; "taken", "over" or "not told", for the log.
  std::string report(const Told& told, Result<Json> outcome) {
    Backoff backoff(random_);
    bool told_wrong = false;
    MonoTime patience_until = MonoTime::max();
    while (true) {
      const Status taken =
          async::block_on(net_.executor(), source_.complete({told.token, outcome}));
      if (taken) {
        return "taken";
      }
      const Error& error = taken.error();
      if (error.code() == Code::kNotFound) {
        return "over";
      }
      if (refuses_key(error)) {
        refuse(error);
        return "not told";
      }
      if (error.code() == Code::kInvalidArgument && !told_wrong) {
        told_wrong = true;  // the engine does not take such a value: say that instead
        outcome = error;
        continue;
      }
      if (stop_.stop_requested()) {
        const MonoTime now = clock_.mono();
        patience_until = std::min(patience_until, now + options_.last_words);
        if (now >= patience_until) {
          return "not told";
        }
      }
      log_warn("agent.outcome_not_taken", {{"activity", told.activity},
                                           {"run", told.run},
                                           {"error", error.to_string()},
                                           {"traceparent", told.traceparent}});
      pause(backoff.next());
    }
  }

  // Also while the agent stops, but shorter.
  void pause(Nanoseconds duration) {
    if (!async::wait_blocking(clock_, duration, stop_.get_token())) {
      async::wait_blocking(clock_, std::min<Nanoseconds>(duration, std::chrono::seconds(1)), {});
    }
  }

  // The server does not know this agent any more: everything ends.
  void refuse(const Error& why) {
    {
      const std::lock_guard lock(mutex_);
      refused_ = refused_ ? refused_ : std::optional(why);
    }
    stop_.request_stop();
    stop_attempts();
  }

  void stop_attempts() {
    std::vector<std::shared_ptr<Attempt>> running;
    {
      const std::lock_guard lock(mutex_);
      running = running_;
    }
    for (const auto& attempt : running) {
      attempt->stop(StopReason::kShutdown);
    }
  }

  Status finish() {
    stop_attempts();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return running_.empty(); });
    return refused_ ? Status(*refused_) : Status();
  }

  env::Clock& clock_;
  env::Random& random_;
  TaskSource& source_;
  const flow::ActivityRegistry& activities_;
  const WorkerOptions options_;
  const Journal journal_;
  std::stop_source stop_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<std::shared_ptr<Attempt>> running_;
  std::optional<Error> refused_;
  async::Pool net_{"agent-net", 1};
  async::Pool coroutines_{"agent-co", 1};
  async::Pool work_;  // last: it goes first, and waits for what runs
};

Worker::Worker(env::Clock& clock, env::Random& random, TaskSource& source,
               const flow::ActivityRegistry& activities, WorkerOptions options)
    : state_(std::make_unique<State>(clock, random, source, activities, std::move(options))) {}
Worker::~Worker() = default;
Status Worker::run(std::stop_token stop) { return state_->run(stop); }

}  // namespace holdfast::agent
