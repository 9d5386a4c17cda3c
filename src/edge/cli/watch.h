// Following a run to its end.
#pragma once

#include <string>

#include "edge/cli/session.h"

namespace holdfast::cli {

enum class FollowUntil { kEnd, kEndOrApproval };

// The run as it is at its end (or when it waits for an approval); `on_state` sees every state
// before. A stream that breaks is taken up again, with growing pauses, and the run is read in
// between; an error only when the server refuses, was never reached, or is gone for ten minutes.
Result<Json> follow_run(Session& session, const std::string& run_id, FollowUntil until,
                        const std::function<void(const Json& run)>& on_state);

// Shows steps as they end and live progress between; returns the exit code: 0 completed, 3 partial,
// 7 waiting for an approval (shown, and the run goes on), 130 cancelled, else the error's.
Result<int> watch_run(Session& session, const std::string& run_id);

// Prints a run that was just started, or follows it when `wait` is set.
Result<int> started(Session& session, const Json& run, bool wait);

// The exit code of a run that has ended (or waits).
int exit_code_of(const Json& run);

}  // namespace holdfast::cli
