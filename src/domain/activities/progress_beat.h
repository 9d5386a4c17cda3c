// Heartbeats of a blocking activity: its progress, once a second, from the clock's thread.
#pragma once

#include <functional>
#include <memory>

#include "core/base/json.h"
#include "core/env/clock.h"
#include "flow/activity.h"

namespace holdfast::activities {

// Calls activity.heartbeat(details()) every second until it goes. `details` must be quick and safe
// to call from another thread; it is never called after the destructor has returned.
class ProgressBeat {
 public:
  ProgressBeat(env::Clock& clock, flow::ActivityContext& activity, std::function<Json()> details);
  ~ProgressBeat();
  ProgressBeat(const ProgressBeat&) = delete;
  ProgressBeat& operator=(const ProgressBeat&) = delete;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace holdfast::activities
