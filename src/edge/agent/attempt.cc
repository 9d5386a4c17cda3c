#include "edge/agent/attempt.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>

#include "core/base/log.h"

namespace holdfast::agent {
namespace {

using flow::StopReason;

constexpr Nanoseconds kBeatEvery = std::chrono::seconds(1);

flow::ActivityInfo info_of(const wire::TaskOffer& task, UtcTime now) {
  flow::ActivityInfo info;
  info.workflow_id = flow::WorkflowId(task.workflow_id);
  info.run_id = flow::RunId(task.run_id);
  info.workflow_type = task.workflow_type;
  info.activity_id = task.activity_id;
  info.type = task.type;
  info.queue = task.queue;
  info.priority = task.priority;
  info.attempt = task.attempt;
  info.scheduled = task.scheduled;
  info.started = now;
  if (task.remaining) {
    info.deadline = now + *task.remaining;
  }
  info.heartbeat_timeout = task.heartbeat_timeout;
  info.header = task.header;
  return info;
}

Nanoseconds interval_of(Nanoseconds timeout) {
  return timeout.count() > 0 ? std::min<Nanoseconds>(kBeatEvery, timeout * 8 / 10) : kBeatEvery;
}

}  // namespace

Attempt::Attempt(AttemptParts parts, wire::TaskOffer task)
    : parts_(std::move(parts)),
      task_(std::move(task)),
      info_(info_of(task_, parts_.clock.now())),
      interval_(interval_of(task_.heartbeat_timeout)),
      details_(task_.details) {}

std::string Attempt::traceparent() const {
  const auto found = task_.header.find("traceparent");
  return found == task_.header.end() ? "" : found->second;
}

Result<std::string> Attempt::leave_open() {
  return Error(Code::kFailedPrecondition, "an agent cannot leave an activity open");
}

env::TimerId Attempt::call_at(MonoTime when, void (Attempt::*method)()) {
  return parts_.clock.call_at(when, [weak = weak_from_this(), method] {
    if (const auto self = weak.lock()) {
      (self.get()->*method)();
    }
  });
}

void Attempt::begin() {
  const std::lock_guard lock(mutex_);
  lease_from_ = parts_.clock.mono();
  if (task_.remaining) {
    deadline_timer_ = call_at(lease_from_ + *task_.remaining, &Attempt::time_is_up);
  }
  watch_lease();
}

void Attempt::watch_lease() {
  if (task_.heartbeat_timeout.count() > 0 && lease_timer_ == 0 && !ended_) {
    lease_timer_ = call_at(lease_from_ + task_.heartbeat_timeout, &Attempt::lease_due);
  }
}

void Attempt::lease_due() {
  std::unique_lock lock(mutex_);
  lease_timer_ = 0;
  if (ended_) {
    return;
  }
  if (parts_.clock.mono() < lease_from_ + task_.heartbeat_timeout) {
    watch_lease();
    return;
  }
  lock.unlock();
  log_warn("agent.lease_lost", {{"activity", info_.type},
                                {"run", task_.workflow_id},
                                {"attempt", info_.attempt},
                                {"traceparent", traceparent()}});
  stop(StopReason::kTimedOut);
}

void Attempt::heartbeat(Json details) {
  std::unique_lock lock(mutex_);
  details_ = std::move(details);
  news_ = true;
  send_soon(lock);
}

std::optional<Json> Attempt::last_heartbeat() const {
  const std::lock_guard lock(mutex_);
  return details_;
}

void Attempt::stop(StopReason reason) {
  StopReason none = StopReason::kNone;
  reason_.compare_exchange_strong(none, reason);
  stop_.request_stop();
}

void Attempt::end() {
  std::unique_lock lock(mutex_);
  ended_ = true;
  for (const env::TimerId timer : {send_timer_, lease_timer_, deadline_timer_}) {
    parts_.clock.cancel(timer);
  }
  quiet_.wait(lock, [this] { return !in_flight_; });
}

void Attempt::send_soon(std::unique_lock<std::mutex>& lock) {
  if (ended_ || in_flight_) {
    return;
  }
  const MonoTime now = parts_.clock.mono();
  if (sent_ && now - *sent_ < interval_) {
    if (send_timer_ == 0) {
      send_timer_ = call_at(*sent_ + interval_, &Attempt::send_due);
    }
    return;
  }
  in_flight_ = true;
  news_ = false;
  sent_ = now;
  Json details = details_.value_or(Json());
  lock.unlock();
  boost::asio::co_spawn(parts_.executor, send_beat(shared_from_this(), std::move(details)),
                        boost::asio::detached);
}

void Attempt::send_due() {
  std::unique_lock lock(mutex_);
  send_timer_ = 0;
  if (news_) {
    send_soon(lock);
  }
}

Co<void> Attempt::send_beat(std::shared_ptr<Attempt> self, Json details) {
  const auto answer = co_await self->parts_.source.heartbeat(self->task_.token, std::move(details));
  self->answered(answer);
}

void Attempt::answered(const Result<StopReason>& answer) {
  const Code code = answer ? Code::kInternal : answer.error().code();
  if (answer && *answer != StopReason::kNone) {
    stop(*answer);
  } else if (!answer && code == Code::kNotFound) {
    stop(StopReason::kRunClosed);  // or it timed out: nobody waits for it any more
  } else if (!answer && (code == Code::kUnauthenticated || code == Code::kPermissionDenied)) {
    parts_.refused(answer.error());
  }
  std::unique_lock lock(mutex_);
  in_flight_ = false;
  quiet_.notify_all();
  if (answer) {
    lease_from_ = *sent_;
    failing_ = false;
  } else if (stop_.stop_requested()) {
    return;
  } else {
    if (!failing_) {
      log_warn("agent.heartbeat_failed", {{"activity", info_.type},
                                          {"run", task_.workflow_id},
                                          {"error", answer.error().to_string()},
                                          {"traceparent", traceparent()}});
    }
    failing_ = true;
    news_ = true;
  }
  if (news_) {
    send_soon(lock);
  }
}

}  // namespace holdfast::agent
