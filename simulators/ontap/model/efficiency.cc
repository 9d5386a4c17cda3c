#include "simulators/ontap/model/efficiency.h"

#include <algorithm>

#include "simulators/ontap/model/snapshot.h"
#include "simulators/ontap/model/volume.h"

namespace holdfast::ontap_sim {
namespace {

void add(Efficiency& sum, const Efficiency& one) {
  sum.logical += one.logical;
  sum.physical += one.physical;
}

}  // namespace

VolumeEfficiency efficiency_of_volume(World& world, const Cluster& cluster,
                                      const JsonObject& volume) {
  const std::string folder = volume_folder(cluster, volume);
  const TreeUsage tree = measure_tree(folder);
  const double share = world.savings().share_of(folder, tree, world.clock().mono());
  const auto stored =
      tree.bytes - static_cast<std::int64_t>(share * static_cast<double>(tree.bytes));
  const std::string uuid = text_at(volume, "uuid");
  const auto snapshots = static_cast<std::int64_t>(snapshots_of(cluster, uuid).size());
  VolumeEfficiency found;
  found.without_snapshots = {tree.bytes, stored};
  found.whole = {tree.bytes * (1 + snapshots), stored + snapshot_bytes(cluster, uuid)};
  return found;
}

AggregateEfficiency efficiency_of_aggregate(World& world, const Cluster& cluster,
                                            std::string_view aggregate) {
  AggregateEfficiency sum;
  for (const auto& [id, volume] : cluster.rows(kind::kVolume)) {
    const auto on = objects_at(volume, "aggregates");
    const bool here = std::ranges::any_of(
        on, [&](const JsonObject& one) { return text_at(one, "uuid") == aggregate; });
    if (!here || is_pending(volume)) {
      continue;
    }
    const VolumeEfficiency one = efficiency_of_volume(world, cluster, volume);
    if (flag_at(volume, "clone.is_flexclone")) {  // its blocks are its parent's
      sum.whole.logical += one.whole.logical;
      sum.without_snapshots.logical += one.without_snapshots.logical;
      continue;
    }
    add(sum.whole, one.whole);
    add(sum.without_snapshots, one.without_snapshots);
    add(sum.without_clones, one.without_snapshots);
  }
  return sum;
}

JsonObject to_json(const Efficiency& efficiency) {
  return {{"logical_used", efficiency.logical},
          {"ratio", efficiency.ratio()},
          {"savings", efficiency.saved()}};
}

}  // namespace holdfast::ontap_sim
