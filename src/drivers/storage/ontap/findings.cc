#include "drivers/storage/ontap/findings.h"

#include <fmt/core.h>

#include <array>

#include "drivers/storage/ontap/clones.h"
#include "drivers/storage/ontap/relations.h"
#include "drivers/storage/ontap/snapshots.h"
#include "drivers/storage/ontap/volumes.h"

namespace holdfast::storage::ontap {
namespace {

using async::Co;

bool is_leaked(const VolumeInfo& volume, const Known& known) {
  return volume.is_clone && volume.name.starts_with(kClonePrefix) &&
         !known.clone_in_use(volume.name);
}

// The snapshots of one protected volume.
Co<Status> look_at_snapshots(ClusterPtr cluster, VolumeInfo volume, const Known* known,
                             std::vector<Finding>* findings) {
  HF_CO_TRY(const auto snapshots, co_await list_snapshots({cluster, volume.uuid}, {}));
  const std::string path = volume.svm + ":" + volume.name;
  size_t foreign = 0;
  std::string newest;
  for (const SnapshotInfo& snapshot : snapshots) {
    if (!snapshot.ours()) {
      ++foreign;
      newest = snapshot.name;
    } else if (!known->has_point(snapshot.name)) {
      findings->push_back(
          {FindingKind::kUnknownPoint, cluster->name, path + "/" + snapshot.name,
           "Holdfast made this snapshot and the catalog does not know it: 'holdfast "
           "workflow start catalog_rebuild' takes it in"});
    }
  }
  if (foreign > 0) {
    findings->push_back({FindingKind::kForeignSnapshots, cluster->name, path,
                         fmt::format("{} snapshots that others made, the newest {}: they are left "
                                     "alone, and a volume restore to an older point deletes them",
                                     foreign, newest)});
  }
  co_return Status();
}

void look_at_relation(const Cluster& cluster, const RelationInfo& info, bool into_protected,
                      const Known& known, std::vector<Finding>& findings) {
  const Relation& relation = info.relation;
  const std::string object = relation.source + " -> " + relation.destination;
  if (into_protected) {
    findings.push_back({FindingKind::kDirectionChanged, cluster.name, object,
                        "a protected volume is the destination of this relationship: it has failed "
                        "over, so protect its new source"});
  }
  if (!relation.healthy && relation.state != "broken_off") {
    findings.push_back({FindingKind::kUnhealthyRelation, cluster.name, object,
                        fmt::format("{}{}{}", relation.state, relation.reason.empty() ? "" : ": ",
                                    relation.reason)});
  }
  if (!known.drives_relation(relation.destination)) {
    findings.push_back(
        {FindingKind::kForeignRelation, cluster.name, object,
         fmt::format("replication by others ({}, policy {}): a level of a policy can "
                     "adopt it by its destination",
                     relation.state, relation.policy)});
  }
}

}  // namespace

std::string_view finding_name(FindingKind kind) {
  constexpr std::array<std::string_view, 6> kNames{"foreign_snapshots",  "unknown_point",
                                                   "leaked_clone",       "foreign_relation",
                                                   "unhealthy_relation", "direction_changed"};
  return kNames.at(static_cast<size_t>(kind));
}

Co<Result<std::vector<Finding>>> find_discrepancies(ClusterPtr cluster, Known known) {
  std::vector<Finding> findings;
  HF_CO_TRY(const auto volumes, co_await list_volumes(cluster, {}));
  HF_CO_TRY(const auto relations, co_await list_relations(cluster, {}));
  for (const VolumeInfo& volume : volumes) {
    if (is_leaked(volume, known)) {
      findings.push_back(
          {FindingKind::kLeakedClone, cluster->name, volume.svm + ":" + volume.name,
           fmt::format("a clone that no run uses keeps snapshot {} busy", volume.parent_snapshot)});
    }
    if (known.is_protected(volume_id(*cluster, volume))) {
      HF_CO_TRY_VOID(co_await look_at_snapshots(cluster, volume, &known, &findings));
    }
  }
  for (const RelationInfo& info : relations) {
    bool into_protected = false;
    for (const VolumeInfo& volume : volumes) {
      into_protected =
          into_protected || (info.relation.destination == volume.svm + ":" + volume.name &&
                             info.relation.state != "broken_off" && !info.restores &&
                             known.is_protected(volume_id(*cluster, volume)));
    }
    look_at_relation(*cluster, info, into_protected, known, findings);
  }
  co_return findings;
}

Co<Result<int>> remove_leaked_clones(ClusterPtr cluster, Known known) {
  HF_CO_TRY(const auto volumes,
            co_await list_volumes(cluster, {{"name", std::string(kClonePrefix) + "*"}}));
  int removed = 0;
  for (const VolumeInfo& volume : volumes) {
    if (is_leaked(volume, known)) {
      HF_CO_TRY_VOID(co_await remove_clone_volume(cluster, volume));
      ++removed;
    }
  }
  co_return removed;
}

Json to_json(const Finding& finding) {
  return JsonObject{{"kind", finding_name(finding.kind)},
                    {"cluster", finding.cluster},
                    {"object", finding.object},
                    {"detail", finding.detail}};
}

}  // namespace holdfast::storage::ontap
