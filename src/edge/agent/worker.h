// The loop of an agent: ask for a task while a place is free, run it, say how it ended.
//
// One request waits at a time, whatever the number of places. What the server cannot be told now is
// told again, with growing pauses, until it took it or says that the attempt is over.
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "core/env/clock.h"
#include "core/env/random.h"
#include "edge/agent/task_source.h"
#include "flow/activity.h"

namespace holdfast::agent {

struct WorkerOptions {
  int places = 2;  // tasks at once
  std::string instance;
  std::string host;
  std::vector<std::string> repositories;
  Nanoseconds patience = std::chrono::seconds(50);  // below the minute after which proxies cut
  std::string journal_dir;  // of the tasks in hand (journal.h); empty: none is kept
  // How long a stopping agent goes on telling outcomes to a server that does not answer.
  Nanoseconds last_words = std::chrono::seconds(10);
};

class Worker {
 public:
  // Everything given outlives it.
  Worker(env::Clock& clock, env::Random& random, TaskSource& source,
         const flow::ActivityRegistry& activities, WorkerOptions options);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Works until `stop` is requested and what runs has ended; blocks. Running activities are then
  // asked to stop and reported as transient failures, so that they are repeated. Once only.
  // kUnauthenticated, kPermissionDenied: the server does not take the key (any more).
  Status run(std::stop_token stop);

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::agent
