// Workflow tasks of one task queue: poll, replay the history window by window, answer.
//
// Each task carries the whole history (no sticky queue): build the run, feed it, send the commands
// of its last window, forget it. Whatever goes wrong on the way leaves the run as it was: the
// server gives the task again.
#pragma once

#include <functional>
#include <memory>

#include "flow/client.h"
#include "flow/temporal/call.h"
#include "flow/temporal/options.h"
#include "flow/workflow.h"

namespace holdfast::flow::temporal {

using OnChange = std::function<void(const RunChange&)>;

class WorkflowWorker {
 public:
  // Everything given outlives it. `on_change` is called after each task that the server took.
  WorkflowWorker(const Caller& caller, const WorkflowRegistry& workflows, const Options& options,
                 std::string identity, OnChange on_change);
  // Stops, if still running.
  ~WorkflowWorker();

  void start();
  // Ends the polls and waits for tasks under way.
  void stop();

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::flow::temporal
