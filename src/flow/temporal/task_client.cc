#include "flow/temporal/task_client.h"

#include <map>
#include <mutex>

#include "core/base/bytes.h"
#include "flow/replay/runtime.h"
#include "flow/temporal/convert.h"
#include "flow/temporal/events.h"
#include "flow/temporal/polled.h"
#include "flow/temporal/proto/service.pb.h"

namespace holdfast::flow::temporal {
namespace {

namespace service = ::temporal::api::workflowservice::v1;
namespace enums = ::temporal::api::enums::v1;

// The server gives an empty answer this much before the deadline of a poll, and refuses polls
// with a deadline of less than two seconds.
constexpr Nanoseconds kReserve = std::chrono::seconds(1);
constexpr Nanoseconds kLongestPoll = std::chrono::seconds(60);
// Tasks whose heartbeats are told to subscribers; of more than this many, some are not.
constexpr std::size_t kMostKnown = 10'000;

Error attempt_is_over() {
  return {Code::kNotFound, "the attempt is over: it ended, timed out, or its run closed"};
}

bool is_over(const Error& error) {
  return error.code() == Code::kNotFound || error.code() == Code::kFailedPrecondition ||
         error.code() == Code::kInvalidArgument;  // a token that is none
}

class TemporalTasks final : public TaskClient {
 public:
  TemporalTasks(const Caller& caller, const Options& options, const std::string& identity,
                OnChange on_change)
      : caller_(caller), options_(options), identity_(identity), on_change_(std::move(on_change)) {}

  Co<Result<std::optional<ActivityTask>>> poll(std::string queue, std::string identity,
                                               Nanoseconds patience) override {
    if (options_.queues.contains(queue)) {
      co_return Error(Code::kInvalidArgument,
                      "the tasks of this queue are run by the server itself")
          .with("queue", queue);
    }
    service::PollActivityTaskQueueRequest request;
    request.set_namespace_(options_.name_space);
    request.mutable_task_queue()->set_name(activity_queue(options_.task_queue, queue));
    request.mutable_task_queue()->set_kind(enums::TASK_QUEUE_KIND_NORMAL);
    request.set_identity(identity);
    const MonoTime until = caller_.clock().mono() + patience;
    do {
      const Nanoseconds left = until - caller_.clock().mono();
      const Nanoseconds deadline = std::clamp(left, 2 * kReserve, kLongestPoll) + kReserve;
      const auto polled = co_await call<service::PollActivityTaskQueueResponse>(
          &caller_, "PollActivityTaskQueue", request, Limits{.deadline = deadline});
      if (!polled && polled.error().code() != Code::kDeadlineExceeded) {
        co_return polled.error();
      }
      if (polled && !polled->task_token().empty()) {
        co_return task_of(*polled, queue);
      }
    } while (caller_.clock().mono() < until);
    co_return std::nullopt;
  }

  Co<Result<HeartbeatAnswer>> heartbeat(std::string token, Json details) override {
    if (auto problem = detail::payload_problem(details, "heartbeat")) {
      co_return *problem;
    }
    service::RecordActivityTaskHeartbeatRequest request;
    HF_CO_TRY_VOID(address(token, request));
    HF_CO_TRY_VOID(from_json(details, *request.mutable_details()));
    const auto reply = co_await call<service::RecordActivityTaskHeartbeatResponse>(
        &caller_, "RecordActivityTaskHeartbeat", std::move(request));
    if (!reply) {
      co_return over(token, reply.error());
    }
    tell(token, std::move(details));
    co_return HeartbeatAnswer{reply->cancel_requested() ? StopReason::kCancelled
                                                        : StopReason::kNone};
  }

