// The life of a child run as the parent's code and history see it.
#pragma once

#include <optional>

#include "flow/machines/coverage.h"

namespace holdfast::flow::machines {

enum class ChildState { kAsked, kInitiated, kStarted, kClosed, kDropped };
enum class ChildInput { kInitiatedEvent, kStartedEvent, kStartFailedEvent, kClosedEvent, kCancel };

std::optional<ChildState> next(ChildState state, ChildInput input);
Coverage child_coverage();

}  // namespace holdfast::flow::machines
