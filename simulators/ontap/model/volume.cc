#include "simulators/ontap/model/volume.h"

#include <fmt/core.h>

#include "simulators/ontap/rest/schema.h"
#include "simulators/ontap/store/subvolume.h"
#include "simulators/ontap/store/tree.h"

namespace holdfast::ontap_sim {
namespace {

std::string svm_name(const JsonObject& volume) { return text_at(volume, "svm.name"); }

}  // namespace

bool is_pending(const JsonObject& object) { return object.contains(kPending); }

std::string volume_folder(const Cluster& cluster, const JsonObject& volume) {
  return cluster.folder + "/" + text_at(volume, "_sim.folder");
}

std::string snapshot_folder(const Cluster& cluster, const JsonObject& volume,
                            std::string_view name) {
  return fmt::format("{}/{}/{}", volume_folder(cluster, volume), kSnapshotFolder, name);
}

std::string scratch_folder(World& world, Cluster& cluster) {
  return cluster.folder + "/.work/" + world.new_uuid();
}

JsonObject new_volume(World& world, const Cluster& cluster, const NewVolume& wanted) {
  const JsonObject* policy = cluster.find_by(kind::kSnapshotPolicy, "name", "default");
  JsonObject nas{{"security_style", "unix"},
                 {"unix_permissions", 755},
                 {"uid", 0},
                 {"gid", 0},
                 {"export_policy", {{"name", "default"}, {"id", 1}}}};
  if (!wanted.junction.empty()) {
    nas["path"] = wanted.junction;
  }
  return {
      {"uuid", world.new_uuid()},
      {"name", wanted.name},
      {"svm", wanted.svm},
      {"aggregates", JsonArray{wanted.aggregate}},
      {"type", wanted.type},
      {"style", "flexvol"},
      {"state", "online"},
      {"size", wanted.size},
      {"create_time", world.now_text()},
      {"comment", ""},
      {"language", "c.utf_8"},
      {"is_svm_root", false},
      {"nas", std::move(nas)},
      {"snapshot_policy", policy ? reference(*policy) : JsonObject{{"name", "default"}}},
      {"snapshot_locking_enabled", false},
      {"snapshot_directory_access_enabled", true},
      {"autosize",
       {{"mode", "off"},
        {"minimum", wanted.size},
        {"maximum", wanted.size * 6 / 5},
        {"grow_threshold", 85},
        {"shrink_threshold", 50}}},
      {"guarantee", {{"type", "volume"}, {"honored", true}}},
      {"efficiency",
       {{"state", "enabled"},
        {"dedupe", "background"},
        {"compression", "none"},
        {"compaction", "none"},
        {"cross_volume_dedupe", "none"},
        {"compression_type", "none"},
        {"op_state", "idle"},
        {"storage_efficiency_mode", "default"}}},
      {"clone", {{"is_flexclone", false}}},
      {"snaplock", {{"type", "non_snaplock"}}},
      {"anti_ransomware", {{"state", "disabled"}, {"attack_probability", "none"}}},
      {"tiering", {{"policy", "none"}}},
      {"encryption", {{"enabled", false}}},
      {"_sim",
       {{"folder", svm_name({{"svm", wanted.svm}}) + "/" + wanted.name}, {"reserve_percent", 5}}}};
}

Status seed_volume(World& world, Cluster& cluster, const std::string& svm,
                   const VolumeConfig& config) {
  const JsonObject* owner = cluster.find_by(kind::kSvm, "name", svm);
  NewVolume wanted;
  wanted.name = config.name;
  wanted.svm = reference(*owner);
  wanted.aggregate = reference(*cluster.find_by(kind::kAggregate, "name", "aggr1"));
  wanted.size = config.size;
  wanted.junction = config.junction.empty() ? "/" + config.name : config.junction;
  JsonObject volume = new_volume(world, cluster, wanted);
  // Nothing appears by itself in what a new simulator brings along.
  if (const JsonObject* none = cluster.find_by(kind::kSnapshotPolicy, "name", "none")) {
    volume["snapshot_policy"] = reference(*none);
  }
  HF_TRY_VOID(make_volume_folder(volume_folder(cluster, volume)));
  HF_TRY_VOID(
      make_volume_folder(volume_folder(cluster, volume) + "/" + std::string(kSnapshotFolder)));
  const std::string uuid = text_at(volume, "uuid");
  cluster.add(kind::kVolume, uuid, std::move(volume));
  return {};
}

Outcome<JsonObject> resolve_svm(const Cluster& cluster, const JsonObject& body) {
  const std::string name = text_at(body, "svm.name");
  const std::string uuid = text_at(body, "svm.uuid");
  if (name.empty() && uuid.empty()) {
    return bad(2621707,
               "No SVM was specified. Either \"svm.name\" or \"svm.uuid\" must be supplied.",
               "svm");
  }
  const JsonObject* found =
      uuid.empty() ? cluster.find_by(kind::kSvm, "name", name) : cluster.find(kind::kSvm, uuid);
  if (found == nullptr) {
    return bad(2621462, fmt::format("SVM \"{}\" does not exist.", uuid.empty() ? name : uuid),
               "svm");
  }
  if (!name.empty() && text_at(*found, "name") != name) {
    return bad(2621706,
               fmt::format("The specified \"svm.uuid\" and \"svm.name\" refer to different SVMs."),
               "svm");
  }
  return reference(*found);
}

const JsonObject* volume_by_name(const Cluster& cluster, std::string_view svm,
                                 std::string_view name) {
  for (const auto& [uuid, volume] : cluster.rows(kind::kVolume)) {
    if (text_at(volume, "name") == name && (svm.empty() || svm_name(volume) == svm)) {
      return &volume;
    }
  }
  return nullptr;
}

Outcome<const JsonObject*> resolve_volume(const Cluster& cluster, const JsonObject& named,
                                          std::string_view svm) {
  const std::string name = text_at(named, "name");
  const std::string uuid = text_at(named, "uuid");
  const JsonObject* found =
      uuid.empty() ? volume_by_name(cluster, svm, name) : cluster.find(kind::kVolume, uuid);
  if (found == nullptr || is_pending(*found)) {
    return uuid.empty()
               ? bad(524601, fmt::format("Volume \"{}\" does not exist in SVM \"{}\".", name, svm),
                     "volume.name")
               : bad(918235, fmt::format("A volume with UUID \"{}\" was not found.", uuid),
                     "volume.uuid");
  }
  if (!name.empty() && text_at(*found, "name") != name) {
    return bad(918236,
               "The specified \"volume.uuid\" and \"volume.name\" refer to different volumes.",
               "volume");
  }
  return found;
}

// What the snapshots of a volume hold beside the files: what each brought, but for the oldest,
// whose share is still in the files.
std::int64_t snapshot_bytes(const Cluster& cluster, const std::string& volume) {
  std::int64_t sum = 0;
  std::int64_t oldest = 0;
  std::int64_t oldest_serial = 0;
  for (const JsonObject* snapshot : cluster.below(kind::kSnapshot, volume)) {
    const std::int64_t delta = int_at(*snapshot, "_sim.delta");
    const std::int64_t serial = int_at(*snapshot, "_sim.serial");
    sum += delta;
    if (oldest_serial == 0 || serial < oldest_serial) {
      oldest = delta;
      oldest_serial = serial;
    }
  }
  return sum - oldest;
}

std::int64_t aggregate_size(const JsonObject& aggregate) { return int_at(aggregate, "_sim.size"); }

std::int64_t aggregate_used(const Cluster& cluster, std::string_view aggregate_uuid) {
  std::int64_t used = 0;
  for (const auto& [uuid, volume] : cluster.rows(kind::kVolume)) {
    for (const JsonObject& aggregate : objects_at(volume, "aggregates")) {
      if (text_at(aggregate, "uuid") != aggregate_uuid) {
        continue;
      }
      if (text_at(volume, "guarantee.type") == "volume" && !flag_at(volume, "clone.is_flexclone")) {
        used += int_at(volume, "size");
      } else if (!flag_at(volume, "clone.is_flexclone")) {
        const TreeUsage tree = measure_tree(volume_folder(cluster, volume));
        used +=
            tree.bytes - saved_in(cluster, volume, tree).total() + snapshot_bytes(cluster, uuid);
      }
    }
  }
  return used;
}

void add_space(const Cluster& cluster, JsonObject& volume) {
  add_space(cluster, volume, efficiency_of_volume(cluster, volume));
}

void add_space(const Cluster& cluster, JsonObject& volume, const VolumeEfficiency& measured) {
  const std::string uuid = text_at(volume, "uuid");
  const std::int64_t size = int_at(volume, "size");
  const std::int64_t percent = int_at(volume, "_sim.reserve_percent", 5);
  const std::int64_t reserve = size * percent / 100;
  const TreeUsage& tree = measured.tree;
  const std::int64_t kept = snapshot_bytes(cluster, uuid);
  const std::int64_t spill = std::max<std::int64_t>(0, kept - reserve);
  const std::int64_t logical = tree.bytes + spill;
  const std::int64_t stored = tree.bytes - measured.saved.total();
  const std::int64_t used = stored + spill;
  const std::int64_t physical = stored + kept;
  const std::int64_t total = size - reserve;
  const JsonObject space{{"size", size},
                         {"available", std::max<std::int64_t>(0, total - used)},
                         {"used", used},
                         {"percent_used", total > 0 ? used * 100 / total : 0},
                         {"physical_used", physical},
                         {"physical_used_percent", size > 0 ? physical * 100 / size : 0},
                         {"footprint", physical},
                         {"total_footprint", physical},
                         {"afs_total", total},
                         {"snapshot_spill", spill},
                         {"logical_space",
                          {{"used", logical},
                           {"used_by_afs", tree.bytes},
                           {"used_by_snapshots", kept},
                           {"used_percent", total > 0 ? logical * 100 / total : 0},
                           {"reporting", false},
                           {"enforcement", false}}},
                         {"snapshot",
                          {{"used", kept},
                           {"reserve_percent", percent},
                           {"reserve_size", reserve},
                           {"reserve_available", std::max<std::int64_t>(0, reserve - kept)},
                           {"space_used_percent", reserve > 0 ? kept * 100 / reserve : 0},
                           {"autodelete",
                            {{"enabled", false},
                             {"trigger", "volume"},
                             {"commitment", "try"},
                             {"delete_order", "oldest_first"},
                             {"defer_delete", "user_created"},
                             {"target_free_space", 20}}}}}};
  JsonObject merged = space;
  if (const Json* set_by_user = at(volume, "space"); set_by_user && set_by_user->is_object()) {
    merge(merged, set_by_user->as_object());
  }
  volume["space"] = std::move(merged);
  set(volume, "files.used", tree.files);
  set(volume, "files.maximum", std::max<std::int64_t>(size / 32768, 1000));
}

std::int64_t free_bytes(const Cluster& cluster, const JsonObject& volume) {
  return int_at(volume, "size") - measure_tree(volume_folder(cluster, volume)).bytes -
         snapshot_bytes(cluster, text_at(volume, "uuid"));
}

JsonObject mounts_of(World& world) {
  JsonObject mounts;
  for (const auto& cluster : world.clusters()) {
    for (const auto& [uuid, volume] : cluster->rows(kind::kVolume)) {
      const std::string junction = text_at(volume, "nas.path");
      if (junction.empty() || is_pending(volume) || text_at(volume, "state") != "online") {
        continue;
      }
      const std::string place = svm_name(volume) + ":" + junction;
      const std::string folder = volume_folder(*cluster, volume);
      mounts[cluster->name + "/" + place] = folder;
      if (!mounts.contains(place)) {
        mounts[place] = folder;
      }
    }
  }
  return mounts;
}

}  // namespace holdfast::ontap_sim
