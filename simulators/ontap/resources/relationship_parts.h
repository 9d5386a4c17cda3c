// The parts of /snapmirror/relationships.
#pragma once

#include "simulators/ontap/resources/resources.h"
#include "simulators/ontap/snapmirror/relationship.h"

namespace holdfast::ontap_sim {

const Schema& relationship_schema();
Outcome<Answer> create_relationship(Call& call, JsonObject body);
Outcome<Answer> modify_relationship(Call& call, const JsonObject& record, JsonObject body);
Outcome<Answer> remove_relationship(Call& call, const JsonObject& record);
void add_transfer_resources(Table& table);

// 6619699 no such schedule, 6619714 an interval; puts its reference into the body.
Done settle_schedule(const Cluster& cluster, JsonObject& body);
// Under the lock: begins a transfer and has it run on the pool.
Done start_transfer(World& world, Cluster& cluster, TransferOrder order);

}  // namespace holdfast::ontap_sim
