// What every resource does alike: list, show, and apply a write to one record or to all that a
// filter leaves.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "simulators/ontap/rest/resource.h"

namespace holdfast::ontap_sim {

// Answers the call when the path is the resource's. `known` becomes true when the path is but the
// verb is not.
std::optional<Outcome<Answer>> try_resource(Call& call, const Resource& resource,
                                            const std::string& verb,
                                            const std::vector<std::string>& segments, bool& known);
// Adds the verbs that the resource has at this path.
void add_methods(const Resource& resource, const std::vector<std::string>& segments,
                 std::set<std::string>& methods);

}  // namespace holdfast::ontap_sim
