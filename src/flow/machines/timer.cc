#include "flow/machines/timer.h"

#include "flow/machines/coverage.h"
#include "flow/machines/machine.h"

namespace holdfast::flow::machines {
namespace {

using enum TimerState;
using enum TimerInput;
using TimerLine = Line<TimerState, TimerInput>;

const Machine kTimer("timer", std::to_array<TimerLine>({
                                  {kAsked, kStartedEvent, kStarted},
                                  {kAsked, kCancel, kDropped},  // the command was never sent
                                  {kStarted, kFiredEvent, kFired},
                                  {kStarted, kCancel, kCancelAsked},
                                  {kCancelAsked, kCanceledEvent, kCanceled},
                              }));

}  // namespace

std::optional<TimerState> next(TimerState state, TimerInput input) {
  return kTimer.next(state, input);
}

Coverage timer_coverage() { return coverage_of(kTimer); }

}  // namespace holdfast::flow::machines
