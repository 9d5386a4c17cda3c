// FlexClones made by a job, for what clones several volumes at once.
#pragma once

#include <string>

#include "simulators/ontap/model/snapshot.h"

namespace holdfast::ontap_sim {

struct CloneOrder {
  std::string parent;    // uuid
  std::string snapshot;  // uuid
  std::string name;
  JsonObject svm;  // reference
};
// Reserves, copies and shows the clone; its uuid.
Outcome<std::string> make_clone(World& world, Cluster& cluster, const CloneOrder& order);
// The record of a clone, not yet among the rows.
JsonObject new_clone(World& world, const Cluster& cluster, const JsonObject& parent,
                     const JsonObject& snapshot, const NewVolume& wanted);
// The folder of a reserved volume, filled from `source` where there is one; then it is visible.
Done finish_volume(World& world, Cluster& cluster, const std::string& uuid,
                   const std::string& source);

}  // namespace holdfast::ontap_sim
