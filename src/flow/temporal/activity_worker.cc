#include "flow/temporal/activity_worker.h"

#include <thread>
#include <vector>

#include "core/async/run.h"
#include "core/base/log.h"
#include "flow/replay/runtime.h"
#include "flow/temporal/attempt.h"
#include "flow/temporal/convert.h"
#include "flow/temporal/events.h"
#include "flow/temporal/polled.h"
#include "flow/temporal/proto/service.pb.h"

namespace holdfast::flow::temporal {
namespace {

namespace service = ::temporal::api::workflowservice::v1;
namespace enums = ::temporal::api::enums::v1;

using Polled = service::PollActivityTaskQueueResponse;

async::Co<Result<Json>> call_co(const CoActivity* function, std::shared_ptr<Attempt> attempt) {
  Json input = attempt->task().input;
  co_return co_await (*function)(*attempt, std::move(input));
}

}  // namespace

class ActivityWorker::State {
 public:
  State(const Caller& caller, const ActivityRegistry& activities, const Options& options,
        std::string queue, int threads, std::string identity, OnChange on_change)
      : caller_(caller),
        activities_(activities),
        options_(options),
        queue_(std::move(queue)),
        count_(threads),
        identity_(std::move(identity)),
        on_change_(std::move(on_change)),
        pool_("q-" + queue_, threads) {}

  void start() {
    for (int i = 0; i < count_; ++i) {
      threads_.emplace_back([this] { poll_until_stopped(); });
    }
  }

  void ask_to_stop() {
    stop_.request_stop();
    const std::lock_guard lock(mutex_);
    for (const auto& attempt : running_) {
      attempt->stop(StopReason::kShutdown);
    }
  }

  void stop() {
    ask_to_stop();
    for (std::thread& thread : threads_) {
      thread.join();
    }
    threads_.clear();
  }

 private:
  void poll_until_stopped() {
    service::PollActivityTaskQueueRequest request;
    request.set_namespace_(options_.name_space);
    request.mutable_task_queue()->set_name(activity_queue(options_.task_queue, queue_));
    request.mutable_task_queue()->set_kind(enums::TASK_QUEUE_KIND_NORMAL);
    request.set_identity(identity_);
    const std::stop_token stop = stop_.get_token();
    while (!stop.stop_requested()) {
      const auto polled = call_blocking<Polled>(caller_, "PollActivityTaskQueue", request, stop,
                                                kPollDeadline, kRepeats);
      if (polled && !polled->task_token().empty()) {
        handle(*polled);
      } else if (!polled && polled.error().code() != Code::kDeadlineExceeded &&
                 !stop.stop_requested()) {
        log_warn("temporal.poll_failed", {{"error", polled.error().to_string()}});
        async::wait_blocking(caller_.clock(), std::chrono::seconds(1), stop);
      }
    }
  }

  void handle(const Polled& polled) {
    AttemptTask task;
    task.info = info_of(polled, queue_, caller_.clock().now());
    task.input = to_json(polled.input());
    task.details = details_of(polled);
    task.token = polled.task_token();
    task.name_space = options_.name_space;
    task.identity = identity_;
    task.interval = options_.heartbeat_interval;
    if (const Nanoseconds silence = task.info.heartbeat_timeout; silence.count() > 0) {
      task.interval = std::min<Nanoseconds>(task.interval, silence * 8 / 10);
    }
    const auto attempt = std::make_shared<Attempt>(caller_, std::move(task), on_change_);
    {
      const std::lock_guard lock(mutex_);
      running_.push_back(attempt);
    }
    attempt->begin();
    if (stop_.stop_requested()) {
      attempt->stop(StopReason::kShutdown);
    }
    const Result<Json> outcome = run(attempt);
    attempt->end();
    if (!outcome || !attempt->left_open()) {
      report(*attempt, outcome);
    }
    const std::lock_guard lock(mutex_);
    std::erase(running_, attempt);
  }

