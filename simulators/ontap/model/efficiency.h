// What an array stores less than it holds: repeated blocks once, snapshots and clones by what they
// changed.
#pragma once

#include "simulators/ontap/model/world.h"

namespace holdfast::ontap_sim {

struct Efficiency {
  std::int64_t logical = 0;  // bytes, as if every snapshot and clone were whole
  std::int64_t physical = 0;

  std::int64_t saved() const { return std::max<std::int64_t>(0, logical - physical); }
  double ratio() const {
    return physical <= 0 ? 1.0 : static_cast<double>(logical) / static_cast<double>(physical);
  }
};

struct VolumeEfficiency {
  Efficiency whole;              // with its snapshots
  Efficiency without_snapshots;  // of its files alone
};
// Under the world's lock; reads a sample of the files.
VolumeEfficiency efficiency_of_volume(World& world, const Cluster& cluster,
                                      const JsonObject& volume);

struct AggregateEfficiency {
  Efficiency whole;
  Efficiency without_snapshots;
  Efficiency without_clones;  // and without snapshots
};
AggregateEfficiency efficiency_of_aggregate(World& world, const Cluster& cluster,
                                            std::string_view aggregate);
// {"logical_used", "ratio", "savings"}
JsonObject to_json(const Efficiency& efficiency);

}  // namespace holdfast::ontap_sim
