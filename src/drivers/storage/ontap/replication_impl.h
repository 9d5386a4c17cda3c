// SnapMirror behind the replication port: private to its files.
#pragma once

#include "drivers/storage/ontap/relations.h"
#include "drivers/storage/ontap/snapshots.h"
#include "drivers/storage/replication.h"

namespace holdfast::storage::ontap {

inline constexpr Nanoseconds kTransferDeadline = std::chrono::minutes(30);
inline constexpr Nanoseconds kStateDeadline = std::chrono::minutes(5);

inline bool is_settled(const RelationInfo& info) { return !info.transferring(); }
inline bool is_paused(const RelationInfo& info) { return info.relation.state == "paused"; }
inline bool is_broken(const RelationInfo& info) { return info.relation.state == "broken_off"; }
inline bool is_mirror(const RelationInfo& info) {
  return (info.relation.state == "snapmirrored" || info.relation.state == "in_sync") &&
         !info.transferring();
}
// The first transfer has ended, well or not.
inline bool is_initialized(const RelationInfo& info) {
  return is_mirror(info) || (!info.transferring() && (info.relation.transfer_state == "failed" ||
                                                      info.relation.transfer_state == "aborted"));
}

Error not_in_state(const RelationInfo& info, std::string_view what);
// The error of a transfer that failed or was aborted.
Status outcome_of(const RelationInfo& info, std::string_view what);

class OntapReplication final : public Replication {
 public:
  explicit OntapReplication(Systems& systems) : systems_(systems) {}

  async::Co<Result<std::vector<Relation>>> list(Volume source) override;
  async::Co<Result<Relation>> find(std::string id) override;
  async::Co<Status> put_policy(std::string cluster, ReplicationPolicy policy) override;
  async::Co<Result<Relation>> create(Volume source, RelationSpec spec) override;
  async::Co<Result<Relation>> update(std::string id, std::string snapshot) override;
  async::Co<Result<Relation>> quiesce(std::string id) override;
  async::Co<Result<Relation>> resume(std::string id) override;
  async::Co<Result<Relation>> break_off(std::string id, bool unplanned) override;
  async::Co<Result<Relation>> resync(std::string id, bool discard) override;
  async::Co<Result<Relation>> reverse(std::string id, bool discard) override;
  async::Co<Status> release(std::string id) override;
  async::Co<Status> serve(std::string id, std::string junction) override;
  async::Co<Result<std::optional<Snapshot>>> copy_of(std::string id, std::string snapshot) override;
  async::Co<Result<std::int64_t>> kept_copies(std::string id) override;
  async::Co<Status> delete_copy(std::string id, std::string snapshot) override;

 private:
  async::Co<Result<RelationInfo>> open(std::string id);
  async::Co<Result<ClusterPtr>> cluster_named(std::string name);
  async::Co<Result<std::string>> schedule_of(ClusterPtr cluster, std::string schedule);
  async::Co<Result<VolumeOn>> destination_of(RelationInfo info);
  async::Co<Result<std::optional<std::int64_t>>> rule_for_ours(RelationInfo info);
  async::Co<Status> check_carried(RelationInfo info, std::string snapshot);
  async::Co<Status> set_state(RelationInfo info, std::string state, bool force, std::string what);
  async::Co<Status> transfer(RelationInfo info, std::string what);
  async::Co<Status> abort_transfers(RelationInfo info);
  async::Co<Status> release_at(ClusterPtr source, Query which);
  async::Co<Status> release_leftovers(std::string uuid);
  async::Co<Status> take_policy_along(RelationInfo old, ClusterPtr cluster);
  async::Co<Result<RelationInfo>> make(ClusterPtr cluster, JsonObject body, std::string source,
                                       std::string destination);

  Systems& systems_;
};

}  // namespace holdfast::storage::ontap
