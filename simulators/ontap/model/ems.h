// EMS: the events that a cluster logs.
#pragma once

#include <string>
#include <string_view>

#include "simulators/ontap/model/world.h"

namespace holdfast::ontap_sim {

struct EmsEvent {
  std::string_view name;      // "callhome.arw.activity.seen"
  std::string_view severity;  // emergency, alert, error, notice, informational, debug
  std::string message;
  JsonObject parameters = {};  // name -> text
};
// Under the lock. The oldest go beyond 10,000 a cluster.
void add_ems(World& world, Cluster& cluster, const EmsEvent& event);

}  // namespace holdfast::ontap_sim
