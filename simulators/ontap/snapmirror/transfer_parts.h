// One running transfer; of this folder only.
#pragma once

#include <string>
#include <vector>

#include "simulators/ontap/rest/schema.h"
#include "simulators/ontap/snapmirror/relationship.h"

namespace holdfast::ontap_sim {

class TransferRun {
 public:
  TransferRun(World& world, Cluster& cluster, Cluster& source, TransferOrder order,
              JsonObject policy, JsonObject row)
      : world_(world),
        cluster_(cluster),
        source_(source),
        order_(std::move(order)),
        policy_(std::move(policy)),
        row_(std::move(row)),
        pairs_(pairs_of(row_)),
        started_(world.clock().mono()) {}

  Done work();
  // Writes how it ended into the relationship, and drops the transfer's row.
  void finish(const Done& outcome);

 private:
  Done step(std::int64_t bytes);
  Done note_bytes();
  Done pass_time(Nanoseconds time);
  Done take_time();
  // Of a mirror.
  Outcome<std::string> last_snapshot();
  std::string newest_matching();
  Outcome<std::string> make_snapshots();
  std::vector<JsonObject> to_send(const VolumePair& pair, const std::string& last);
  Done copy_snapshot(const VolumePair& pair, const JsonObject& source);
  void add_copy(const std::string& volume, const JsonObject& source, std::int64_t delta);
  void lock_by_policy(JsonObject& snapshot);
  Done move_bytes(const std::string& last);
  // Of a relationship with restore: true.
  Done restore();
  Done restore_files(const std::string& from, const std::string& to);
  void end_restore();
  // Of one with an object store at an end.
  Done to_cloud();
  Done from_cloud();
  // After it went well: who refers to what, and what is kept.
  void settle(const std::string& last);
  void settle_pair(const VolumePair& pair, const std::string& last);
  void apply_retention(const VolumePair& pair);
  void drop_own_snapshots(Cluster& cluster, const std::string& volume, const std::string& keep);

  World& world_;
  Cluster& cluster_;
  Cluster& source_;
  TransferOrder order_;
  JsonObject policy_;
  JsonObject row_;
  std::vector<VolumePair> pairs_;
  MonoTime started_;
  std::int64_t bytes_ = 0;
};

}  // namespace holdfast::ontap_sim
