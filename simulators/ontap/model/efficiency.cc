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

SavedBytes saved_in(const Cluster& cluster, const JsonObject& volume, const TreeUsage& tree) {
  const std::string type = text_at(volume, "efficiency.compression_type", "none");
  const Compression compression = text_at(volume, "efficiency.compression", "none") == "none"
                                      ? Compression::kNone
                                  : type == "secondary" ? Compression::kSecondary
                                                        : Compression::kAdaptive;
  const bool dedupe = text_at(volume, "efficiency.dedupe", "none") != "none";
  const SavedShares shares =
      cluster.savings.of(volume_folder(cluster, volume), dedupe, compression);
  const auto part = [&](double share) {
    return static_cast<std::int64_t>(share * static_cast<double>(tree.bytes));
  };
  return {part(shares.repeated), part(shares.compressed)};
}

void settle_efficiency(JsonObject& volume) {
  const auto on = [&](const char* what) {
    return text_at(volume, std::string("efficiency.") + what, "none") != "none";
  };
  const bool any = on("dedupe") || on("compression") || on("compaction");
  set(volume, "efficiency.state", Json(any ? "enabled" : "disabled"));
  if (on("compression") && !on("compression_type")) {
    set(volume, "efficiency.compression_type", Json("adaptive"));
  }
}

VolumeEfficiency efficiency_of_volume(const Cluster& cluster, const JsonObject& volume) {
  const TreeUsage tree = measure_tree(volume_folder(cluster, volume));
  const SavedBytes saved = saved_in(cluster, volume, tree);
  const std::int64_t stored = tree.bytes - saved.total();
  const std::string uuid = text_at(volume, "uuid");
  const auto snapshots = static_cast<std::int64_t>(snapshots_of(cluster, uuid).size());
  VolumeEfficiency found;
  found.saved = saved;
  found.tree = tree;
  found.without_snapshots = {tree.bytes, stored};
  found.whole = {tree.bytes * (1 + snapshots), stored + snapshot_bytes(cluster, uuid)};
  return found;
}

AggregateEfficiency efficiency_of_aggregate(const Cluster& cluster, std::string_view aggregate) {
  AggregateEfficiency sum;
  for (const auto& [id, volume] : cluster.rows(kind::kVolume)) {
    const auto on = objects_at(volume, "aggregates");
    const bool here = std::ranges::any_of(
        on, [&](const JsonObject& one) { return text_at(one, "uuid") == aggregate; });
    if (!here || is_pending(volume)) {
      continue;
    }
    const VolumeEfficiency one = efficiency_of_volume(cluster, volume);
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
