// What is on a cluster and should be looked at: made by others, or left behind by us.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "drivers/storage/ontap/systems.h"

namespace holdfast::storage::ontap {

enum class FindingKind {
  kForeignSnapshots,  // of a protected volume, by others: seen, never touched
  kUnknownPoint,      // a snapshot of ours that the catalog does not know
  kLeakedClone,       // a clone of ours that no run uses
  kForeignRelation,   // replication that Holdfast does not drive
  kUnhealthyRelation,
  kDirectionChanged,  // the mirror of a protected volume runs towards it: it has failed over
  kBrokenMirror,      // a mirror of ours is broken off: its destination serves, or could
  kMirrorBase,        // SnapMirror's own snapshots, which no relationship needs any more
  kUnsplitVolume,     // recovered to a new place and still a clone: its split does not run
};
std::string_view finding_name(FindingKind kind);

struct Finding {
  FindingKind kind = FindingKind::kForeignSnapshots;
  std::string cluster;
  std::string object;                // svm:volume, snapshot, relationship
  std::string detail;                // one sentence: what it is and what to do
  std::vector<std::string> names{};  // of the snapshots that it is about, newest first
};

// What the catalog knows.
struct Known {
  std::function<bool(const std::string& volume_id)> is_protected;
  std::function<bool(const std::string& point)> has_point;
  std::function<bool(const std::string& clone_volume)> clone_in_use;
  // A recovery runs that may be making a volume out of this one, and starts its split itself.
  std::function<bool(const std::string& volume_id)> is_being_recovered;
  std::function<bool(const std::string& destination)> drives_relation;  // svm:volume
};

// Changes nothing. One list of volumes and one of relationships, then the snapshots of each
// protected volume, unless they are left out.
async::Co<Result<std::vector<Finding>>> find_discrepancies(ClusterPtr cluster, Known known,
                                                           bool with_snapshots = true);

Json to_json(const Finding& finding);

}  // namespace holdfast::storage::ontap
