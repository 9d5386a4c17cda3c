// Volumes and their snapshots as data and as folders: what several endpoints do with them.
//
// A volume's files lie in <cluster folder>/<svm>/<volume>, its snapshots in .snapshot/<name> below.
// A row with "_sim_pending" is reserved by a job that has not ended; no listing shows it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "simulators/ontap/model/efficiency.h"
#include "simulators/ontap/model/job.h"

namespace holdfast::ontap_sim {

inline constexpr std::string_view kPending = "_sim_pending";
inline constexpr size_t kSnapshotsMax = 1023;  // per volume
inline constexpr std::int64_t kSmallestVolume = std::int64_t{20} << 20;

bool is_pending(const JsonObject& object);
// Folders are asked for under the world's lock.
std::string volume_folder(const Cluster& cluster, const JsonObject& volume);
std::string snapshot_folder(const Cluster& cluster, const JsonObject& volume,
                            std::string_view name);
// A folder for something half made; cleared at start.
std::string scratch_folder(World& world, Cluster& cluster);

// A new volume's record with every default, not yet among the rows.
struct NewVolume {
  std::string name = {};
  JsonObject svm = {};        // name, uuid
  JsonObject aggregate = {};  // name, uuid
  std::int64_t size = kSmallestVolume;
  std::string junction = {};  // empty: none
  std::string type = "rw";
};
JsonObject new_volume(World& world, const Cluster& cluster, const NewVolume& wanted);
Status seed_volume(World& world, Cluster& cluster, const std::string& svm,
                   const VolumeConfig& config);

// The SVM that a body names ("svm": {"name"|"uuid"}), or the header X-Dot-SVM-Name. Codes 2621707
// none given, 2621462 no such, 2621706 name and uuid disagree.
Outcome<JsonObject> resolve_svm(const Cluster& cluster, const JsonObject& body);
// The volume that `named` ({"name"|"uuid"}) means in this SVM (any, when it is empty). 917505.. see
// the code; nullptr never.
Outcome<const JsonObject*> resolve_volume(const Cluster& cluster, const JsonObject& named,
                                          std::string_view svm_name);
const JsonObject* volume_by_name(const Cluster& cluster, std::string_view svm,
                                 std::string_view name);

// Bytes that the volumes of an aggregate take.
std::int64_t aggregate_used(const Cluster& cluster, std::string_view aggregate_uuid);
std::int64_t aggregate_size(const JsonObject& aggregate);
// What the snapshots of a volume hold beside its files.
std::int64_t snapshot_bytes(const Cluster& cluster, const std::string& volume);
// Fills space.* and files.* from what was measured: efficiency_of_volume().
void add_space(const Cluster& cluster, JsonObject& volume, const VolumeEfficiency& measured);
void add_space(const Cluster& cluster, JsonObject& volume);  // measures it
// Bytes of a volume that nobody has written: size less files and snapshots.
std::int64_t free_bytes(const Cluster& cluster, const JsonObject& volume);

// Where each mounted volume lies: "svm:/junction" and "cluster/svm:/junction" -> folder. The short
// form belongs to the first cluster with an SVM of that name.
JsonObject mounts_of(World& world);

}  // namespace holdfast::ontap_sim
