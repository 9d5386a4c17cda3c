// What the engine keeps about one run beside its history: the rows of a run, in memory.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/base/time.h"
#include "flow/client.h"
#include "flow/types.h"

namespace holdfast::flow::embedded {

// Who outside the engine has the current attempt of an activity.
struct Lease {
  std::string id;
  std::string worker;
  UtcTime started;
};

// A pending activity: from ActivityTaskScheduled to its closing event. Failed attempts and retries
// live here, not in history.
struct ActivityRecord {
  std::int64_t scheduled_event_id = 0;
  UtcTime scheduled;
  JsonObject attributes;  // of ActivityTaskScheduled
  int attempt = 1;
  std::optional<UtcTime> next_at;  // backing off until then
  std::optional<Json> last_failure;
  std::optional<Json> heartbeat;
  bool cancel_requested = false;
  std::optional<Lease> lease;  // as it was when the run was read; leases.h knows today's
};

// Attributes of an activity, decoded.
struct ActivityPlan {
  explicit ActivityPlan(const JsonObject& attributes);

  std::string activity_id;
  std::string type;
  std::string queue;
  int priority = kUsualPriority;
  Nanoseconds schedule_to_close;
  Nanoseconds schedule_to_start;
  Nanoseconds start_to_close;
  Nanoseconds heartbeat;
  RetryPolicy retry;

  // How long attempt number `attempt`, which failed, is followed by a pause.
  Nanoseconds backoff_after(int attempt) const;
};

struct TimerRecord {
  std::int64_t started_event_id = 0;
  std::string timer_id;
  UtcTime fire_at;
};

enum class ChildStage {
  kInitiated,  // to be started
  kStarted,
  kLeft,  // the parent is closed; its policy is to be carried out
};
struct ChildRecord {
  std::int64_t initiated_event_id = 0;
  JsonObject attributes;  // of StartChildWorkflowExecutionInitiated
  ChildStage stage = ChildStage::kInitiated;
  RunId run_id;                      // empty until started
  std::int64_t cancel_event_id = 0;  // a cancel request that is to be delivered
};

struct RunState {
  RunSummary summary;
  std::string request_id;
  std::int64_t parent_event_id = 0;  // StartChildWorkflowExecutionInitiated in the parent
  Header header;
  bool cancel_requested = false;
  std::optional<UtcTime> deadline;
  UtcTime last_event_time;
  // The workflow task: failing since `task_attempt` - 1 attempts, tried again at `task_retry_at`.
  int task_attempt = 1;
  std::optional<Json> task_failure;
  std::optional<UtcTime> task_retry_at;

  std::map<std::int64_t, ActivityRecord> activities;
  std::map<std::int64_t, TimerRecord> timers;
  std::map<std::int64_t, ChildRecord> children;
  std::map<std::string, std::int64_t> updates;  // accepted and not answered: id, accepting event

  bool open() const { return summary.status == RunStatus::kRunning; }
};

}  // namespace holdfast::flow::embedded
