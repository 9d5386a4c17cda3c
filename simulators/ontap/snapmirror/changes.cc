// What the jobs of a state change do: quiesce, break, resync, release.
#include <fmt/core.h>

#include <set>

#include "simulators/ontap/model/ems.h"
#include "simulators/ontap/snapmirror/relationship.h"
#include "simulators/ontap/store/tree.h"

namespace holdfast::ontap_sim {
namespace {

constexpr auto kPoll = std::chrono::milliseconds(10);

Done set_volume_type(World& world, Cluster& cluster, const JsonObject& row, const char* type) {
  Locked lock(world);
  for (const VolumePair& pair : pairs_of(row)) {
    if (JsonObject* volume = cluster.edit(kind::kVolume, pair.destination)) {
      (*volume)["type"] = type;
    }
  }
  return {};
}

Outcome<JsonObject> row_of(World& world, Cluster& cluster, const std::string& id) {
  Locked lock(world);
  const JsonObject* row = cluster.find(kind::kRelationship, id);
  return row == nullptr ? Outcome<JsonObject>(not_found("uuid")) : Outcome<JsonObject>(*row);
}

// Newer snapshots lose this relationship as their owner, so that a roll-back may take them away.
void forget_references(World& world, Cluster& cluster, const std::string& volume,
                       const std::string& id) {
  Locked lock(world);
  std::vector<std::string> rows;
  for (const JsonObject* one : snapshots_of(cluster, volume)) {
    rows.push_back(snapshot_row(*one));
  }
  for (const std::string& row : rows) {
    remove_owner(cluster, row, id);
  }
}

// Back to the newest common snapshot; what is newer goes, unless the relationship preserves it:
// then only the files are rewound, by the transfer that follows.
Done roll_back(World& world, Cluster& cluster, Cluster& source, const VolumePair& pair,
               const JsonObject& row) {
  std::optional<CommonSnapshot> common;
  {
    Locked lock(world);
    common = newest_common(source, cluster, pair);
  }
  if (!common) {
    return Fault(400, 13303810,
                 "No common snapshot was found: the relationship needs a new baseline.", "state");
  }
  if (flag_at(row, "preserve")) {
    return {};
  }
  forget_references(world, cluster, pair.destination, text_at(row, "uuid"));
  return restore_volume(world, cluster, pair.destination, common->destination, true);
}

// Whether another relationship of the same kind copies this volume.
bool has_other_copy(const Cluster& source, const JsonObject& row, const std::string& volume) {
  for (const auto& [id, other] : source.rows(kDestination)) {
    if (id == text_at(row, "uuid") || is_cloud(other) != is_cloud(row)) {
      continue;
    }
    for (const VolumePair& pair : pairs_of(other)) {
      if (pair.source == volume) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace

std::optional<CommonSnapshot> newest_common(const Cluster& source, const Cluster& cluster,
                                            const VolumePair& pair) {
  std::set<std::string> versions;
  for (const JsonObject* one : snapshots_of(source, pair.source)) {
    versions.insert(text_at(*one, "version_uuid"));
  }
  std::optional<CommonSnapshot> found;
  for (const JsonObject* one : snapshots_of(cluster, pair.destination)) {
    if (versions.contains(text_at(*one, "version_uuid"))) {
      found = CommonSnapshot{text_at(*one, "uuid"), text_at(*one, "name")};
    }
  }
  return found;
}

JsonObject destination_row(const JsonObject& relationship) {
  JsonObject out;
  for (const char* field : {"uuid", "source", "destination", "policy", "group_type"}) {
    copy_field(relationship, out, field);
  }
  copy_field(relationship, out, "_sim.pairs");
  return out;
}

Done quiesce(World& world, Cluster& cluster, const std::string& id) {
  {
    Locked lock(world);
    JsonObject* row = cluster.edit(kind::kRelationship, id);
    if (row == nullptr) {
      return not_found("uuid");
    }
    set(*row, "_sim.pausing", Json(true));
  }
  Done outcome = consult_source(world, cluster, id);
  while (outcome) {
    {
      Locked lock(world);
      JsonObject* row = cluster.edit(kind::kRelationship, id);
      if (row == nullptr) {
        return not_found("uuid");
      }
      if (!is_transferring(*row)) {
        (*row)["state"] = "paused";
        drop(*row, "_sim.pausing");
        return {};
      }
    }
    if (!world.wait(kPoll)) {
      outcome = Fault(500, 13303823, "The quiesce operation timed out.");
    }
  }
  Locked lock(world);
  if (JsonObject* row = cluster.edit(kind::kRelationship, id)) {
    drop(*row, "_sim.pausing");
  }
  return outcome;
}

Done break_off(World& world, Cluster& cluster, const std::string& id, const BreakOrder& order) {
  if (!order.force) {
    HF_TRY_VOID(consult_source(world, cluster, id));
  }
  HF_TRY(const JsonObject row, row_of(world, cluster, id));
  if (is_transferring(row)) {
    return bad(13303808, "Failed to break the relationship: another transfer is in progress.",
               "state");
  }
  HF_TRY_VOID(set_volume_type(world, cluster, row, "rw"));
  for (const VolumePair& pair : pairs_of(row)) {
    if (order.to_snapshot.empty()) {
      continue;
    }
    std::string snapshot;
    {
      Locked lock(world);
      const JsonObject* found = snapshot_by_name(cluster, pair.destination, order.to_snapshot);
      snapshot = found ? text_at(*found, "uuid") : "";
    }
    if (snapshot.empty()) {
      HF_TRY_VOID(set_volume_type(world, cluster, row, "dp"));
      return bad(
          13303808,
          fmt::format("Snapshot \"{}\" does not exist at the destination.", order.to_snapshot),
          "restore_to_snapshot");
    }
    forget_references(world, cluster, pair.destination, id);
    HF_TRY_VOID(restore_volume(world, cluster, pair.destination, snapshot, true));
  }
  Locked lock(world);
  if (JsonObject* now = cluster.edit(kind::kRelationship, id)) {
    (*now)["state"] = "broken_off";
    now->erase("restore_to_snapshot");
    add_ems(world, cluster,
            {"smc.snapmir.break.success",
             "notice",
             fmt::format("{} is broken off.", text_at(*now, "destination.path")),
             {{"dstpath", text_at(*now, "destination.path")}}});
  }
  return {};
}

Done resync(World& world, Cluster& cluster, const std::string& id) {
  HF_TRY_VOID(consult_source(world, cluster, id));
  HF_TRY(const JsonObject row, row_of(world, cluster, id));
  Cluster* source = source_cluster(world, row);
  if (source == nullptr || is_cloud(row)) {
    return Fault(500, 13303810, "The source of the relationship is not known here.");
  }
  for (const VolumePair& pair : pairs_of(row)) {
    HF_TRY_VOID(roll_back(world, cluster, *source, pair, row));
  }
  HF_TRY_VOID(set_volume_type(world, cluster, row, "dp"));
  TransferOrder order{.relationship = id, .transfer = {}, .type = "resync"};
  {
    Locked lock(world);
    HF_TRY(order.transfer, begin_transfer(world, cluster, id, "resync"));
    JsonObject* now = cluster.edit(kind::kRelationship, id);
    const JsonObject* policy = cluster.find(kind::kMirrorPolicy, text_at(row, "policy.uuid"));
    (*now)["state"] = policy ? active_state(*policy) : "snapmirrored";
  }
  return run_transfer(world, cluster, std::move(order));
}

void mark_protected(World& world, const JsonObject& row, Cluster& destination, bool on) {
  if (flag_at(row, "restore")) {
    return;
  }
  Cluster* source = source_cluster(world, row);
  for (const VolumePair& pair : pairs_of(row)) {
    if (JsonObject* volume = source ? source->edit(kind::kVolume, pair.source) : nullptr) {
      set(*volume, is_cloud(row) ? "_sim.to_cloud" : "_sim.protected",
          Json(on || has_other_copy(*source, row, pair.source)));
    }
    if (JsonObject* volume = destination.edit(kind::kVolume, pair.destination)) {
      if (on) {
        set(*volume, "_sim.relationship", Json(text_at(row, "uuid")));
      } else {
        drop(*volume, "_sim.relationship");
      }
    }
  }
}

Done release(World& world, Cluster& cluster, const std::string& id, const ReleaseOrder& order) {
  JsonObject row;
  {
    Locked lock(world);
    const JsonObject* found =
        order.destination ? cluster.find(kind::kRelationship, id) : cluster.find(kDestination, id);
    if (found == nullptr) {
      return not_found("uuid");
    }
    row = *found;
    if (is_transferring(row)) {
      return bad(6619715, "A transfer is in progress: abort it, or try again in a few minutes.");
    }
  }
  Cluster* source = order.destination ? source_cluster(world, row) : &cluster;
  std::vector<std::pair<Cluster*, std::string>> own;  // snapshots that only this relationship made
  {
    Locked lock(world);
    if (order.destination) {
      cluster.remove(kind::kRelationship, id);
      mark_protected(world, row, cluster, false);
    }
    if (order.source && source != nullptr) {
      source->remove(kDestination, id);
    }
  }
  for (const VolumePair& pair : pairs_of(row)) {
    if (order.destination && !pair.destination.empty()) {
      forget_references(world, cluster, pair.destination, id);
    }
    if (!order.source || source == nullptr) {
      continue;
    }
    forget_references(world, *source, pair.source, id);
    std::vector<std::string> doomed;
    {
      Locked lock(world);
      for (const JsonObject* one : snapshots_of(*source, pair.source)) {
        if (text_at(*one, "name").starts_with("snapmirror." + id + ".") && !order.keep_snapshots) {
          doomed.push_back(text_at(*one, "uuid"));
        }
      }
    }
    for (const std::string& snapshot : doomed) {
      static_cast<void>(
          delete_snapshot(world, *source, pair.source, snapshot));  // one in use stays
    }
  }
  return {};
}

void fail_interrupted_transfers(World& world, Cluster& cluster) {
  std::vector<std::string> ids;
  for (const auto& [id, row] : cluster.rows(kind::kRelationship)) {
    if (is_transferring(row) || at(row, "_sim.pausing") != nullptr) {
      ids.push_back(id);
    }
  }
  for (const std::string& id : ids) {
    JsonObject* row = cluster.edit(kind::kRelationship, id);
    drop(*row, "_sim.pausing");
    if (is_transferring(*row)) {
      (*row)["transfer"] = {{"state", "failed"},
                            {"end_time", world.now_text()},
                            {"bytes_transferred", 0},
                            {"total_duration", "PT0S"}};
    }
  }
  std::vector<std::string> transfers;
  for (const auto& [id, row] : cluster.rows(kind::kTransfer)) {
    transfers.push_back(id);
  }
  for (const std::string& id : transfers) {
    cluster.remove(kind::kTransfer, id);
  }
}

}  // namespace holdfast::ontap_sim
