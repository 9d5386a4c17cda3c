// How the rest of Holdfast talks to an engine: start, signal, query, look, wait.
//
// Every call that changes something is durable when it returns, and idempotent where it takes a
// request id. kNotFound: no such run; kFailedPrecondition: the run is closed; kInvalidArgument:
// payload too large or a bad filter. Methods may be called from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/async/co.h"
#include "core/base/json.h"
#include "core/base/result.h"
#include "core/base/time.h"
#include "flow/types.h"

namespace holdfast::flow {

using async::Co;

// A run by workflow id (its current or last run) or exactly.
struct RunRef {
  WorkflowId workflow_id;  // may be empty when run_id is given
  RunId run_id;            // empty: the current run of workflow_id
};
inline RunRef ref(WorkflowId id) { return {std::move(id), {}}; }
inline RunRef ref(RunId id) { return {{}, std::move(id)}; }

struct StartOptions {
  std::string request_id;  // the same start repeated gives the same run
  Header header;
  JsonObject memo;
  JsonObject search_attributes;
  IdReuse reuse = IdReuse::kAllow;
  IdConflict conflict = IdConflict::kFail;
  Nanoseconds run_timeout{0};  // 0: none
};

struct Started {
  RunId run_id;
  bool created = false;  // false: an existing run was found
};

struct PendingActivity {
  std::string activity_id;
  std::string type;
  std::string queue;
  std::string state;        // "scheduled", "started", "backing_off", "cancel_requested"
  std::string worker;       // who has it, where that is not a thread of the server
  std::string waiting_for;  // why a scheduled one has not begun, one phrase; may be empty
  int attempt = 1;
  UtcTime scheduled;
  std::optional<UtcTime> next_attempt;
  std::optional<Json> heartbeat;
  std::optional<Json> last_failure;
};

struct RunSummary {
  WorkflowId workflow_id;
  RunId run_id;
  std::string type;
  RunStatus status = RunStatus::kRunning;
  UtcTime started;
  std::optional<UtcTime> closed;
  std::int64_t history_length = 0;  // id of the last event
  JsonObject memo;
  JsonObject search_attributes;
  Json progress;  // null: none set
  std::optional<RunId> parent_run_id;
};

struct RunDescription {
  RunSummary run;
  Json input;
  std::optional<Json> result;   // completed
  std::optional<Json> failure;  // failed, canceled, terminated, timed out
  bool cancel_requested = false;
  Header header;
  std::vector<PendingActivity> activities;
  std::vector<std::pair<std::string, UtcTime>> timers;  // id, when it fires
  std::vector<RunId> children;                          // open ones
  // The workflow task fails and is being retried: which attempt, and why.
  int workflow_task_attempt = 1;
  std::optional<Error> workflow_task_failure;
};

// Which runs: all that is given must hold.
struct ListQuery {
  // A condition in the filter language (filter.h): "WorkflowType = 'x' AND resource = 'y'".
  std::string filter;
  std::vector<RunStatus> statuses;  // empty: all
  std::string type;                 // empty: all
  std::optional<UtcTime> started_after;
  std::optional<UtcTime> started_before;
  // Each must be equal (or contained, where the run has a list).
  std::vector<std::pair<std::string, Json>> attributes;
  std::string page_key;  // from the page before; newest run first
  int limit = 100;       // 1..1000
};
struct RunPage {
  std::vector<RunSummary> runs;
  std::string next_page_key;  // empty: the last page
};

// One event of a history: Temporal's names and attributes, payloads as plain JSON.
struct HistoryEvent {
  std::int64_t id = 0;
  UtcTime time;
  std::string type;  // "ActivityTaskScheduled"
  Json attributes;
};

// Something about a run changed and is durable.
struct RunChange {
  RunId run_id;
  WorkflowId workflow_id;
  std::string type;
  RunStatus status = RunStatus::kRunning;
  std::int64_t last_event_id = 0;
  Json progress;
  // A heartbeat of one of its activities instead of events.
  std::optional<std::pair<std::string, Json>> heartbeat;  // activity id, details
};

// Ends the subscription when it goes: nothing is called afterwards. Not destroyed by its own
// callback.
class Subscription {
 public:
  virtual ~Subscription() = default;
};

class Client {
 public:
  virtual ~Client() = default;

  virtual Co<Result<Started>> start(std::string type, WorkflowId id, Json input,
                                    StartOptions options) = 0;
  // Signals the open run of this workflow id, or starts one that has the signal from its first
  // moment, as one step. `options.conflict` does not count; `options.request_id` is the start's,
  // and with
  // "/signal" behind it the signal's.
  virtual Co<Result<Started>> signal_with_start(std::string type, WorkflowId id, Json input,
                                                StartOptions options, std::string signal,
                                                Json payload) = 0;
  // request_id empty: not deduplicated.
  virtual Co<Status> signal(RunRef run, std::string name, Json payload, std::string request_id) = 0;
  virtual Co<Result<Json>> query(RunRef run, std::string name, Json args) = 0;
  // Asks the run to change and waits for its answer: the handler's value or error, or the
  // validator's refusal. The same `update_id` asks once, also after a restart of either side;
  // empty: a new one. kNotFound: the run takes no update of this name; kFailedPrecondition: it is
  // closed, or closed before it answered.
  virtual Co<Result<Json>> update(RunRef run, std::string name, Json args,
                                  std::string update_id) = 0;
  // The workflow decides how to end; idempotent.
  virtual Co<Status> cancel(RunRef run, std::string reason) = 0;
  // Ends the run at once, without its code.
  virtual Co<Status> terminate(RunRef run, std::string reason) = 0;

  // Begins a new run of the same workflow id that does the last workflow task completed at or
  // before `event_id` (0: the first one) once more, with the code of today: it keeps the history
  // before it, and what was signalled later is signalled again. An open run is terminated first.
  // For runs that a defect led astray. The same `request_id` resets once (empty: a new one).
  // kInvalidArgument: there is no such task; kFailedPrecondition: a child was open there.
  virtual Co<Result<RunId>> reset(RunRef run, std::int64_t event_id, std::string reason,
                                  std::string request_id) = 0;

  virtual Co<Result<RunDescription>> describe(RunRef run) = 0;
  // kInvalidArgument: the filter is wrong, and where.
  virtual Co<Result<RunPage>> list(ListQuery query) = 0;
  // How many runs a list without limit and page would show.
  virtual Co<Result<std::int64_t>> count(ListQuery query) = 0;
  // Events after `after` (0: all), at most `limit`.
  virtual Co<Result<std::vector<HistoryEvent>>> history(RunRef run, std::int64_t after,
                                                        int limit) = 0;
  // The whole history as Temporal's JSON (`temporal workflow show --output json`).
  virtual Co<Result<Json>> history_json(RunRef run) = 0;

  // Waits for the end of the run and of those that continue it: the result, or its failure as Error
  // (kCancelled when canceled or terminated). Give up by cancelling the coroutine; the run goes on.
  virtual Co<Result<Json>> result(RunRef run) = 0;
  // As history(), but waits up to `patience` for the first event after `after`; empty: none came,
  // or the run is closed and everything was seen.
  virtual Co<Result<std::vector<HistoryEvent>>> wait_for_events(RunRef run, std::int64_t after,
                                                                Nanoseconds patience) = 0;
  // Calls back for each change of any run, in order within a run, on an engine thread: hand over,
  // never block.
  virtual std::unique_ptr<Subscription> subscribe(
      std::function<void(const RunChange&)> callback) = 0;
};

}  // namespace holdfast::flow
