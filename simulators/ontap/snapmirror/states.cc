// The states of a relationship: every transition that a PATCH may ask for. Anything else is
// refused.
#include <fmt/core.h>

#include "simulators/ontap/snapmirror/relationship.h"

namespace holdfast::ontap_sim {
namespace {

struct Transition {
  std::string_view from;
  std::string_view to;
  Change change;
};

constexpr Transition kTransitions[] = {
    {"uninitialized", "snapmirrored", Change::kInitialize},
    {"uninitialized", "in_sync", Change::kInitialize},
    {"snapmirrored", "paused", Change::kQuiesce},
    {"in_sync", "paused", Change::kQuiesce},
    {"out_of_sync", "paused", Change::kQuiesce},
    {"paused", "snapmirrored", Change::kResume},
    {"paused", "in_sync", Change::kResume},
    {"snapmirrored", "broken_off", Change::kBreak},
    {"in_sync", "broken_off", Change::kBreak},
    {"out_of_sync", "broken_off", Change::kBreak},
    {"paused", "broken_off", Change::kBreak},
    {"broken_off", "snapmirrored", Change::kResync},
    {"broken_off", "in_sync", Change::kResync},
};

}  // namespace

Outcome<Change> transition(std::string_view from, std::string_view to) {
  for (const Transition& row : kTransitions) {
    if (row.from == from && row.to == to) {
      return row.change;
    }
  }
  return bad(13303818, fmt::format("A relationship cannot go from \"{}\" to \"{}\".", from, to),
             "state");
}

}  // namespace holdfast::ontap_sim
