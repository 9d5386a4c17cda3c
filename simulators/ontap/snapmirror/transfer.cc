// A transfer: snapshots of the source, one after the other, become snapshots of the destination.
//
// Each is built beside from the destination's newest snapshot, so that only blocks that differ are
// written and counted; the files of the destination change last. A transfer that fails or is cut
// off by a restart leaves the destination at the snapshot that it showed before.
#include <fmt/core.h>

#include <algorithm>

#include "simulators/ontap/model/ems.h"
#include "simulators/ontap/snapmirror/relationship.h"
#include "simulators/ontap/snapmirror/transfer_parts.h"
#include "simulators/ontap/store/tree.h"

namespace holdfast::ontap_sim {

bool is_transferring(const JsonObject& relationship) {
  const std::string state = text_at(relationship, "transfer.state");
  return state == "transferring" || state == "queued";
}

Outcome<std::string> begin_transfer(World& world, Cluster& cluster, const std::string& id,
                                    const std::string& type) {
  JsonObject* row = cluster.edit(kind::kRelationship, id);
  if (row == nullptr) {
    return not_found("uuid");
  }
  if (is_transferring(*row)) {
    return bad(13303812, "Another transfer is in progress.", "state");
  }
  const std::string uuid = world.new_uuid();
  (*row)["transfer"] = {{"uuid", uuid},
                        {"state", "transferring"},
                        {"type", type},
                        {"bytes_transferred", 0},
                        {"last_updated_time", world.now_text()}};
  (*row)["last_transfer_type"] = type;
  cluster.add(kind::kTransfer, below_id(id, uuid),
              {{"uuid", uuid},
               {"state", "transferring"},
               {"bytes_transferred", 0},
               {"start_time", world.now_text()},
               {"relationship",
                {{"uuid", id},
                 {"restore", flag_at(*row, "restore")},
                 {"destination", {{"path", text_at(*row, "destination.path")}}}}},
               {"_sim", {{"relationship", id}}}});
  return uuid;
}

Done consult_source(World& world, Cluster& cluster, const std::string& id) {
  std::string name;
  {
    Locked lock(world);
    const JsonObject* row = cluster.find(kind::kRelationship, id);
    name = row ? text_at(*row, "source.cluster.name") : "";
  }
  if (name.empty() || name == cluster.name || !world.faults().peek("down", name)) {
    return {};
  }
  world.wait(world.config().dead_peer_time);
  if (!world.faults().peek("down", name)) {
    return {};
  }
  return Fault(500, 262224, fmt::format("The peer cluster \"{}\" is not reachable.", name));
}

// Waits in small steps, so that an abort is seen.
Done TransferRun::pass_time(Nanoseconds time) {
  constexpr Nanoseconds kSlice = std::chrono::milliseconds(20);
  for (Nanoseconds left = time; left > Nanoseconds(0); left -= kSlice) {
    if (!world_.wait(std::min(left, kSlice))) {
      return Fault(500, 6619720, "The transfer was interrupted.");
    }
    HF_TRY_VOID(note_bytes());
  }
  return {};
}

Done TransferRun::step(std::int64_t bytes) {
  bytes_ += bytes;
  const std::int64_t rate =
      std::max<std::int64_t>(order_.throttle * 1024, world_.config().transfer_bytes_per_second);
  if (rate > 0 && bytes > 0) {
    HF_TRY_VOID(pass_time(std::chrono::milliseconds(bytes * 1000 / rate)));
  }
  return note_bytes();
}

// What has gone over so far; a fault when somebody has ended the transfer.
Done TransferRun::note_bytes() {
  Locked lock(world_);
  JsonObject* row = cluster_.edit(kind::kTransfer, below_id(order_.relationship, order_.transfer));
  if (row == nullptr || world_.stopping().stop_requested()) {
    return Fault(500, 6619720, "The transfer was interrupted.");
  }
  if (const std::string state = text_at(*row, "state"); state != "transferring") {
    return Fault(500, 6619712, "The transfer was aborted by the user.", state);
  }
  (*row)["bytes_transferred"] = bytes_;
  if (JsonObject* relation = cluster_.edit(kind::kRelationship, order_.relationship)) {
    set(*relation, "transfer.bytes_transferred", bytes_);
    set(*relation, "transfer.last_updated_time", Json(world_.now_text()));
  }
  return {};
}

Done TransferRun::take_time() { return pass_time(world_.config().transfer_time); }

// Makes `source` of the source volume a snapshot of the destination volume.
Done TransferRun::copy_snapshot(const VolumePair& pair, const JsonObject& source) {
  std::string from;
  std::string newest;
  std::string stage;
  std::string to;
  {
    Locked lock(world_);
    const JsonObject* origin = source_.find(kind::kVolume, pair.source);
    const JsonObject* target = cluster_.find(kind::kVolume, pair.destination);
    if (origin == nullptr || target == nullptr) {
      return Fault(500, 13303844, "A volume of the relationship is gone.");
    }
    from = snapshot_folder(source_, *origin, text_at(source, "name"));
    const auto have = snapshots_of(cluster_, pair.destination);
    newest = have.empty() ? "" : snapshot_folder(cluster_, *target, text_at(*have.back(), "name"));
    to = snapshot_folder(cluster_, *target, text_at(source, "name"));
    stage = scratch_folder(world_, cluster_);
  }
  if (newest.empty()) {
    HF_TRY_VOID(make_folder(stage));
  } else {
    HF_TRY_VOID(copy_tree(newest, stage));
  }
  auto written = mirror_tree(from, stage);
  Done stepped = written ? step(*written) : Done(Fault(written.error()));
  if (!stepped) {
    static_cast<void>(remove_tree(stage));
    return stepped;
  }
  HF_TRY_VOID(remove_tree(to));
  HF_TRY_VOID(make_folder(to.substr(0, to.rfind('/'))));
  HF_TRY_VOID(rename_path(stage, to));
  add_copy(pair.destination, source, *written);
  return {};
}

void TransferRun::add_copy(const std::string& volume_uuid, const JsonObject& source,
                           std::int64_t delta) {
  Locked lock(world_);
  const JsonObject* target = cluster_.find(kind::kVolume, volume_uuid);
  if (target == nullptr) {
    return;
  }
  NewSnapshot wanted{.name = text_at(source, "name"),
                     .version_uuid = text_at(source, "version_uuid"),
                     .create_time = text_at(source, "create_time")};
  copy_field(source, wanted.more, "snapmirror_label");
  copy_field(source, wanted.more, "comment");
  const JsonObject volume = *target;
  const std::string id = reserve_snapshot(world_, cluster_, volume, std::move(wanted));
  JsonObject* row = cluster_.edit(kind::kSnapshot, below_id(volume_uuid, id));
  row->erase(kPending);
  copy_field(source, *row, "size");
  copy_field(source, *row, "logical_size");
  copy_field(source, *row, "provenance_volume");
  set(*row, "_sim.delta", delta);
  lock_by_policy(*row);
}

// A rule with a period keeps what it brought: the copy is locked at the destination.
void TransferRun::lock_by_policy(JsonObject& snapshot) {
  for (const JsonObject& rule : objects_at(policy_, "retention")) {
    const auto period = parse_iso_duration(text_at(rule, "period"));
    if (period && text_at(rule, "label") == text_at(snapshot, "snapmirror_label") &&
        !text_at(rule, "label").empty()) {
      snapshot["snaplock_expiry_time"] = to_time_text(world_.now() + std::chrono::seconds(*period));
    }
  }
}

// The snapshots to send of one volume, oldest first: what the policy takes and the destination
// lacks, and `last`, which the transfer ends with.
std::vector<JsonObject> TransferRun::to_send(const VolumePair& pair, const std::string& last) {
  Locked lock(world_);
  std::set<std::string> have;
  std::string newest_time;
  for (const JsonObject* one : snapshots_of(cluster_, pair.destination)) {
    have.insert(text_at(*one, "version_uuid"));
  }
  std::vector<JsonObject> out;
  const bool first = have.empty();
  std::int64_t base_serial = 0;
  const auto all = snapshots_of(source_, pair.source);
  for (const JsonObject* one : all) {
    if (have.contains(text_at(*one, "version_uuid"))) {
      base_serial = std::max(base_serial, int_at(*one, "_sim.serial"));
    }
  }
  for (const JsonObject* one : all) {
    const bool own = text_at(*one, "name") == last;
    const bool wanted = order_.source_snapshot.empty() && policy_takes(policy_, *one) &&
                        !text_at(*one, "name").starts_with("snapmirror.");
    const bool newer = first || int_at(*one, "_sim.serial") > base_serial;
    if ((own || (wanted && newer)) && !have.contains(text_at(*one, "version_uuid"))) {
      out.push_back(*one);
    }
    if (own) {
      break;
    }
  }
  return out;
}

// The name of the snapshot that the transfer ends with, the same on every volume; it is made where
// the policy makes its own.
Outcome<std::string> TransferRun::last_snapshot() {
  if (!order_.source_snapshot.empty()) {
    return order_.source_snapshot;
  }
  if (policy_makes_snapshots(policy_) || order_.type == "initialize") {
    const bool existing = !policy_makes_snapshots(policy_) && !newest_matching().empty();
    if (!existing && !flag_at(policy_, "copy_latest_source_snapshot")) {
      return make_snapshots();
    }
  }
  return newest_matching();
}

std::string TransferRun::newest_matching() {
  Locked lock(world_);
  std::string name;
  for (const JsonObject* one : snapshots_of(source_, pairs_.front().source)) {
    if (flag_at(policy_, "copy_latest_source_snapshot") || policy_takes(policy_, *one)) {
      name = text_at(*one, "name");
    }
  }
  return name;
}

Outcome<std::string> TransferRun::make_snapshots() {
  std::string name;
  {
    Locked lock(world_);
    const JsonObject* row = cluster_.find(kind::kRelationship, order_.relationship);
    const std::int64_t number = row ? int_at(*row, "_sim.snapshots") + 1 : 1;
    name = fmt::format("snapmirror.{}.{}_{}", order_.relationship, world_.now_text().substr(0, 19),
                       number);
    std::ranges::replace(name, 'T', '_');
    std::erase(name, ':');
    if (row != nullptr) {
      set(*cluster_.edit(kind::kRelationship, order_.relationship), "_sim.snapshots", number);
    }
  }
  for (const VolumePair& pair : pairs_) {
    std::string id;
    {
      Locked lock(world_);
      const JsonObject* volume = source_.find(kind::kVolume, pair.source);
      if (volume == nullptr || text_at(*volume, "state") != "online") {
        return Fault(500, 13303844, "The source volume is not online.");
      }
      id = reserve_snapshot(world_, source_, JsonObject(*volume), {.name = name});
    }
    if (const Done filled = fill_snapshot(world_, source_, pair.source, id); !filled) {
      Locked lock(world_);
      source_.remove(kind::kSnapshot, below_id(pair.source, id));
      return filled.error();
    }
  }
  return name;
}

Done TransferRun::move_bytes(const std::string& last) {
  for (const VolumePair& pair : pairs_) {
    const auto mutex = world_.volume_lock(pair.destination);
    const std::lock_guard hold(*mutex);
    for (const JsonObject& snapshot : to_send(pair, last)) {
      HF_TRY_VOID(copy_snapshot(pair, snapshot));
    }
    std::string from;
    std::string to;
    {
      Locked lock(world_);
      const JsonObject* volume = cluster_.find(kind::kVolume, pair.destination);
      const JsonObject* newest =
          volume ? snapshot_by_name(cluster_, pair.destination, last) : nullptr;
      if (newest == nullptr) {
        continue;
      }
      from = snapshot_folder(cluster_, *volume, last);
      to = volume_folder(cluster_, *volume);
    }
    HF_TRY(const std::int64_t changed, mirror_tree(from, to));
    static_cast<void>(changed);
  }
  return {};
}

Done run_transfer(World& world, Cluster& cluster, TransferOrder order) {
  const Done reachable = consult_source(world, cluster, order.relationship);
  JsonObject row;
  JsonObject policy;
  {
    Locked lock(world);
    const JsonObject* found = cluster.find(kind::kRelationship, order.relationship);
    if (found == nullptr) {
      return not_found("uuid");
    }
    row = *found;
    if (const JsonObject* current =
            cluster.find(kind::kMirrorPolicy, text_at(row, "policy.uuid"))) {
      policy = *current;
    }
  }
  Cluster* source = source_cluster(world, row);
  TransferRun run(world, cluster, source ? *source : cluster, std::move(order), std::move(policy),
                  std::move(row));
  Done outcome = reachable;
  if (outcome) {
    outcome = run.work();
  }
  run.finish(outcome);
  return outcome;
}

}  // namespace holdfast::ontap_sim