  Result<Json> run(const std::shared_ptr<Attempt>& attempt) {
    const ActivityRegistry::Function* function = activities_.find(attempt->info().type);
    if (!function) {
      return Error(Code::kNotFound, "this program has no activity of this type", Retry::kUnknown)
          .with("type", attempt->info().type);
    }
    try {
      Result<Json> outcome = Json();
      if (const auto* blocking = std::get_if<BlockingActivity>(function)) {
        outcome = (*blocking)(*attempt, attempt->task().input);
      } else {
        outcome =
            async::block_on(pool_.executor(), call_co(&std::get<CoActivity>(*function), attempt));
      }
      if (outcome) {
        if (auto problem = detail::payload_problem(*outcome, "activity result")) {
          return *problem;
        }
      }
      return outcome;
    } catch (const std::exception& thrown) {
      return Error(Code::kInternal, "the activity threw an exception", Retry::kUnknown)
          .with("what", thrown.what());
    }
  }

  void report(const Attempt& attempt, const Result<Json>& outcome) {
    const StopReason reason = attempt.stop_reason();
    if (reason == StopReason::kTimedOut || reason == StopReason::kRunClosed) {
      return;
    }
    if (outcome) {
      service::RespondActivityTaskCompletedRequest request;
      if (from_json(*outcome, *request.mutable_result())) {
        respond<service::RespondActivityTaskCompletedResponse>("RespondActivityTaskCompleted",
                                                               attempt, request);
      }
    } else if (reason == StopReason::kCancelled && outcome.error().code() == Code::kCancelled) {
      service::RespondActivityTaskCanceledRequest request;
      if (from_json(Json(outcome.error().message()), *request.mutable_details())) {
        respond<service::RespondActivityTaskCanceledResponse>("RespondActivityTaskCanceled",
                                                              attempt, request);
      }
    } else {
      report_failure(attempt, outcome.error());
    }
  }

  void report_failure(const Attempt& attempt, const Error& error) {
    const bool stopped =
        attempt.stop_reason() == StopReason::kShutdown && error.code() == Code::kCancelled;
    const Error told =
        stopped ? Error(Code::kUnavailable, "the worker of the activity stopped", Retry::kTransient)
                : error;
    service::RespondActivityTaskFailedRequest request;
    if (const auto details = attempt.unsent()) {
      const Status kept = from_json(*details, *request.mutable_last_heartbeat_details());
      if (!kept) {
        request.clear_last_heartbeat_details();
      }
    }
    if (from_json(to_failure(told), *request.mutable_failure())) {
      respond<service::RespondActivityTaskFailedResponse>("RespondActivityTaskFailed", attempt,
                                                          request);
    }
  }

  template <class Reply, class Request>
  void respond(std::string_view method, const Attempt& attempt, Request& request) {
    request.set_task_token(attempt.task().token);
    request.set_namespace_(options_.name_space);
    request.set_identity(identity_);
    const auto reply = call_blocking<Reply>(caller_, method, request);
    if (!reply) {
      log_warn("temporal.outcome_not_taken", {{"activity", attempt.info().type},
                                              {"workflow", attempt.info().workflow_id.text()},
                                              {"error", reply.error().to_string()}});
    }
  }

  const Caller& caller_;
  const ActivityRegistry& activities_;
  const Options& options_;
  const std::string queue_;
  const int count_;
  const std::string identity_;
  const OnChange on_change_;
  async::Pool pool_;
  std::stop_source stop_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<Attempt>> running_;
  std::vector<std::thread> threads_;
};

ActivityWorker::ActivityWorker(const Caller& caller, const ActivityRegistry& activities,
                               const Options& options, std::string queue, int threads,
                               std::string identity, OnChange on_change)
    : state_(std::make_unique<State>(caller, activities, options, std::move(queue), threads,
                                     std::move(identity), std::move(on_change))) {}
ActivityWorker::~ActivityWorker() { state_->stop(); }
void ActivityWorker::start() { state_->start(); }
void ActivityWorker::ask_to_stop() { state_->ask_to_stop(); }
void ActivityWorker::stop() { state_->stop(); }

}  // namespace holdfast::flow::temporal
