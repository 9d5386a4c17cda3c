// One attempt in this agent's hands: what the activity's code sees, and its heartbeats.
//
// Heartbeats go out at once and then at most every `interval`, always with the newest details. The
// attempt is asked to stop when the run wants it cancelled, when the server says that it is over,
// when its time is up, when no heartbeat reached the server for as long as the server waits for one
// (the lease is lost: somebody else may have the task by now), and when the agent stops.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "core/env/clock.h"
#include "edge/agent/task_source.h"
#include "flow/activity.h"

namespace holdfast::agent {

struct AttemptParts {
  env::Clock& clock;
  TaskSource& source;
  async::Executor executor;  // runs the heartbeats
  // Told once when the server no longer takes this agent's key.
  std::function<void(const Error&)> refused;
};

// Thread-safe; kept alive by whoever still calls back.
class Attempt final : public flow::ActivityContext, public std::enable_shared_from_this<Attempt> {
 public:
  Attempt(AttemptParts parts, wire::TaskOffer task);

  const flow::ActivityInfo& info() const override { return info_; }
  void heartbeat(Json details) override;
  std::optional<Json> last_heartbeat() const override;
  std::stop_token stop_token() const override { return stop_.get_token(); }
  flow::StopReason stop_reason() const override { return reason_; }
  Result<std::string> leave_open() override;

  const wire::TaskOffer& task() const { return task_; }
  std::string traceparent() const;
  // Begins to watch the time and the lease.
  void begin();
  void stop(flow::StopReason reason);
  // No more heartbeats; waits for the one under way, if any.
  void end();

 private:
  static Co<void> send_beat(std::shared_ptr<Attempt> self, Json details);
  void send_soon(std::unique_lock<std::mutex>& lock);
  void answered(const Result<flow::StopReason>& answer);
  void watch_lease();  // holds the lock
  env::TimerId call_at(MonoTime when, void (Attempt::*method)());
  void send_due();
  void lease_due();
  void time_is_up() { stop(flow::StopReason::kTimedOut); }

  const AttemptParts parts_;
  const wire::TaskOffer task_;
  const flow::ActivityInfo info_;
  const Nanoseconds interval_;
  std::stop_source stop_;
  std::atomic<flow::StopReason> reason_{flow::StopReason::kNone};
  mutable std::mutex mutex_;
  std::condition_variable quiet_;
  std::optional<Json> details_;
  bool news_ = false;  // details that the server does not have
  bool in_flight_ = false;
  bool ended_ = false;
  bool failing_ = false;  // the last heartbeat did not get through
  std::optional<MonoTime> sent_;
  MonoTime lease_from_{};  // when the last heartbeat that got through was sent
  env::TimerId send_timer_ = 0;
  env::TimerId lease_timer_ = 0;
  env::TimerId deadline_timer_ = 0;
};

}  // namespace holdfast::agent
