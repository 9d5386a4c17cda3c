// What an array stores less than it holds: repeated blocks once, the others compressed, snapshots
// and clones by what they changed.
#pragma once

#include "simulators/ontap/model/world.h"
#include "simulators/ontap/store/tree.h"

namespace holdfast::ontap_sim {

struct Efficiency {
  std::int64_t logical = 0;  // bytes, as if every snapshot and clone were whole
  std::int64_t physical = 0;

  std::int64_t saved() const { return std::max<std::int64_t>(0, logical - physical); }
  double ratio() const {
    return physical <= 0 ? 1.0 : static_cast<double>(logical) / static_cast<double>(physical);
  }
};

// Bytes of a volume's files that are not stored, by what is switched on in it.
struct SavedBytes {
  std::int64_t dedupe = 0;
  std::int64_t compression = 0;

  std::int64_t total() const { return dedupe + compression; }
};
// Under the world's lock; reads a sample of what changed of the files, whose usage `tree` is.
SavedBytes saved_in(const Cluster& cluster, const JsonObject& volume, const TreeUsage& tree);

// What follows from what is switched on: the state, and the type of a compression without one.
void settle_efficiency(JsonObject& volume);

struct VolumeEfficiency {
  Efficiency whole;              // with its snapshots
  Efficiency without_snapshots;  // of its files alone
  SavedBytes saved;
  TreeUsage tree;
};
// Under the world's lock.
VolumeEfficiency efficiency_of_volume(const Cluster& cluster, const JsonObject& volume);

struct AggregateEfficiency {
  Efficiency whole;
  Efficiency without_snapshots;
  Efficiency without_clones;  // and without snapshots
};
AggregateEfficiency efficiency_of_aggregate(const Cluster& cluster, std::string_view aggregate);
// {"logical_used", "ratio", "savings"}
JsonObject to_json(const Efficiency& efficiency);

}  // namespace holdfast::ontap_sim
