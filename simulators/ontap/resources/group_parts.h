// The parts of /application/consistency-groups.
#pragma once

#include <string>
#include <vector>

#include "simulators/ontap/model/snapshot.h"
#include "simulators/ontap/resources/resources.h"
#include "simulators/ontap/snapmirror/relationship.h"

namespace holdfast::ontap_sim {

// The uuids of its volumes, those of child groups after its own.
std::vector<std::string> group_volumes(const Cluster& cluster, const std::string& group);

Outcome<Answer> restore_group(Call& call, const JsonObject& group, const JsonObject& snapshot);
Outcome<Answer> clone_group(Call& call, const JsonObject& body);
Outcome<Answer> split_group(Call& call, const JsonObject& group);
void add_group_snapshot_resources(Table& table);

// Under the lock: a start removes what a two-phase snapshot left behind.
void drop_uncommitted(World& world, Cluster& cluster);

// A snapshot of all volumes of a group under one name; a member that fails undoes the others.
// Without the lock. Fills the row of `id`, which is pending.
Done fill_group_snapshot(World& world, Cluster& cluster, const std::string& group,
                         const std::string& id);

}  // namespace holdfast::ontap_sim
