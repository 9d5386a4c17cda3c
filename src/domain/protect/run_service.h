// What people do to runs that exist: signal, cancel, terminate, retry, reset. Each change has its
// audit row, written first, so that nothing is done that is not recorded. kNotFound: no such run;
// kFailedPrecondition: it has ended (or, for a retry, has not).
#pragma once

#include <string>

#include "domain/protect/services.h"

namespace holdfast::protect {

// Asks a run to stop and clean up.
async::Co<Status> cancel_run(const Services& services, Caller caller, std::string run_id);
async::Co<Status> signal_run(const Services& services, Caller caller, std::string run_id,
                             std::string name, Json payload);
// Ends a run at once, without its clean-up; an approval that it waited for is withdrawn.
async::Co<Status> terminate_run(const Services& services, Caller caller, std::string run_id,
                                std::string reason);
// A new run with the same input as one that failed, was cancelled or terminated; its memo names the
// old one as `retry_of`. Answers the new run's id. kPermissionDenied: the caller may not start it.
async::Co<Result<std::string>> retry_run(const Services& services, Caller caller,
                                         std::string run_id);
// Does the last workflow task completed at or before `event_id` (0: the first one) once more, with
// the workflow code of this program; an open run is ended for it, and the run goes on under the
// same id. kPermissionDenied: the caller may not start it.
async::Co<Status> reset_run(const Services& services, Caller caller, std::string run_id,
                            std::int64_t event_id, std::string reason);
// Asks a run, open or ended, something; changes nothing.
async::Co<Result<Json>> query_run(const Services& services, std::string run_id, std::string name,
                                  Json args);

}  // namespace holdfast::protect
