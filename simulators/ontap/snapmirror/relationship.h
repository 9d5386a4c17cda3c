// SnapMirror: what relationships are, their states, and what moves the bytes.
//
// A relationship is a row of the cluster that holds the destination. The source's cluster keeps a
// row of kind kDestination with the same uuid, which outlives the relationship until somebody
// releases it. Both sides' common snapshot has the owner "snapmirror" and cannot be deleted.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "simulators/ontap/model/snapshot.h"

namespace holdfast::ontap_sim {

inline constexpr std::string_view kDestination = "snapmirror_destination";

// One end of a path: "svm:vol", "svm:", "svm:/cg/name", "target:/objstore".
struct Endpoint {
  enum class Kind { kVolume, kSvm, kGroup, kObjectStore };
  Kind kind = Kind::kVolume;
  Cluster* cluster = nullptr;
  JsonObject svm;    // reference; of an object store: the target
  std::string name;  // of the volume or group
  std::string path;  // as it was written
};
// The source's SVM goes by its name at the peer or by its local alias. Under the lock. 6619546: no
// such volume; 13303848.. see the code.
Outcome<Endpoint> source_endpoint(World& world, Cluster& here, const JsonObject& body);
Outcome<Endpoint> destination_endpoint(World& world, Cluster& here, const JsonObject& body);
JsonObject endpoint_record(const Endpoint& endpoint);

// The volumes of one side, in order; a pair is (source, destination).
std::vector<std::string> endpoint_volumes(const Cluster& cluster, const Endpoint& endpoint);
struct VolumePair {
  std::string source;
  std::string destination;  // empty: an object store
};
std::vector<VolumePair> pairs_of(const JsonObject& relationship);
Cluster* source_cluster(World& world, const JsonObject& relationship);
bool is_cloud(const JsonObject& relationship);
// A restore out of an object store.
bool is_from_store(const JsonObject& relationship);

struct CommonSnapshot {
  std::string destination;  // uuid of the snapshot there
  std::string name;
};
// The newest snapshot that both volumes of a pair hold. Under the lock.
std::optional<CommonSnapshot> newest_common(const Cluster& source, const Cluster& destination,
                                            const VolumePair& pair);

// The policy by reference; an empty name means Asynchronous. 13303821: no such.
Outcome<JsonObject> mirror_policy(const Cluster& cluster, const JsonObject& body);
// What the policy asks of a snapshot: a rule with its label, or any.
bool policy_takes(const JsonObject& policy, const JsonObject& snapshot);
bool policy_makes_snapshots(const JsonObject& policy);
std::string active_state(const JsonObject& policy);  // snapmirrored or in_sync

// --- states (states.cc)
enum class Change { kInitialize, kQuiesce, kResume, kBreak, kResync };
// The transition that a PATCH of `state` asks for; 13303818 when there is none.
Outcome<Change> transition(std::string_view from, std::string_view to);

// --- transfers (transfer.cc). From the pool or a job, without the lock.
struct TransferOrder {
  std::string relationship;
  std::string transfer;  // uuid of its row
  std::string type;      // initialize, update, resync, restore
  std::string source_snapshot = {};
  std::vector<JsonObject> files = {};  // of a restore: source_path, destination_path
  std::int64_t throttle = 0;           // KB a second; 0: none
};
// Under the lock: makes the transfer's row and marks the relationship; 13303812 one runs already.
Outcome<std::string> begin_transfer(World& world, Cluster& cluster, const std::string& relationship,
                                    const std::string& type);
// Runs it to its end and writes the outcome into the relationship.
Done run_transfer(World& world, Cluster& cluster, TransferOrder order);
bool is_transferring(const JsonObject& relationship);
// 262224 after Config::dead_peer_time when the source's cluster is dead.
Done consult_source(World& world, Cluster& cluster, const std::string& relationship);

// --- what a job does (changes.cc)
struct BreakOrder {
  bool force = false;
  std::string to_snapshot;
};
Done quiesce(World& world, Cluster& cluster, const std::string& relationship);
Done break_off(World& world, Cluster& cluster, const std::string& relationship,
               const BreakOrder& order);
Done resync(World& world, Cluster& cluster, const std::string& relationship);
// Ends the relationship, or a side of it.
struct ReleaseOrder {
  bool destination = true;  // the row at the destination
  bool source = true;       // the row at the source
  bool keep_snapshots = false;
};
Done release(World& world, Cluster& cluster, const std::string& relationship,
             const ReleaseOrder& order);
// Transfers that a restart interrupted have failed.
void fail_interrupted_transfers(World& world, Cluster& cluster);

// What the source's cluster keeps of a relationship.
JsonObject destination_row(const JsonObject& relationship);
// Marks both volumes of every pair as protected, or no longer. Under the lock.
void mark_protected(World& world, const JsonObject& relationship, Cluster& destination, bool on);

// --- object stores (cloud.cc)
// Writes a snapshot as objects; gives the bytes that were not there before.
Outcome<std::int64_t> send_to_store(const std::string& from, const std::string& store,
                                    const std::string& object);
// Brings a snapshot back from its objects.
Done fetch_from_store(const std::string& store, const std::string& object, const std::string& to);
std::string store_folder(const Cluster& cluster, const JsonObject& target);

}  // namespace holdfast::ontap_sim
