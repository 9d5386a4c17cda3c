// Attempts that were open when the process ended without stopping its engine: perhaps one of them
// ended it.
//
// Nothing is written when an attempt of the engine's own threads begins, so nobody knows which of
// them ran. Each of them is begun again, and that is counted in its row first; the third end of the
// process during one attempt fails the attempt, and its retry policy decides. So an activity that
// kills the process uses up its attempts, with their pauses, instead of killing it for ever.
#pragma once

#include <map>

#include "core/db/connection.h"
#include "flow/embedded/attempts.h"

namespace holdfast::flow::embedded {

inline constexpr int kMostInterruptions = 3;

// Notes that an engine runs. The open attempts of one that did not stop; empty after a proper stop.
Result<std::map<AttemptKey, Interrupted>> begin_engine(db::Connection& sql, UtcTime now);
// Notes that it stopped: what ran until now killed nobody.
Status end_engine(db::Connection& sql);
// Counts that the attempt is begun once more.
Status count_interruption(db::Connection& sql, const AttemptKey& key, int attempt);

}  // namespace holdfast::flow::embedded