  Co<Status> complete(std::string token, Result<Json> outcome) override {
    if (outcome) {
      if (auto problem = detail::payload_problem(*outcome, "activity result")) {
        outcome = std::move(*problem);
      }
    }
    Status ended;
    if (outcome) {
      ended = co_await completed(token, *outcome);
    } else if (outcome.error().code() != Code::kCancelled) {
      ended = co_await failed(token, outcome.error());
    } else {
      ended = co_await canceled(token, outcome.error());
      if (!ended && ended.error().code() == Code::kInvalidArgument) {
        ended = co_await failed(token, outcome.error());  // nobody asked for it to be cancelled
      }
    }
    if (!ended) {
      co_return over(token, ended.error());
    }
    forget(token);
    co_return ended;
  }

 private:
  template <class Request>
  Status address(const std::string& token, Request& request) const {
    const auto bytes = from_base64(token);
    if (!bytes || bytes->empty()) {
      return attempt_is_over();
    }
    request.set_task_token(std::string(as_text(*bytes)));
    request.set_namespace_(options_.name_space);
    request.set_identity(identity_);
    return {};
  }

  Co<Status> completed(std::string token, Json value) {
    service::RespondActivityTaskCompletedRequest request;
    HF_CO_TRY_VOID(address(token, request));
    HF_CO_TRY_VOID(from_json(value, *request.mutable_result()));
    co_return status_of(co_await call<service::RespondActivityTaskCompletedResponse>(
        &caller_, "RespondActivityTaskCompleted", std::move(request)));
  }

  Co<Status> failed(std::string token, Error error) {
    service::RespondActivityTaskFailedRequest request;
    HF_CO_TRY_VOID(address(token, request));
    HF_CO_TRY_VOID(from_json(to_failure(error), *request.mutable_failure()));
    co_return status_of(co_await call<service::RespondActivityTaskFailedResponse>(
        &caller_, "RespondActivityTaskFailed", std::move(request)));
  }

  Co<Status> canceled(std::string token, Error error) {
    service::RespondActivityTaskCanceledRequest request;
    HF_CO_TRY_VOID(address(token, request));
    HF_CO_TRY_VOID(from_json(Json(error.message()), *request.mutable_details()));
    co_return status_of(co_await call<service::RespondActivityTaskCanceledResponse>(
        &caller_, "RespondActivityTaskCanceled", std::move(request)));
  }

  ActivityTask task_of(const service::PollActivityTaskQueueResponse& polled,
                       const std::string& queue) {
    ActivityTask task;
    task.token = task_token(polled.task_token());
    task.info = info_of(polled, queue, caller_.clock().now());
    task.input = to_json(polled.input());
    task.details = details_of(polled);
    const std::lock_guard lock(mutex_);
    if (known_.size() >= kMostKnown) {
      known_.erase(known_.begin());
    }
    known_[task.token] = task.info;
    return task;
  }

  Error over(const std::string& token, const Error& error) {
    if (!is_over(error)) {
      return error;
    }
    forget(token);
    return attempt_is_over();
  }

  void forget(const std::string& token) {
    const std::lock_guard lock(mutex_);
    known_.erase(token);
  }

  void tell(const std::string& token, Json details) {
    RunChange change;
    {
      const std::lock_guard lock(mutex_);
      const auto found = known_.find(token);
      if (found == known_.end()) {
        return;  // another process handed it out
      }
      change.run_id = found->second.run_id;
      change.workflow_id = found->second.workflow_id;
      change.type = found->second.workflow_type;
      change.heartbeat = std::pair(found->second.activity_id, std::move(details));
    }
    on_change_(change);
  }

  const Caller& caller_;
  const Options& options_;
  const std::string& identity_;
  const OnChange on_change_;
  std::mutex mutex_;
  std::map<std::string, ActivityInfo> known_;  // by token
};

}  // namespace

std::string task_token(const std::string& bytes) { return to_base64(as_bytes(bytes)); }

std::unique_ptr<TaskClient> make_task_client(const Caller& caller, const Options& options,
                                             const std::string& identity, OnChange on_change) {
  return std::make_unique<TemporalTasks>(caller, options, identity, std::move(on_change));
}

}  // namespace holdfast::flow::temporal
