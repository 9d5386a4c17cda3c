// For whom a coroutine works: calls to other systems say it, so that they are found in their logs.
//
//   const TraceScope scope({.parent = traceparent, .request = run_id});
//   block_on(traced(pool.executor()), co);   // current_trace() is set in `co` and what it awaits
#pragma once

#include <string>

#include "core/async/co.h"

namespace holdfast::async {

struct Trace {
  std::string parent;   // a W3C traceparent; empty: none
  std::string request;  // what asked: the id of a run and its activity; empty: nothing
};

// Of this thread, or of the coroutine that runs on it; empty where nobody has said it. Read it
// before the first co_await of a function that needs it.
Trace current_trace();

// Sets the trace of this thread until it ends; then the one before is there again.
class TraceScope {
 public:
  explicit TraceScope(Trace trace);
  ~TraceScope();
  TraceScope(const TraceScope&) = delete;
  TraceScope& operator=(const TraceScope&) = delete;

 private:
  Trace trace_;
  const Trace* before_;
};

// Runs what it is given on `inner`, with the trace that this thread has now. Coroutines spawned on
// it keep the trace across their suspensions; work that they hand to other pools does not have it.
Executor traced(Executor inner);

}  // namespace holdfast::async
