#include "drivers/storage/ontap/findings.h"

#include <fmt/core.h>

#include <array>

#include "drivers/storage/ontap/clones.h"
#include "drivers/storage/ontap/relations.h"
#include "drivers/storage/ontap/snapshots.h"
#include "drivers/storage/ontap/splits.h"
#include "drivers/storage/ontap/volumes.h"

namespace holdfast::storage::ontap {
namespace {

using async::Co;

void look_at_volume(const Cluster& cluster, const VolumeInfo& volume, const Known& known,
                    std::vector<Finding>& findings) {
  const std::string object = volume.svm + ":" + volume.name;
  if (is_made_by_us(volume) && !known.clone_in_use(volume.name)) {
    findings.push_back(
        {FindingKind::kLeakedClone,
         cluster.name,
         object,
         volume.is_clone
             ? fmt::format("a clone that no run uses keeps snapshot {} busy: 'holdfast system "
                           "clean {}' removes it",
                           volume.parent_snapshot, cluster.system)
             : fmt::format("a copy brought back that no run uses: 'holdfast system clean {}' "
                           "removes it",
                           cluster.system),
         {}});
  }
  if (is_unsplit(volume) && !known.is_being_recovered(cluster.uuid + "/" + volume.parent_uuid)) {
    findings.push_back(
        {FindingKind::kUnsplitVolume,
         cluster.name,
         object,
         fmt::format("the split of this recovered volume does not run (it failed, was stopped or "
                     "never began), so it is still a clone and keeps snapshot {} busy, which "
                     "retention cannot end: make room in its aggregate if that is full, then "
                     "'holdfast system clean {}' starts the split again",
                     recovered_from(volume), cluster.system),
         {volume.parent_snapshot}});
  }
}

// The snapshots of one protected volume.
Co<Status> look_at_snapshots(ClusterPtr cluster, VolumeInfo volume, const Known* known,
                             std::vector<Finding>* findings) {
  HF_CO_TRY(const auto snapshots, co_await list_snapshots({cluster, volume.uuid}, {}));
  const std::string path = volume.svm + ":" + volume.name;
  std::vector<std::string> foreign;
  std::vector<std::string> bases;
  for (const SnapshotInfo& snapshot : snapshots) {
    if (snapshot.of_snapmirror() && !snapshot.ours()) {
      if (snapshot.owners.empty() && volume.type != "dp") {  // else its relationship sees to it
        bases.insert(bases.begin(), snapshot.name);
      }
    } else if (!snapshot.ours()) {
      foreign.insert(foreign.begin(), snapshot.name);
    } else if (!known->has_point(snapshot.name)) {
      findings->push_back(
          {FindingKind::kUnknownPoint,
           cluster->name,
           path + "/" + snapshot.name,
           "Holdfast made this snapshot and the catalog does not know it: 'holdfast "
           "workflow start catalog_rebuild' takes it in",
           {snapshot.name}});
    }
  }
  if (!bases.empty()) {
    findings->push_back(
        {FindingKind::kMirrorBase, cluster->name, path,
         fmt::format("{} snapshots of SnapMirror that no relationship needs any more, the newest "
                     "{}: a mirror between this volume and another that has it too is "
                     "resynchronised from there, without copying the whole volume again; they are "
                     "left alone, so delete them on the cluster when that is not wanted",
                     bases.size(), bases.front()),
         bases});
  }
  if (!foreign.empty()) {
    findings->push_back(
        {FindingKind::kForeignSnapshots, cluster->name, path,
         fmt::format("{} snapshots that others made, the newest {}: they are left "
                     "alone, and a volume restore to an older point deletes them; "
                     "'holdfast system adopt {} {}/{}' makes one a recovery point",
                     foreign.size(), foreign.front(), cluster->system, path, foreign.front()),
         foreign});
  }
  co_return Status();
}

void look_at_relation(const Cluster& cluster, const RelationInfo& info, bool into_protected,
                      const Known& known, std::vector<Finding>& findings) {
  const Relation& relation = info.relation;
  const std::string object = relation.source + " -> " + relation.destination;
  if (into_protected) {
    findings.push_back({FindingKind::kDirectionChanged,
                        cluster.name,
                        object,
                        "a protected volume is the destination of this relationship: it has failed "
                        "over, so protect its new source, or fail back",
                        {}});
  }
  if (relation.state == "broken_off" && known.drives_relation(relation.destination)) {
    findings.push_back({FindingKind::kBrokenMirror,
                        cluster.name,
                        object,
                        "a copy of a level goes here and the relationship is broken off: the "
                        "destination serves, or could; resynchronise it when that is over",
                        {}});
  }
  if (!relation.healthy && relation.state != "broken_off") {
    findings.push_back({FindingKind::kUnhealthyRelation,
                        cluster.name,
                        object,
                        fmt::format("{}{}{}", relation.state, relation.reason.empty() ? "" : ": ",
                                    relation.reason),
                        {}});
  }
  if (!known.drives_relation(relation.destination)) {
    findings.push_back(
        {FindingKind::kForeignRelation,
         cluster.name,
         object,
         fmt::format(
             "replication by others ({}, policy {}): 'holdfast system adopt {} \"{}\"' lets "
             "a level use it",
             relation.state, relation.policy, cluster.system, object),
         {}});
  }
}

}  // namespace

std::string_view finding_name(FindingKind kind) {
  constexpr std::array<std::string_view, 9> kNames{
      "foreign_snapshots", "unknown_point",      "leaked_clone",
      "foreign_relation",  "unhealthy_relation", "direction_changed",
      "broken_mirror",     "mirror_base",        "unsplit_volume"};
  return kNames.at(static_cast<size_t>(kind));
}

Co<Result<std::vector<Finding>>> find_discrepancies(ClusterPtr cluster, Known known,
                                                    bool with_snapshots) {
  std::vector<Finding> findings;
  HF_CO_TRY(const auto volumes, co_await list_volumes(cluster, {}));
  HF_CO_TRY(const auto relations, co_await list_relations(cluster, {}));
  for (const VolumeInfo& volume : volumes) {
    look_at_volume(*cluster, volume, known, findings);
    if (with_snapshots && known.is_protected(volume_id(*cluster, volume))) {
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

Json to_json(const Finding& finding) {
  return JsonObject{{"kind", finding_name(finding.kind)},
                    {"cluster", finding.cluster},
                    {"object", finding.object},
                    {"detail", finding.detail},
                    {"names", JsonArray(finding.names.begin(), finding.names.end())}};
}

}  // namespace holdfast::storage::ontap
