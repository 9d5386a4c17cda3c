#include "flow/temporal/attempt.h"

#include "core/base/log.h"
#include "flow/replay/runtime.h"
#include "flow/temporal/convert.h"
#include "flow/temporal/proto/service.pb.h"
#include "flow/temporal/task_client.h"

namespace holdfast::flow::temporal {
namespace {

namespace service = ::temporal::api::workflowservice::v1;

// How often an activity without a heartbeat timeout is looked after.
constexpr Nanoseconds kLookEvery = std::chrono::seconds(5);

}  // namespace

void Attempt::begin() {
  const std::weak_ptr<Attempt> weak = weak_from_this();
  const std::lock_guard lock(mutex_);
  if (const auto deadline = task_.info.deadline) {
    const MonoTime at =
        caller_.clock().mono() + std::max(*deadline - caller_.clock().now(), Nanoseconds(0));
    deadline_timer_ = caller_.clock().call_at(at, [weak] {
      if (const auto self = weak.lock()) {
        self->stop(StopReason::kTimedOut);
      }
    });
  }
  if (task_.info.heartbeat_timeout.count() == 0) {
    look_timer_ = caller_.clock().call_at(caller_.clock().mono() + kLookEvery, [weak] {
      if (const auto self = weak.lock()) {
        self->look_again();
      }
    });
  }
}

void Attempt::look_again() {
  std::unique_lock lock(mutex_);
  if (ended_) {
    return;
  }
  look_timer_ =
      caller_.clock().call_at(caller_.clock().mono() + kLookEvery, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) {
          self->look_again();
        }
      });
  if (!in_flight_) {
    send(lock);
  }
}

void Attempt::heartbeat(Json details) {
  if (detail::payload_problem(details, "heartbeat")) {
    details = Json();
  }
  std::unique_lock lock(mutex_);
  details_ = std::move(details);
  news_ = true;
  send_soon(lock);
}

std::optional<Json> Attempt::last_heartbeat() const {
  const std::lock_guard lock(mutex_);
  return details_;
}

std::optional<Json> Attempt::unsent() const {
  const std::lock_guard lock(mutex_);
  return news_ ? details_ : std::nullopt;
}

void Attempt::stop(StopReason reason) {
  StopReason none = StopReason::kNone;
  reason_.compare_exchange_strong(none, reason);
  stop_.request_stop();
}

// Details that wait for their heartbeat go now: from here on they are somebody else's.
Result<std::string> Attempt::leave_open() {
  if (stop_requested()) {
    return Error(Code::kUnavailable, "the attempt is asked to stop", Retry::kTransient);
  }
  std::unique_lock lock(mutex_);
  quiet_.wait(lock, [this] { return !in_flight_; });
  if (news_) {
    send(lock);
    lock.lock();
    quiet_.wait(lock, [this] { return !in_flight_; });
  }
  left_open_ = true;
  return task_token(task_.token);
}

void Attempt::end() {
  std::unique_lock lock(mutex_);
  ended_ = true;
  for (const env::TimerId timer : {send_timer_, look_timer_, deadline_timer_}) {
    caller_.clock().cancel(timer);
  }
  quiet_.wait(lock, [this] { return !in_flight_; });
}

void Attempt::send_soon(std::unique_lock<std::mutex>& lock) {
  if (ended_ || in_flight_) {
    return;
  }
  const MonoTime now = caller_.clock().mono();
  if (!sent_ || now - *sent_ >= task_.interval) {
    send(lock);
  } else if (send_timer_ == 0) {
    send_timer_ = caller_.clock().call_at(*sent_ + task_.interval, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) {
        std::unique_lock again(self->mutex_);
        self->send_timer_ = 0;
        if (self->news_) {
          self->send_soon(again);
        }
      }
    });
  }
}

void Attempt::send(std::unique_lock<std::mutex>& lock) {
  service::RecordActivityTaskHeartbeatRequest request;
  request.set_task_token(task_.token);
  request.set_namespace_(task_.name_space);
  request.set_identity(task_.identity);
  if (details_) {
    const Status converted = from_json(*details_, *request.mutable_details());
    news_ = false;
    if (!converted) {
      request.clear_details();
    }
  }
  in_flight_ = true;
  sent_ = caller_.clock().mono();
  const std::optional<Json> shown = details_;
  lock.unlock();
  if (shown) {
    RunChange change;
    change.run_id = task_.info.run_id;
    change.workflow_id = task_.info.workflow_id;
    change.type = task_.info.workflow_type;
    change.heartbeat = std::pair(task_.info.activity_id, *shown);
    on_change_(change);
  }
  caller_.connection().begin(
      "RecordActivityTaskHeartbeat", request.SerializeAsString(), kCallDeadline,
      [self = shared_from_this()](Result<std::string> answer) { self->answered(answer); });
}

void Attempt::answered(const Result<std::string>& answer) {
  const auto reply =
      parsed<service::RecordActivityTaskHeartbeatResponse>("RecordActivityTaskHeartbeat", answer);
  if (reply && reply->cancel_requested()) {
    stop(StopReason::kCancelled);
  } else if (!reply && (reply.error().code() == Code::kNotFound ||
                        reply.error().code() == Code::kFailedPrecondition)) {
    stop(StopReason::kRunClosed);  // or it timed out: nobody waits for it any more
  } else if (!reply) {
    log_warn("temporal.heartbeat_failed",
             {{"activity", task_.info.type}, {"error", reply.error().to_string()}});
  }
  std::unique_lock lock(mutex_);
  in_flight_ = false;
  quiet_.notify_all();
  if (news_) {
    send_soon(lock);
  }
}

}  // namespace holdfast::flow::temporal
