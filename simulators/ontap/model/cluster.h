// One cluster as data: every object is a JSON document in the shape that the API shows, named by
// kind and id. What only this program knows of an object lies in it under "_sim".
//
// Not thread-safe by itself: World::lock() protects all clusters.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "simulators/ontap/rest/json_path.h"
#include "simulators/ontap/store/savings.h"

namespace holdfast::ontap_sim {

using Rows = std::map<std::string, JsonObject, std::less<>>;

// Kinds of objects.
namespace kind {
inline constexpr std::string_view kCluster = "cluster";  // one, id "self"
inline constexpr std::string_view kNode = "node";
inline constexpr std::string_view kSvm = "svm";
inline constexpr std::string_view kAggregate = "aggregate";
inline constexpr std::string_view kVolume = "volume";
inline constexpr std::string_view kSnapshot = "snapshot";  // id: volume uuid + "/" + uuid
inline constexpr std::string_view kJob = "job";
inline constexpr std::string_view kSchedule = "schedule";
inline constexpr std::string_view kClusterPeer = "cluster_peer";
inline constexpr std::string_view kSvmPeer = "svm_peer";
inline constexpr std::string_view kSvmPeerPermission = "svm_peer_permission";
inline constexpr std::string_view kSnapshotPolicy = "snapshot_policy";
inline constexpr std::string_view kMirrorPolicy = "snapmirror_policy";
inline constexpr std::string_view kRelationship = "relationship";
inline constexpr std::string_view kTransfer = "transfer";  // id: relationship uuid + "/" + uuid
inline constexpr std::string_view kGroup = "consistency_group";
inline constexpr std::string_view kGroupSnapshot = "group_snapshot";  // id: group + "/" + uuid
inline constexpr std::string_view kCloudTarget = "cloud_target";
inline constexpr std::string_view kEvent = "ems_event";
}  // namespace kind

class Cluster {
 public:
  std::string name;
  std::string uuid;
  std::string folder;  // volumes lie in FOLDER/<svm>/<volume>
  std::string user = "admin";
  std::string password;
  mutable Savings savings;  // what is known of the blocks of its volumes

  const Rows& rows(std::string_view kind) const;
  const JsonObject* find(std::string_view kind, std::string_view id) const;
  // For a change; the object is saved when the lock is given back. nullptr: no such object.
  JsonObject* edit(std::string_view kind, std::string_view id);
  JsonObject& add(std::string_view kind, const std::string& id, JsonObject object);
  void remove(std::string_view kind, std::string_view id);
  // The objects whose id begins with `parent` + "/".
  std::vector<const JsonObject*> below(std::string_view kind, std::string_view parent) const;
  // The first object of a kind with this text at `path`; nullptr when there is none.
  const JsonObject* find_by(std::string_view kind, std::string_view path,
                            std::string_view text) const;

  // What changed since the last call: (kind, id).
  std::set<std::pair<std::string, std::string>> take_changes();
  bool changed() const { return !changes_.empty(); }
  // Without marking it as changed: for loading.
  void load(const std::string& kind, const std::string& id, JsonObject object);

 private:
  std::map<std::string, Rows, std::less<>> tables_;
  std::set<std::pair<std::string, std::string>> changes_;
};

inline std::string below_id(std::string_view parent, std::string_view key) {
  return std::string(parent) + "/" + std::string(key);
}

// {"name": ..., "uuid": ...} of an object, as others refer to it.
JsonObject reference(const JsonObject& object);

}  // namespace holdfast::ontap_sim
