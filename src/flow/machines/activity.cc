#include "flow/machines/activity.h"

#include "flow/machines/machine.h"

namespace holdfast::flow::machines {
namespace {

using enum ActivityState;
using enum ActivityInput;
using ActivityLine = Line<ActivityState, ActivityInput>;

const Machine kActivity("activity", std::to_array<ActivityLine>({
                                        {kAsked, kScheduledEvent, kScheduled},
                                        {kAsked, kCancel, kDropped},
                                        {kScheduled, kStartedEvent, kStarted},
                                        {kScheduled, kFailedEvent, kClosed},
                                        {kScheduled, kTimedOutEvent, kClosed},
                                        {kScheduled, kCancel, kCancelAsked},
                                        {kStarted, kCompletedEvent, kClosed},
                                        {kStarted, kFailedEvent, kClosed},
                                        {kStarted, kTimedOutEvent, kClosed},
                                        {kStarted, kCancel, kCancelAsked},
                                        {kCancelAsked, kCancelRequestedEvent, kCancelRequested},
                                        {kCancelAsked, kCancel, kCancelAsked},
                                        {kCancelRequested, kStartedEvent, kCancelRequested},
                                        {kCancelRequested, kCompletedEvent, kClosed},
                                        {kCancelRequested, kFailedEvent, kClosed},
                                        {kCancelRequested, kTimedOutEvent, kClosed},
                                        {kCancelRequested, kCanceledEvent, kClosed},
                                        {kCancelRequested, kCancel, kCancelRequested},
                                    }));

}  // namespace

std::optional<ActivityState> next(ActivityState state, ActivityInput input) {
  return kActivity.next(state, input);
}

Coverage activity_coverage() { return coverage_of(kActivity); }

}  // namespace holdfast::flow::machines
