// The life of a timer as workflow code and history see it.
#pragma once

#include <optional>

#include "flow/machines/coverage.h"

namespace holdfast::flow::machines {

enum class TimerState { kAsked, kStarted, kFired, kCancelAsked, kCanceled, kDropped };
enum class TimerInput { kStartedEvent, kFiredEvent, kCanceledEvent, kCancel };

std::optional<TimerState> next(TimerState state, TimerInput input);

Coverage timer_coverage();

}  // namespace holdfast::flow::machines
