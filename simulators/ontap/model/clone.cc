#include "simulators/ontap/model/clone.h"

#include "simulators/ontap/store/subvolume.h"
#include "simulators/ontap/store/tree.h"

namespace holdfast::ontap_sim {

JsonObject new_clone(World& world, const Cluster& cluster, const JsonObject& parent,
                     const JsonObject& snapshot, const NewVolume& wanted) {
  NewVolume like = wanted;
  like.aggregate = objects_at(parent, "aggregates").front();
  like.size = int_at(parent, "size");
  JsonObject clone = new_volume(world, cluster, like);
  clone["clone"] = {{"is_flexclone", true},
                    {"parent_volume", reference(parent)},
                    {"parent_snapshot", reference(snapshot)},
                    {"parent_svm", *at(parent, "svm")},
                    {"split_initiated", false},
                    {"split_complete_percent", 0}};
  for (const char* inherited : {"snapshot_policy", "efficiency"}) {
    clone[inherited] = *at(parent, inherited);
  }
  clone[kPending] = true;
  return clone;
}

Done finish_volume(World& world, Cluster& cluster, const std::string& uuid,
                   const std::string& source) {
  std::string folder;
  {
    Locked lock(world);
    const JsonObject* volume = cluster.find(kind::kVolume, uuid);
    if (volume == nullptr) {
      return not_found("uuid");
    }
    folder = volume_folder(cluster, *volume);
  }
  HF_TRY_VOID(remove_tree(folder));
  HF_TRY_VOID(make_volume_folder(folder));
  // Before the copy, which gives the top its times last.
  HF_TRY_VOID(make_volume_folder(folder + "/" + std::string(kSnapshotFolder)));
  if (!source.empty()) {
    HF_TRY_VOID(copy_tree(source, folder));
  }
  Locked lock(world);
  if (JsonObject* volume = cluster.edit(kind::kVolume, uuid)) {
    volume->erase(kPending);
  }
  return {};
}

Outcome<std::string> make_clone(World& world, Cluster& cluster, const CloneOrder& order) {
  std::string uuid;
  std::string source;
  const std::string row = below_id(order.parent, order.snapshot);
  {
    Locked lock(world);
    const JsonObject* parent = cluster.find(kind::kVolume, order.parent);
    const JsonObject* snapshot = cluster.find(kind::kSnapshot, row);
    if (parent == nullptr || snapshot == nullptr) {
      return bad(524601, "The parent of the clone is gone.");
    }
    if (volume_by_name(cluster, text_at(order.svm, "name"), order.name) != nullptr) {
      return conflict(917526, "Volume name \"" + order.name + "\" already exists.", "name");
    }
    source = snapshot_folder(cluster, *parent, text_at(*snapshot, "name"));
    JsonObject clone =
        new_clone(world, cluster, *parent, *snapshot, {.name = order.name, .svm = order.svm});
    uuid = text_at(clone, "uuid");
    cluster.add(kind::kVolume, uuid, std::move(clone));
    add_owner(cluster, row, "volume_clone_dependent", uuid);
  }
  if (const Done made = finish_volume(world, cluster, uuid, source); !made) {
    Locked lock(world);
    cluster.remove(kind::kVolume, uuid);
    remove_owner(cluster, row, uuid);
    return made.error();
  }
  return uuid;
}

}  // namespace holdfast::ontap_sim
