// Temporal as the engine: runs live on a cluster, this process works on them and asks about them.
//
// The same workflow code, the same activities and the same port (flow/client.h) as with the
// embedded engine. What differs is listed in docs/design/flow.md.
#pragma once

#include <memory>

#include "core/base/result.h"
#include "core/env/clock.h"
#include "core/env/random.h"
#include "flow/activity.h"
#include "flow/client.h"
#include "flow/tasks.h"
#include "flow/temporal/options.h"
#include "flow/workflow.h"

namespace holdfast::flow::temporal {

class Engine {
 public:
  // Everything given outlives the engine; registries are complete.
  Engine(env::Clock& clock, env::Random& random, const WorkflowRegistry& workflows,
         const ActivityRegistry& activities, Options options);
  // Stops, if still running.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Connects, looks for the namespace, registers what search attributes are missing, and begins to
  // work. kUnavailable: no server at the address; kFailedPrecondition: no such namespace.
  Status start();
  // No new tasks; running activities are asked to stop and waited for. Calls of the client fail
  // with kCancelled from now on.
  void stop();

  // Valid between start() and the end of the engine.
  Client& client();
  TaskClient& tasks();

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::flow::temporal
