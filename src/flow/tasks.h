// Attempts of activities in the hands of somebody outside the engine: an agent that asks for tasks
// over the API, or whoever finishes what an activity left open (ActivityContext::leave_open).
//
// Every queue that no thread of this server serves waits here: its attempts begin when somebody
// polls for them. An attempt that was handed out is durable with its worker, its token and its
// start; it ends by complete(), by its timeouts, or with its run. So a task is delivered at least
// once: a worker that dies, or never got the answer of its poll, is noticed by the heartbeat or
// start-to-close timeout, and the next attempt is handed to whoever polls then.
#pragma once

#include <optional>
#include <string>

#include "core/async/co.h"
#include "core/base/json.h"
#include "core/base/result.h"
#include "core/base/time.h"
#include "flow/activity.h"

namespace holdfast::flow {

using async::Co;

struct ActivityTask {
  std::string token;  // names this attempt; not a secret, at most 1000 bytes of any value
  ActivityInfo info;
  Json input;
  std::optional<Json> details;  // of the newest heartbeat of an earlier attempt
};

// What the worker of an attempt has to know: kNone to go on, kCancelled to stop and say how it
// ended.
struct HeartbeatAnswer {
  StopReason stop = StopReason::kNone;
};

// Methods may be called from any thread. kNotFound from heartbeat() and complete(): the attempt is
// over (timed out, its run closed, completed by somebody); stop, and drop what it made.
class TaskClient {
 public:
  virtual ~TaskClient() = default;

  // The next attempt of `queue`, waiting up to `patience` for one; nullopt: none came. `identity`
  // says who has it, for people (`name@host`). kInvalidArgument: a thread of the server serves this
  // queue. Cancelling the coroutine hands nothing out, or what it handed out times out.
  virtual Co<Result<std::optional<ActivityTask>>> poll(std::string queue, std::string identity,
                                                       Nanoseconds patience) = 0;
  // Keeps the attempt alive and its details for who watches and for the next attempt.
  virtual Co<Result<HeartbeatAnswer>> heartbeat(std::string token, Json details) = 0;
  // Ends the attempt: with its value, or with an error whose retry() decides as always. kCancelled
  // after a cancel request ends it as canceled. Durable when it returns; the same outcome said
  // twice is kNotFound the second time.
  virtual Co<Status> complete(std::string token, Result<Json> outcome) = 0;
};

}  // namespace holdfast::flow
