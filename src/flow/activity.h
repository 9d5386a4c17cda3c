// What activity code sees: the part of a workflow that touches the world.
//
//   registry.add("save", [&](flow::ActivityContext& ctx, const Json& input) -> Result<Json> {...});
//
// An activity runs at least once. Its effect carries idempotency_key(), which stays the same over
// all attempts and restarts, so that a repeated attempt finds what an earlier one did. Long work
// heartbeats and looks at its stop token. Errors with retry() kPermanent end it; others are
// repeated by the policy that the workflow gave.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/async/co.h"
#include "core/base/json.h"
#include "core/base/result.h"
#include "core/base/time.h"
#include "flow/types.h"

namespace holdfast::flow {

// Why an attempt is asked to stop.
enum class StopReason { kNone, kCancelled, kTimedOut, kShutdown, kRunClosed };

struct ActivityInfo {
  WorkflowId workflow_id;
  RunId run_id;
  std::string workflow_type;
  std::string activity_id;
  std::string type;
  std::string queue;
  int priority = kUsualPriority;
  int attempt = 1;                  // from 1
  UtcTime scheduled;                // first scheduled
  UtcTime started;                  // this attempt
  std::optional<UtcTime> deadline;  // of this attempt, if any
  Nanoseconds heartbeat_timeout{0};
  Header header;  // of the run: traceparent and so on
};

// Belongs to one attempt; valid until the activity returns. All methods from any thread.
class ActivityContext {
 public:
  virtual ~ActivityContext() = default;

  virtual const ActivityInfo& info() const = 0;
  // run_id + "/" + activity_id: the same for all attempts.
  std::string idempotency_key() const { return info().run_id.text() + "/" + info().activity_id; }
  // Says "alive" and keeps `details` for the next attempt and for who watches. Cheap: written to
  // the database at most about once a second. Never blocks.
  virtual void heartbeat(Json details) = 0;
  // The newest details of this or an earlier attempt; survives a restart.
  virtual std::optional<Json> last_heartbeat() const = 0;
  // Fires when the run or its scope is cancelled, an attempt timed out, or the engine stops. The
  // activity then stops soon and returns kCancelled (or its value, if it was just done).
  virtual std::stop_token stop_token() const = 0;
  virtual StopReason stop_reason() const = 0;
  bool stop_requested() const { return stop_token().stop_requested(); }
  // Lets the attempt outlive the function: what this returns is the token under which somebody ends
  // it (tasks.h), from this process or another, before its timeouts. The value that the function
  // returns is ignored then; an error still ends the attempt. Blocks for one commit. kUnavailable:
  // it could not be noted, or the engine stops.
  virtual Result<std::string> leave_open() = 0;
};

// Blocks a thread of its queue's pool.
using BlockingActivity = std::function<Result<Json>(ActivityContext&, const Json& input)>;
// Suspends instead; runs on the same pool. The context outlives the coroutine.
using CoActivity = std::function<async::Co<Result<Json>>(ActivityContext&, Json input)>;

// Activities by name. Filled at start-up, then read only.
class ActivityRegistry {
 public:
  // A name is registered once.
  void add(std::string type, BlockingActivity function);
  void add_co(std::string type, CoActivity function);

  using Function = std::variant<BlockingActivity, CoActivity>;
  const Function* find(std::string_view type) const;
  std::vector<std::string> names() const;

 private:
  std::map<std::string, Function, std::less<>> functions_;
};

}  // namespace holdfast::flow
