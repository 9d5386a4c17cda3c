// Where an agent gets its tasks from: the server, or a script in tests.
#pragma once

#include <optional>
#include <string>

#include "core/async/co.h"
#include "edge/wire/agent_tasks.h"
#include "flow/activity.h"

namespace holdfast::agent {

using async::Co;

// Methods may be called from any thread. Errors carry what the server said: kUnauthenticated and
// kPermissionDenied end the agent; kNotFound: the task is over; transient ones are worth repeating.
class TaskSource {
 public:
  virtual ~TaskSource() = default;
  // nullopt: none came in time.
  virtual Co<Result<std::optional<wire::TaskOffer>>> poll(wire::PollRequest request) = 0;
  virtual Co<Result<flow::StopReason>> heartbeat(std::string token, Json details) = 0;
  // The same outcome may be said again after an error.
  virtual Co<Status> complete(wire::Outcome outcome) = 0;
};

}  // namespace holdfast::agent
