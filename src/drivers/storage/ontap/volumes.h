// Volumes of a cluster as plain values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "drivers/storage/driver.h"
#include "drivers/storage/ontap/systems.h"

namespace holdfast::storage::ontap {

struct VolumeInfo {
  std::string uuid;
  std::string name;
  std::string svm;
  std::string svm_uuid;
  std::string type;      // rw, dp, ls
  std::string style;     // flexvol, flexgroup
  std::string state;     // online, ...
  std::string junction;  // empty: not mounted
  std::string comment;
  std::string group;  // consistency group, by uuid and name
  std::string group_name;
  std::string snapshot_policy;  // by which the cluster makes snapshots itself
  std::vector<std::string> aggregates;
  std::uint64_t size = 0;
  std::uint64_t available = 0;
  std::uint64_t used = 0;
  std::uint64_t logical_used = 0;  // before savings
  std::string efficiency_ratio;    // "3.2:1"; empty: not told
  std::string ransomware_state;
  std::string attack_probability;
  bool locking = false;  // snapshot_locking_enabled
  bool is_clone = false;
  std::string parent_uuid;
  std::string parent_snapshot;
  bool split_initiated = false;  // its split from the parent runs
  int split_percent = 0;         // how far it has come; told only while it runs
};

// The volumes that match; `filter` is added to the fields that VolumeInfo needs.
async::Co<Result<std::vector<VolumeInfo>>> list_volumes(ClusterPtr cluster, Query filter);
// kNotFound: there is none of that uuid.
async::Co<Result<VolumeInfo>> get_volume(ClusterPtr cluster, std::string uuid);

// An empty volume of type dp, as a restore fills it, of the size and on the aggregates of another,
// in its SVM. kAlreadyExists: the name is taken.
async::Co<Status> make_replica_volume(ClusterPtr cluster, VolumeInfo like, std::string name,
                                      std::string comment);
// The volume of that name ("svm:name" in words).
async::Co<Result<std::optional<VolumeInfo>>> find_volume(ClusterPtr cluster, std::string svm,
                                                         std::string name);
// Gives it a junction; an empty one takes it away.
async::Co<Status> mount_volume(ClusterPtr cluster, VolumeInfo volume, std::string junction);

// Volume::id of this driver: cluster uuid, '/', volume uuid.
std::string volume_id(const Cluster& cluster, const VolumeInfo& volume);
struct VolumeKey {
  std::string cluster;
  std::string volume;
};
Result<VolumeKey> parse_volume_id(const std::string& id);

// The volume that holds this place: the one with the longest junction at or above it.
struct Located {
  ClusterPtr cluster;
  VolumeInfo volume;
  std::string root;                       // local directory of its junction
  std::vector<std::string> junctions_in;  // of other volumes, below the place
};
// The mounted volumes of SVMs (by cluster and SVM), for whoever locates many places at once.
using VolumeLists = std::map<std::pair<std::string, std::string>, std::vector<VolumeInfo>>;
// kFailedPrecondition: no volume lies there, or one above the mount; kConflict: several clusters
// have the SVM and the mount does not say which one it is. One list of an SVM's volumes, unless it
// is in `lists`, where it is kept.
async::Co<Result<Located>> locate(Place place, VolumeLists* lists = nullptr);

}  // namespace holdfast::storage::ontap
