// The engine that the configuration names, behind what the rest of the server needs of it.
#pragma once

#include <memory>

#include "core/base/result.h"
#include "core/db/database.h"
#include "core/env/clock.h"
#include "core/env/random.h"
#include "daemon/config.h"
#include "flow/activity.h"
#include "flow/client.h"
#include "flow/tasks.h"
#include "flow/workflow.h"

namespace holdfast::daemon {

struct EngineParts {
  db::Database& database;
  env::Clock& clock;
  env::Random& random;
  const flow::WorkflowRegistry& workflows;
  const flow::ActivityRegistry& activities;
};

class RunningEngine {
 public:
  // Everything given outlives it. kFailedPrecondition: this program was built without Temporal.
  static Result<std::unique_ptr<RunningEngine>> start(const Config& config, EngineParts parts);
  virtual ~RunningEngine() = default;
  virtual flow::Client& client() = 0;
  virtual flow::TaskClient& tasks() = 0;
  // Running activities are asked to stop and waited for.
  virtual void stop() = 0;
};

}  // namespace holdfast::daemon
