// The firing half of the scheduler: starts the run of one ledger row, or says why it waits.
#pragma once

#include "core/async/co.h"
#include "domain/protect/ledger.h"
#include "domain/protect/policy.h"
#include "domain/protect/server_context.h"
#include "flow/client.h"

namespace holdfast::protect {

enum class Fired {
  kStarted,   // also when it was started before
  kSkipped,   // the run before it still runs
  kQueued,    // waits for another run of the resource
  kReplaced,  // as kQueued, and that run was asked to stop just now
  kFailed,    // it can never start; recorded in the ledger
};

// One run of a resource at a time: a row whose resource is being backed up already is treated by
// the overlap rule when that run is of the same schedule, and waits when it is not. May be called
// again and from several servers at once: the row is claimed in the ledger, and the run's id is the
// row's.
async::Co<Result<Fired>> fire(const ServerContext& context, flow::Client& client, ExpectedRun row,
                              Overlap overlap);

// Starts the run of a row that has been claimed; harmless when it was started before.
async::Co<Status> start_claimed(flow::Client& client, ExpectedRun row);

}  // namespace holdfast::protect
