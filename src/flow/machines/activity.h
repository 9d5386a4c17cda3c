// The life of an activity as workflow code and history see it.
#pragma once

#include <optional>

#include "flow/machines/coverage.h"

namespace holdfast::flow::machines {

enum class ActivityState {
  kAsked,  // the command is not in history yet
  kScheduled,
  kStarted,
  kCancelAsked,
  kCancelRequested,
  kClosed,
  kDropped,  // cancelled before the command was sent
};
enum class ActivityInput {
  kScheduledEvent,
  kStartedEvent,
  kCompletedEvent,
  kFailedEvent,
  kTimedOutEvent,
  kCanceledEvent,
  kCancelRequestedEvent,
  kCancel,
};

std::optional<ActivityState> next(ActivityState state, ActivityInput input);
Coverage activity_coverage();

}  // namespace holdfast::flow::machines
