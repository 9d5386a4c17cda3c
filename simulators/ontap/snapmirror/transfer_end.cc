// How a transfer begins to work and how it ends: references, retention, the relationship's row.
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>

#include "simulators/ontap/model/ems.h"
#include "simulators/ontap/resources/volume_parts.h"
#include "simulators/ontap/snapmirror/transfer_parts.h"
#include "simulators/ontap/store/tree.h"

namespace holdfast::ontap_sim {

Done TransferRun::work() {
  HF_TRY_VOID(take_time());
  if (const auto rule = world_.faults().take(
          "transfer_failure", {cluster_.name, "", text_at(row_, "destination.path"), ""})) {
    return Fault(500, int_at(rule->values, "code", 13303844),
                 text_at(rule->values, "message", "The transfer failed: an internal error."));
  }
  if (flag_at(row_, "restore")) {
    return is_from_store(row_) ? from_cloud() : restore();
  }
  if (is_cloud(row_)) {
    return to_cloud();
  }
  if (pairs_.empty()) {
    return Fault(500, 13303844, "The relationship has no volumes.");
  }
  HF_TRY(const std::string last, last_snapshot());
  if (last.empty()) {
    return {};  // nothing that the policy takes: a transfer of no bytes
  }
  HF_TRY_VOID(step(0));
  HF_TRY_VOID(move_bytes(last));
  settle(last);
  return {};
}

// The new common snapshot is referred to on both sides; what was it before is free again.
void TransferRun::settle(const std::string& last) {
  for (const VolumePair& pair : pairs_) {
    settle_pair(pair, last);
    apply_retention(pair);
    drop_own_snapshots(source_, pair.source, last);
    drop_own_snapshots(cluster_, pair.destination, last);
  }
  Locked lock(world_);
  JsonObject* row = cluster_.edit(kind::kRelationship, order_.relationship);
  const JsonObject* newest = snapshot_by_name(cluster_, pairs_.front().destination, last);
  if (row != nullptr && newest != nullptr) {
    (*row)["exported_snapshot"] = last;
    set(*row, "_sim.exported_time", Json(text_at(*newest, "create_time")));
    set(*row, "_sim.base", Json(text_at(*newest, "version_uuid")));
  }
}

void TransferRun::settle_pair(const VolumePair& pair, const std::string& last) {
  Locked lock(world_);
  for (const auto& [cluster, volume] :
       {std::pair(&source_, pair.source), {&cluster_, pair.destination}}) {
    std::vector<std::pair<std::string, bool>> rows;
    for (const JsonObject* one : snapshots_of(*cluster, volume)) {
      rows.emplace_back(snapshot_row(*one), text_at(*one, "name") == last);
    }
    for (const auto& [row, is_last] : rows) {
      if (is_last) {
        add_owner(*cluster, row, "snapmirror", order_.relationship);
      } else if (const JsonObject* one = cluster->find(kind::kSnapshot, row);
                 at(*one, "_sim.holders." + order_.relationship) != nullptr) {
        remove_owner(*cluster, row, order_.relationship);
      }
    }
  }
}

// Own snapshots of the relationship but for the newest.
void TransferRun::drop_own_snapshots(Cluster& cluster, const std::string& volume,
                                     const std::string& keep) {
  std::vector<std::string> doomed;
  {
    Locked lock(world_);
    for (const JsonObject* one : snapshots_of(cluster, volume)) {
      const std::string name = text_at(*one, "name");
      if (name.starts_with("snapmirror." + order_.relationship + ".") && name != keep) {
        doomed.push_back(text_at(*one, "uuid"));
      }
    }
  }
  for (const std::string& id : doomed) {
    static_cast<void>(delete_snapshot(world_, cluster, volume, id));  // one that is in use stays
  }
}

// Keeps the newest `count` of each label at the destination.
void TransferRun::apply_retention(const VolumePair& pair) {
  for (const JsonObject& rule : objects_at(policy_, "retention")) {
    const auto keep =
        static_cast<size_t>(std::strtoul(text_at(rule, "count", "0").c_str(), nullptr, 10));
    std::vector<std::string> held;
    {
      Locked lock(world_);
      for (const JsonObject* one : snapshots_of(cluster_, pair.destination)) {
        if (text_at(*one, "snapmirror_label") == text_at(rule, "label")) {
          held.push_back(text_at(*one, "uuid"));
        }
      }
    }
    for (size_t i = 0; keep > 0 && i + keep < held.size(); ++i) {
      static_cast<void>(
          delete_snapshot(world_, cluster_, pair.destination, held[i]));  // a locked one stays
    }
  }
}

void TransferRun::finish(const Done& outcome) {
  const std::int64_t seconds =
      std::chrono::round<std::chrono::seconds>(world_.clock().mono() - started_).count();
  Locked lock(world_);
  std::string state = outcome ? "success" : "failed";
  if (const JsonObject* transfer =
          cluster_.find(kind::kTransfer, below_id(order_.relationship, order_.transfer));
      transfer && text_at(*transfer, "state") != "transferring") {
    state = text_at(*transfer, "state");  // aborted
  }
  cluster_.remove(kind::kTransfer, below_id(order_.relationship, order_.transfer));
  if (flag_at(row_, "restore") && state == "success") {
    end_restore();
    return;
  }
  JsonObject* row = cluster_.edit(kind::kRelationship, order_.relationship);
  if (row == nullptr) {
    return;
  }
  (*row)["transfer"] = {{"state", state},
                        {"type", order_.type},
                        {"bytes_transferred", bytes_},
                        {"end_time", world_.now_text()},
                        {"total_duration", to_iso_duration(std::max<std::int64_t>(1, seconds))},
                        {"last_updated_time", world_.now_text()}};
  (*row)["total_transfer_bytes"] = int_at(*row, "total_transfer_bytes") + bytes_;
  set(*row, "_sim.total_seconds",
      int_at(*row, "_sim.total_seconds") + std::max<std::int64_t>(1, seconds));
  if (outcome) {
    (*row)["healthy"] = true;
    row->erase("unhealthy_reason");
    if (order_.type == "initialize" || order_.type == "resync") {
      (*row)["state"] = active_state(policy_);
    }
  } else if (state == "failed") {
    (*row)["healthy"] = false;
    (*row)["unhealthy_reason"] = JsonArray{
        JsonObject{
            {"code", "6621444"}, {"message", "Replication failed."}, {"arguments", JsonArray()}},
        JsonObject{{"code", std::to_string(outcome.error().code)},
                   {"message", outcome.error().message},
                   {"arguments", JsonArray()}}};
    add_ems(world_, cluster_,
            {"smc.snapmir.unexpected.err",
             "error",
             fmt::format("The transfer of {} failed: {}", text_at(*row, "destination.path"),
                         outcome.error().message),
             {{"dstpath", text_at(*row, "destination.path")}, {"error", outcome.error().message}}});
  }
}

// What was restored can be written to, and the relationship that did it goes by itself; one whose
// transfer failed stays, to be tried again or deleted.
void TransferRun::end_restore() {
  for (const VolumePair& pair : pairs_) {
    if (JsonObject* volume = cluster_.edit(kind::kVolume, pair.destination)) {
      (*volume)["type"] = "rw";
    }
  }
  cluster_.remove(kind::kRelationship, order_.relationship);
}

// --- back from a secondary: one snapshot, the whole volume or some files of it
Done TransferRun::restore() {
  std::string from;
  std::string to;
  std::string to_volume = pairs_.front().destination;
  {
    Locked lock(world_);
    const JsonObject* vault = source_.find(kind::kVolume, pairs_.front().source);
    const JsonObject* target = cluster_.find(kind::kVolume, to_volume);
    if (vault == nullptr || target == nullptr) {
      return Fault(500, 13303845, "A volume of the relationship is gone.");
    }
    std::string name = order_.source_snapshot;
    const auto all = snapshots_of(source_, pairs_.front().source);
    if (name.empty() && !all.empty()) {
      name = text_at(*all.back(), "name");
    }
    if (snapshot_by_name(source_, pairs_.front().source, name) == nullptr) {
      return Fault(
          500, 13303845,
          fmt::format("Snapshot \"{}\" does not exist at the source of the restore.", name),
          "source_snapshot");
    }
    from = snapshot_folder(source_, *vault, name);
    to = volume_folder(cluster_, *target);
  }
  const auto mutex = world_.volume_lock(to_volume);
  const std::lock_guard hold(*mutex);
  if (!order_.files.empty()) {
    return restore_files(from, to);
  }
  HF_TRY(const std::int64_t written, mirror_tree(from, to));
  return step(written);
}

Done TransferRun::restore_files(const std::string& from, const std::string& to) {
  for (const JsonObject& file : order_.files) {
    const std::string path = text_at(file, "source_path");
    HF_TRY(const std::string source, path_below(from, path));
    HF_TRY(const std::string target, path_below(to, text_at(file, "destination_path", path)));
    std::error_code failure;
    if (!path_exists(source)) {
      return Fault(500, 13303845, fmt::format("\"{}\" does not exist in the snapshot.", path),
                   "files.source_path");
    }
    if (std::filesystem::is_directory(source, failure)) {
      HF_TRY(const std::int64_t written, mirror_tree(source, target));
      HF_TRY_VOID(step(written));
    } else {
      HF_TRY_VOID(copy_file_over(source, target));
      HF_TRY_VOID(step(static_cast<std::int64_t>(std::filesystem::file_size(target, failure))));
    }
  }
  return {};
}

}  // namespace holdfast::ontap_sim
