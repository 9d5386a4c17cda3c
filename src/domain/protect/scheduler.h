// The one scheduler: writes expected runs ahead, starts what is due, records what never started.
//
// A pass is a function of the state database and the clock; running it twice, on two servers or
// after a crash at any point, starts each expected run once. Only the holder of the lease works.
#pragma once

#include <string>

#include "core/async/co.h"
#include "domain/protect/schedule_settle.h"
#include "domain/protect/server_context.h"
#include "flow/client.h"

namespace holdfast::protect {

class Scheduler {
 public:
  // Everything given outlives the scheduler. `holder` names this server in the lease, and is the
  // same after it was started anew, so that it goes on with a lease that it could not give up.
  Scheduler(const ServerContext& context, flow::Client& client, std::string holder);

  struct Pass {
    bool leader = false;
    int expected = 0;  // rows written ahead
    int started = 0;
    int missed = 0;      // recorded as failures: the server was not running
    int skipped = 0;     // the run before is still running, or the schedule is paused
    int queued = 0;      // wait for another run of their resource
    int replaced = 0;    // runs that were asked to stop for a newer one
    int failed = 0;      // could not be started; logged, and tried again where that can help
    int reconciled = 0;  // rows of runs that had ended
    UtcTime next_due = UtcTime::max();
  };
  // One pass at the clock's now. Each row stands for itself: one that cannot be started does not
  // keep the others from starting.
  async::Co<Result<Pass>> pass();
  // Gives the lease up, so that another server need not wait for its end.
  async::Co<Status> resign();

 private:
  async::Co<void> fire_due(DueRun due, Pass* pass);
  async::Co<Result<int>> reconcile();
  async::Co<Result<bool>> reconcile_row(ExpectedRun row);

  const ServerContext& context_;
  flow::Client& client_;
  std::string holder_;
};

}  // namespace holdfast::protect
