// Workflow tasks of one task queue: poll, replay the history window by window, answer.
//
// A run stays in memory between its tasks (run_cache.h), which the server then puts into a queue of
// this worker alone, with only the events that are new. Without it, or with cache_size 0, a task is
// the whole history: build the run, feed it, send the commands of its last window. Whatever goes
// wrong on the way drops the run from memory: the server gives the task again.
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
                 const std::string& identity, OnChange on_change);
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
