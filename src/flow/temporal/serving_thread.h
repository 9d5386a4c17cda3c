// A thread that serves a queue of events, and is replaced while one of them holds it up.
//
// Handling an event on the thread that waited for it spares waking another. But handlers run
// workflow code, and one that blocks must not stop what else comes: when a handler has taken
// between one and two tenths of a second, another thread goes on, and the first ends when it
// returns.
#pragma once

#include <functional>
#include <memory>

#include "core/env/clock.h"

namespace holdfast::flow::temporal {

class ServingThread {
 public:
  using Handler = std::move_only_function<void()>;
  // Waits for an event and returns what handles it, or nothing when there are no more. It and
  // handlers may run on several threads at once.
  using Next = std::function<Handler()>;

  // The clock outlives this.
  ServingThread(env::Clock& clock, Next next);
  // Waits until `next` has said that there is nothing more and every handler has returned.
  ~ServingThread();
  ServingThread(const ServingThread&) = delete;
  ServingThread& operator=(const ServingThread&) = delete;

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace holdfast::flow::temporal
