// Time from outside. The only timer of Holdfast: simulated time drives the whole daemon.
#pragma once

#include <cstdint>
#include <functional>

#include "core/base/time.h"

namespace holdfast::env {

using TimerId = std::uint64_t;

// All methods may be called from any thread.
class Clock {
 public:
  virtual ~Clock() = default;

  virtual UtcTime now() = 0;
  // Never goes back; for measuring and deadlines.
  virtual MonoTime mono() = 0;
  // Calls `callback` once, at or soon after `when`, on the clock's own thread: it must only hand
  // over (post, notify) and never block. A time in the past fires at once.
  virtual TimerId call_at(MonoTime when, std::move_only_function<void()> callback) = 0;
  // After cancel returns true the callback will not run; false: it ran, is running, or is unknown.
  virtual bool cancel(TimerId id) = 0;
};

}  // namespace holdfast::env
