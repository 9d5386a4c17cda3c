#include "flow/temporal/activity_worker.h"

#include <exception>
#include <mutex>
#include <vector>

#include "core/async/run.h"
#include "core/base/log.h"
#include "flow/activity_trace.h"
#include "flow/replay/runtime.h"
#include "flow/temporal/attempt.h"
#include "flow/temporal/convert.h"
#include "flow/temporal/events.h"
#include "flow/temporal/polled.h"
#include "flow/temporal/polls.h"
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
        polls_(caller, "PollActivityTaskQueue"),
        pool_("q-" + queue_, threads) {}

  void start() {
    service::PollActivityTaskQueueRequest request;
    request.set_namespace_(options_.name_space);
    request.mutable_task_queue()->set_name(activity_queue(options_.task_queue, queue_));
    request.mutable_task_queue()->set_kind(enums::TASK_QUEUE_KIND_NORMAL);
    request.set_identity(identity_);
    for (int i = 0; i < count_; ++i) {
      polls_.add(request.SerializeAsString(), [this](const std::string& answer, SlotPtr slot) {
        polled(answer, std::move(slot));
      });
    }
  }

  void ask_to_stop() {
    polls_.ask_to_stop();
    const std::lock_guard lock(mutex_);
    for (const auto& attempt : running_) {
      attempt->stop(StopReason::kShutdown);
    }
  }

  void stop() {
    ask_to_stop();
    polls_.stop();
  }

 private:
  using SlotPtr = std::shared_ptr<Polls::Slot>;

  void polled(const std::string& answer, SlotPtr slot) {
    Polled polled;
    if (!polled.ParseFromString(answer)) {
      log_warn("temporal.poll_failed",
               {{"error", damaged_reply("PollActivityTaskQueue").to_string()}});
      return slot->again_later();
    }
    if (polled.task_token().empty()) {
      return slot->again();
    }
    const auto attempt = attempt_of(polled);
    {
      const std::lock_guard lock(mutex_);
      running_.push_back(attempt);
    }
    pool_.post([this, attempt, slot = std::move(slot)] { work(attempt, slot); });
  }

  std::shared_ptr<Attempt> attempt_of(const Polled& polled) {
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
    return std::make_shared<Attempt>(caller_, std::move(task), on_change_);
  }

  // On a thread of the pool.
  void work(const std::shared_ptr<Attempt>& attempt, const SlotPtr& slot) {
    attempt->begin();
    if (polls_.stopping()) {
      attempt->stop(StopReason::kShutdown);
    }
    const ActivityRegistry::Function* function = activities_.find(attempt->info().type);
    if (!function) {
      return over(
          attempt, slot,
          Error(Code::kNotFound, "this program has no activity of this type", Retry::kUnknown)
              .with("type", attempt->info().type));
    }
    if (const auto* blocking = std::get_if<BlockingActivity>(function)) {
      return over(attempt, slot, run(*blocking, *attempt));
    }
    boost::asio::co_spawn(
        pool_.executor(), call_co(&std::get<CoActivity>(*function), attempt),
        [this, attempt, slot](const std::exception_ptr& thrown, Result<Json> outcome) {
          over(attempt, slot, thrown ? error_of(thrown) : std::move(outcome));
        });
  }

  static Result<Json> run(const BlockingActivity& function, Attempt& attempt) {
    const async::TraceScope scope(trace_of(attempt.info()));
    try {
      return function(attempt, attempt.task().input);
    } catch (...) {
      return error_of(std::current_exception());
    }
  }

  static Error error_of(const std::exception_ptr& thrown) {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& known) {
      return Error(Code::kInternal, "the activity threw an exception", Retry::kUnknown)
          .with("what", known.what());
    }
  }

  // Still on the pool: it waits for a heartbeat that is under way.
  void over(const std::shared_ptr<Attempt>& attempt, const SlotPtr& slot, Result<Json> outcome) {
    if (outcome) {
      if (auto problem = detail::payload_problem(*outcome, "activity result")) {
        outcome = *problem;
      }
    }
    attempt->end();
    {
      const std::lock_guard lock(mutex_);
      std::erase(running_, attempt);
    }
    if (outcome && attempt->left_open()) {
      return slot->again();
    }
    report(attempt, slot, outcome);
  }

  void report(const std::shared_ptr<Attempt>& attempt, const SlotPtr& slot,
              const Result<Json>& outcome) {
    const StopReason reason = attempt->stop_reason();
    if (reason == StopReason::kTimedOut || reason == StopReason::kRunClosed) {
      return slot->again();
    }
    if (outcome) {
      service::RespondActivityTaskCompletedRequest request;
      const Status converted = from_json(*outcome, *request.mutable_result());
      if (!converted) {
        return report_failure(attempt, slot, converted.error());
      }
      respond<service::RespondActivityTaskCompletedResponse>("RespondActivityTaskCompleted",
                                                             attempt, slot, request);
    } else if (reason == StopReason::kCancelled && outcome.error().code() == Code::kCancelled) {
      service::RespondActivityTaskCanceledRequest request;
      if (!from_json(Json(outcome.error().message()), *request.mutable_details())) {
        request.clear_details();
      }
      respond<service::RespondActivityTaskCanceledResponse>("RespondActivityTaskCanceled", attempt,
                                                            slot, request);
    } else {
      report_failure(attempt, slot, outcome.error());
    }
  }

  void report_failure(const std::shared_ptr<Attempt>& attempt, const SlotPtr& slot,
                      const Error& error) {
    const bool stopped =
        attempt->stop_reason() == StopReason::kShutdown && error.code() == Code::kCancelled;
    const Error told =
        stopped ? Error(Code::kUnavailable, "the worker of the activity stopped", Retry::kTransient)
                : error;
    service::RespondActivityTaskFailedRequest request;
    if (const auto details = attempt->unsent()) {
      const Status kept = from_json(*details, *request.mutable_last_heartbeat_details());
      if (!kept) {
        request.clear_last_heartbeat_details();
      }
    }
    if (!from_json(to_failure(told), *request.mutable_failure())) {
      request.mutable_failure()->set_message(told.message());
    }
    respond<service::RespondActivityTaskFailedResponse>("RespondActivityTaskFailed", attempt, slot,
                                                        request);
  }

  template <class Reply, class Request>
  void respond(std::string_view method, const std::shared_ptr<Attempt>& attempt,
               const SlotPtr& slot, Request& request) {
    request.set_task_token(attempt->task().token);
    request.set_namespace_(options_.name_space);
    request.set_identity(identity_);
    call_then<Reply>(caller_, method, request,
                     [attempt, errand = polls_.errand()](const Result<Reply>& reply) {
                       if (!reply) {
                         log_warn("temporal.outcome_not_taken",
                                  {{"activity", attempt->info().type},
                                   {"workflow", attempt->info().workflow_id.text()},
                                   {"error", reply.error().to_string()}});
                       }
                     });
    slot->again();
  }

  const Caller& caller_;
  const ActivityRegistry& activities_;
  const Options& options_;
  const std::string queue_;
  const int count_;
  const std::string identity_;
  const OnChange on_change_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<Attempt>> running_;
  Polls polls_;
  async::Pool pool_;
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
