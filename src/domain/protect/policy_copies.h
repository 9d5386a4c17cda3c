// How many copies a policy keeps at once, held against what storage systems can keep.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "domain/protect/policy.h"

namespace holdfast::protect {

// A level that would keep more copies than there can be.
struct TooManyCopies {
  std::string pointer;   // the field of the document that makes most of them
  std::string sentence;  // how many it would keep, how many are possible, what to do
};

// Whether the schedules of the policy make more copies of a level than `most` before its retentions
// and its lock let them go: the most that are there at once when every schedule runs on time.
// `holder` begins what holds them: "an ONTAP volume holds". What is kept for ever is counted over
// ten years; runs by hand are not counted. `level` is an index of policy.levels.
std::optional<TooManyCopies> too_many_copies(const Policy& policy, size_t level, size_t most,
                                             std::string_view holder);

// The same for what is known without a resource: relationships that Holdfast makes keep so many
// copies by their policy's rule. To be asked when a document is saved, not when it is read again.
std::optional<TooManyCopies> too_many_replicas(const Policy& policy, size_t level);
Status check_copies(const Policy& policy);

}  // namespace holdfast::protect
