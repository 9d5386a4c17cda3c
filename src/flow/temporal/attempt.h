// One attempt of an activity: what its code sees, and its heartbeats.
//
// Heartbeats are sent at once and then at most every `interval`, always with the newest details.
// The answer tells whether the run wants it cancelled; an activity without a heartbeat timeout is
// asked about that in the background. Thread-safe; one attempt is kept alive by whoever still calls
// back.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "flow/activity.h"
#include "flow/temporal/call.h"
#include "flow/temporal/workflow_worker.h"

namespace holdfast::flow::temporal {

struct AttemptTask {
  ActivityInfo info;
  Json input;
  std::optional<Json> details;  // of an earlier attempt
  std::string token;
  std::string name_space;
  std::string identity;
  Nanoseconds interval{0};
};

class Attempt final : public ActivityContext, public std::enable_shared_from_this<Attempt> {
 public:
  Attempt(const Caller& caller, AttemptTask task, const OnChange& on_change)
      : caller_(caller), task_(std::move(task)), on_change_(on_change), details_(task_.details) {}

  const ActivityInfo& info() const override { return task_.info; }
  void heartbeat(Json details) override;
  std::optional<Json> last_heartbeat() const override;
  std::stop_token stop_token() const override { return stop_.get_token(); }
  StopReason stop_reason() const override { return reason_; }
  Result<std::string> leave_open() override;

  const AttemptTask& task() const { return task_; }
  // Somebody else ends it.
  bool left_open() const { return left_open_; }
  // Begins to watch the deadline and, without a heartbeat timeout, for cancellation.
  void begin();
  void stop(StopReason reason);
  // No more heartbeats; waits for the one under way, if any.
  void end();
  // The details that no heartbeat has carried yet.
  std::optional<Json> unsent() const;

 private:
  void send_soon(std::unique_lock<std::mutex>& lock);
  void send(std::unique_lock<std::mutex>& lock);
  void answered(const Result<std::string>& answer);
  void look_again();

  const Caller& caller_;
  const AttemptTask task_;
  const OnChange& on_change_;
  std::stop_source stop_;
  std::atomic<StopReason> reason_{StopReason::kNone};
  std::atomic<bool> left_open_ = false;
  mutable std::mutex mutex_;
  std::condition_variable quiet_;
  std::optional<Json> details_;
  bool news_ = false;  // details that were not sent
  bool in_flight_ = false;
  bool ended_ = false;
  std::optional<MonoTime> sent_;
  env::TimerId send_timer_ = 0;
  env::TimerId look_timer_ = 0;
  env::TimerId deadline_timer_ = 0;
};

}  // namespace holdfast::flow::temporal
