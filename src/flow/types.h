// The words of flow that workflows, activities and clients share: ids, options, states.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/ids.h"
#include "core/base/json.h"
#include "core/base/time.h"

namespace holdfast::flow {

// Chosen by the caller, unique among open runs; running it again is how starts are idempotent.
using WorkflowId = StrongId<struct WorkflowTag>;
// One execution; chosen by the engine.
using RunId = StrongId<struct RunTag>;

// Propagated fields of a request: "traceparent" and what else belongs to the call, not the input.
using Header = std::map<std::string, std::string>;

// Input, result, signal and heartbeat payloads are JSON of at most this many bytes of text; larger
// ones are refused with kInvalidArgument. Pass references, never file lists.
inline constexpr std::size_t kMaxPayloadBytes = 64 * 1024;

// How failed attempts of an activity are repeated. Attempt n waits initial * coefficient^(n-1), at
// most `maximum` (0: a hundred times initial). An error whose retry() is kPermanent, or whose code
// name is in `non_retryable`, is not repeated.
struct RetryPolicy {
  Nanoseconds initial = std::chrono::seconds(1);
  double coefficient = 2.0;
  Nanoseconds maximum{0};
  int max_attempts = 0;  // 0: no limit
  std::vector<std::string> non_retryable;
};

// What becomes of a running activity when its scope is cancelled.
enum class CancelType {
  kTryCancel,      // ask it to stop; the workflow sees kCancelled at once
  kWaitCompleted,  // ask it to stop; the workflow sees how it ended
  kAbandon,        // let it run; the workflow sees kCancelled at once
};

inline constexpr int kUsualPriority = 3;

struct ActivityOptions {
  std::string queue = "control";  // control: server only; data: server or agent
  // Among those that wait in a queue: 1 before 5.
  int priority = kUsualPriority;
  // Zero means none; one of schedule_to_close and start_to_close is set (the default is
  // start_to_close). All are checked by the engine, also across restarts.
  Nanoseconds schedule_to_close{0};                       // over all attempts
  Nanoseconds schedule_to_start{0};                       // waiting for a worker; not retried
  Nanoseconds start_to_close = std::chrono::minutes(10);  // one attempt
  Nanoseconds heartbeat{0};                               // longest silence between heartbeats
  RetryPolicy retry;
  CancelType cancel_type = CancelType::kWaitCompleted;
};

enum class ParentClosePolicy { kTerminate, kAbandon, kRequestCancel };

struct ChildOptions {
  std::string workflow_id;  // empty: parent's run id and a counter
  ParentClosePolicy parent_close = ParentClosePolicy::kTerminate;
  JsonObject memo;
};

// What a start does when the workflow id has a closed run, and when it has an open one.
enum class IdReuse { kAllow, kAllowIfFailed, kReject };
enum class IdConflict { kFail, kUseExisting, kTerminateExisting };

enum class RunStatus {
  kRunning,
  kCompleted,
  kFailed,
  kCanceled,
  kTerminated,
  kTimedOut,
  kContinuedAsNew,  // another run of the same workflow id took over in the same instant
};
// "running", "completed", "failed", "canceled", "terminated", "timed_out", "continued_as_new".
std::string_view status_name(RunStatus status);
std::optional<RunStatus> run_status_from(std::string_view text);

// How a failure travels: code name, sentence and context, as Temporal's Failure in history.
Json to_failure(const Error& error);
// The error in a failure: of an activity or child failure the one inside, with
// ("activity", type) or ("child", id) as context.
Error from_failure(const Json& failure);

}  // namespace holdfast::flow
