// The port to replication that a storage system does by itself (ONTAP: SnapMirror).
//
// A relation lives at its destination and is changed there; its id names destination and relation.
// Verbs wait until the relation has reached the state; what takes longer than the deadline is
// kDeadlineExceeded (transient), and the same call goes on with it. All are harmless to repeat.
// Methods may be called from any thread; the port outlives the coroutines.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "drivers/storage/driver.h"

namespace holdfast::storage {

struct Relation {
  std::string id;
  std::string source;  // svm:volume, svm:/cg/group
  std::string source_cluster;
  std::string destination;  // also store:/objstore
  std::string destination_cluster;
  std::string policy;
  std::string state;  // uninitialized, snapmirrored, paused, broken_off, in_sync, ...
  bool healthy = false;
  std::string reason;              // why it is not healthy
  std::optional<Nanoseconds> lag;  // age of the newest state that the destination has
  std::string exported_snapshot;
  std::string transfer_state;  // of the running or last one
  std::uint64_t transferred_bytes = 0;
};

// Of the points of one volume that a rule which Holdfast makes keeps at the destination; the oldest
// goes with the next transfer beyond it. ONTAP before 9.4 took 251 for all rules of a policy.
inline constexpr int kMostReplicas = 250;

// Which snapshots go to the destination, and how many of them stay there.
struct ReplicationRule {
  std::string label;
  int count = 1;
  std::string period;  // ISO 8601; kept and locked that long at the destination; empty: not locked
};
struct ReplicationPolicy {
  std::string name;
  std::vector<ReplicationRule> rules;
  // The rules' snapshots are all that is carried: the system makes none of its own, which would be
  // newer than each of ours and keep the source from going back to one. Only for a new policy.
  bool only_labelled = false;
};

struct RelationSpec {
  std::string destination;          // svm:volume, or store:/objstore
  std::string destination_cluster;  // name or uuid; empty: the volume's own
  std::string policy;               // empty: the system's default
  // A schedule of the destination's cluster by its name, or a cron text of five fields, which is
  // made there; empty: transfers only when asked for.
  std::string schedule;
  bool make_destination = true;  // false: an empty replica volume is there already
  bool locking = false;          // the new destination can lock its snapshots
};

class Replication {
 public:
  virtual ~Replication() = default;

  // The relations that begin at this volume, as far as their destinations are known systems.
  virtual async::Co<Result<std::vector<Relation>>> list(Volume source) = 0;
  virtual async::Co<Result<Relation>> find(std::string id) = 0;

  // Makes the policy on a cluster, or changes the rules of the one of this name.
  virtual async::Co<Status> put_policy(std::string cluster, ReplicationPolicy policy) = 0;
  // Makes the relation and carries the first state over. kConflict: another source has the
  // destination.
  virtual async::Co<Result<Relation>> create(Volume source, RelationSpec spec) = 0;
  // Carries over what the policy names; with `snapshot`, that one is at the destination afterwards.
  // kFailedPrecondition: the policy does not carry it, or the state is no mirror.
  virtual async::Co<Result<Relation>> update(std::string id, std::string snapshot) = 0;
  virtual async::Co<Result<Relation>> quiesce(std::string id) = 0;
  virtual async::Co<Result<Relation>> resume(std::string id) = 0;
  // Makes the destination writable. `unplanned`: the source may be dead, so running transfers are
  // thrown away and refusals overridden; never waits for the peer. Answers the relation as it was
  // before, whose lag is what is lost.
  virtual async::Co<Result<Relation>> break_off(std::string id, bool unplanned) = 0;
  // Makes a broken mirror a mirror again: what the destination got since is lost. Without
  // `discard_destination_changes` it is kFailedPrecondition.
  virtual async::Co<Result<Relation>> resync(std::string id, bool discard_destination_changes) = 0;
  // The relation the other way round, brought up to date: what the old source has and the
  // destination has not is lost there. Answers the new relation; the old one stays, broken.
  virtual async::Co<Result<Relation>> reverse(std::string id, bool discard_source_changes) = 0;
  // Ends the relation on both sides; volumes stay, and snapshots but those that the relation alone
  // made at its source. kUnavailable: gone at the destination, and the source did not answer.
  virtual async::Co<Status> release(std::string id) = 0;
  // Gives the destination volume a junction, so that clients can mount it.
  virtual async::Co<Status> serve(std::string id, std::string junction) = 0;

  // The copy of a snapshot at the destination; nothing when it is not there.
  virtual async::Co<Result<std::optional<Snapshot>>> copy_of(std::string id,
                                                             std::string snapshot) = 0;
  // How many of our copies the relation's own policy keeps at the destination, the newest ones; 0:
  // it does not say.
  virtual async::Co<Result<std::int64_t>> kept_copies(std::string id) = 0;
  // Success too when there is none. kFailedPrecondition: it is locked.
  virtual async::Co<Status> delete_copy(std::string id, std::string snapshot) = 0;
};

}  // namespace holdfast::storage
