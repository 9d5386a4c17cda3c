// How many requests one cluster gets at a time; further callers wait in order.
#pragma once

#include <memory>
#include <utility>

#include "core/async/co.h"

namespace holdfast::storage::ontap {

// Methods may be called from any thread; a pass may be given back on another one and after the gate
// has gone.
class Gate {
 private:
  struct State;

 public:
  explicit Gate(int places);

  // A place, given back when it goes.
  class Pass {
   public:
    Pass() = default;  // of no gate
    Pass(Pass&&) = default;
    Pass& operator=(Pass&&) = delete;
    ~Pass();

   private:
    friend class Gate;
    explicit Pass(std::shared_ptr<State> state) : state_(std::move(state)) {}
    std::shared_ptr<State> state_;
  };

  // Waits for a place. kCancelled: the coroutine was cancelled.
  async::Co<Result<Pass>> enter();

 private:
  std::shared_ptr<State> state_;
};

}  // namespace holdfast::storage::ontap
