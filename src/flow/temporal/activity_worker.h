// Activities of one queue: poll, run, heartbeat, report. As many at once as the queue has threads.
#pragma once

#include <memory>
#include <string>

#include "flow/activity.h"
#include "flow/temporal/call.h"
#include "flow/temporal/options.h"
#include "flow/temporal/workflow_worker.h"

namespace holdfast::flow::temporal {

class ActivityWorker {
 public:
  // Everything given outlives it. `on_change` is called with heartbeats.
  ActivityWorker(const Caller& caller, const ActivityRegistry& activities, const Options& options,
                 std::string queue, int threads, std::string identity, OnChange on_change);
  // Stops, if still running.
  ~ActivityWorker();

  void start();
  // No further activities; those that run are asked to stop. Returns at once.
  void ask_to_stop();
  // Waits for those that run. What they return is reported: a cancelled one as a failure that the
  // server repeats.
  void stop();

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::flow::temporal
