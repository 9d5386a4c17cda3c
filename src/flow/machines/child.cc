#include "flow/machines/child.h"

#include "flow/machines/machine.h"

namespace holdfast::flow::machines {
namespace {

using enum ChildState;
using enum ChildInput;
using ChildLine = Line<ChildState, ChildInput>;

const Machine kChild("child", std::to_array<ChildLine>({
                                  {kAsked, kInitiatedEvent, kInitiated},
                                  {kAsked, kCancel, kDropped},
                                  {kInitiated, kStartedEvent, kStarted},
                                  {kInitiated, kStartFailedEvent, kClosed},
                                  {kInitiated, kCancel, kInitiated},  // a command of its own
                                  {kStarted, kClosedEvent, kClosed},
                                  {kStarted, kCancel, kStarted},
                              }));

}  // namespace

std::optional<ChildState> next(ChildState state, ChildInput input) {
  return kChild.next(state, input);
}

Coverage child_coverage() { return coverage_of(kChild); }

}  // namespace holdfast::flow::machines
