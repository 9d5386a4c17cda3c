// Consistency groups: restore to a snapshot, clone, split of a clone.
#include <fmt/core.h>

#include "simulators/ontap/model/clone.h"
#include "simulators/ontap/resources/group_parts.h"
#include "simulators/ontap/resources/volume_parts.h"

namespace holdfast::ontap_sim {
namespace {

const JsonObject* find_snapshot(const Cluster& cluster, const std::string& group,
                                const JsonObject& named) {
  for (const JsonObject* row : cluster.below(kind::kGroupSnapshot, group)) {
    const std::string uuid = text_at(named, "uuid");
    if (uuid.empty() ? text_at(*row, "name") == text_at(named, "name")
                     : text_at(*row, "uuid") == uuid) {
      return row;
    }
  }
  return nullptr;
}

struct GroupClone {
  std::string group;
  std::vector<CloneOrder> volumes;
  bool split = false;
};

// Clones volume after volume; the group is shown once all are there.
Done make_group_clone(JobRun& run, const GroupClone& order) {
  std::vector<std::string> made;
  for (const CloneOrder& one : order.volumes) {
    HF_TRY(std::string uuid, make_clone(run.world(), run.cluster(), one));
    if (order.split) {
      HF_TRY_VOID(split_clone(run, uuid));
    }
    made.push_back(std::move(uuid));
  }
  Locked lock(run.world());
  JsonObject* row = run.cluster().edit(kind::kGroup, order.group);
  if (row == nullptr) {
    return not_found("uuid");
  }
  JsonArray members;
  for (const std::string& uuid : made) {
    JsonObject* volume = run.cluster().edit(kind::kVolume, uuid);
    (*volume)["consistency_group"] = reference(*row);
    members.emplace_back(reference(*volume));
  }
  (*row)["volumes"] = std::move(members);
  row->erase(kPending);
  return {};
}

const JsonObject* find_group(const Cluster& cluster, const JsonObject& named) {
  const std::string uuid = text_at(named, "uuid");
  return uuid.empty() ? cluster.find_by(kind::kGroup, "name", text_at(named, "name"))
                      : cluster.find(kind::kGroup, uuid);
}

}  // namespace

Outcome<Answer> restore_group(Call& call, const JsonObject& group, const JsonObject& named) {
  const JsonObject* found = find_snapshot(call.cluster, text_at(group, "uuid"), named);
  if (found == nullptr) {
    return Fault(404, 4, "The snapshot of the consistency group does not exist.",
                 "restore_to.snapshot");
  }
  JobSpec spec;
  spec.description = describe_call(call);
  spec.work = [members = objects_at(*found, "snapshot_volumes"),
               group = text_at(group, "uuid")](JobRun& run) -> Done {
    // No roll-back: volumes that are restored already stay so, and the call is made again.
    for (const JsonObject& one : members) {
      HF_TRY_VOID(restore_volume(run.world(), run.cluster(), text_at(one, "volume.uuid"),
                                 text_at(one, "snapshot.uuid"), false));
    }
    Locked lock(run.world());
    std::vector<std::string> gone;  // newer ones lost all their members
    for (const JsonObject* row : run.cluster().below(kind::kGroupSnapshot, group)) {
      const auto volumes = objects_at(*row, "snapshot_volumes");
      const bool empty = std::ranges::none_of(volumes, [&](const JsonObject& one) {
        return run.cluster().find(
                   kind::kSnapshot,
                   below_id(text_at(one, "volume.uuid"), text_at(one, "snapshot.uuid"))) != nullptr;
      });
      if (empty && !volumes.empty()) {
        gone.push_back(below_id(group, text_at(*row, "uuid")));
      }
    }
    for (const std::string& row : gone) {
      run.cluster().remove(kind::kGroupSnapshot, row);
    }
    return {};
  };
  return by_job(start_job(call.world, call.cluster, std::move(spec)));
}

Outcome<Answer> clone_group(Call& call, const JsonObject& body) {
  const JsonObject clone =
      body.at("clone").is_object() ? body.at("clone").as_object() : JsonObject();
  const Json* parent_named = at(clone, "parent_consistency_group");
  const JsonObject* parent = parent_named && parent_named->is_object()
                                 ? find_group(call.cluster, parent_named->as_object())
                                 : nullptr;
  if (parent == nullptr) {
    return bad(53411844, "The parent consistency group was not found.",
               "clone.parent_consistency_group");
  }
  const Json* named = at(clone, "parent_snapshot");
  const JsonObject* snapshot =
      named && named->is_object()
          ? find_snapshot(call.cluster, text_at(*parent, "uuid"), named->as_object())
          : nullptr;
  if (snapshot == nullptr) {
    return bad(53411845, "\"clone.parent_snapshot\" names a snapshot of the parent group.",
               "clone.parent_snapshot");
  }
  const std::string name = text_at(body, "name");
  if (name.empty() || call.cluster.find_by(kind::kGroup, "name", name) != nullptr) {
    return conflict(53411852, "A clone has a name of its own.", "name");
  }
  const std::string prefix = text_at(clone, "volume.prefix");
  const std::string suffix = text_at(clone, "volume.suffix", prefix.empty() ? "_" + name : "");
  GroupClone order{
      .group = call.world.new_uuid(), .volumes = {}, .split = flag_at(clone, "split_initiated")};
  const JsonObject svm = *at(*parent, "svm")->if_object();
  for (const JsonObject& one : objects_at(*snapshot, "snapshot_volumes")) {
    order.volumes.push_back({text_at(one, "volume.uuid"), text_at(one, "snapshot.uuid"),
                             prefix + text_at(one, "volume.name") + suffix, svm});
  }
  call.cluster.add(kind::kGroup, order.group,
                   {{"uuid", order.group},
                    {"name", name},
                    {"svm", svm},
                    {kPending, true},
                    {"_sim", {{"created", call.world.now_text()}}},
                    {"clone",
                     {{"is_flexclone", true},
                      {"parent_consistency_group", reference(*parent)},
                      {"parent_snapshot", reference(*snapshot)}}}});
  JobSpec spec;
  spec.description = describe_call(call, order.group);
  spec.svm = svm;
  spec.undo = [&cluster = call.cluster, uuid = order.group] { cluster.remove(kind::kGroup, uuid); };
  const std::string uuid = order.group;
  spec.work = [order](JobRun& run) { return make_group_clone(run, order); };
  return by_job(start_job(call.world, call.cluster, std::move(spec)), uuid,
                {{"uuid", uuid}, {"name", name}});
}

Outcome<Answer> split_group(Call& call, const JsonObject& group) {
  const auto volumes = group_volumes(call.cluster, text_at(group, "uuid"));
  for (const std::string& id : volumes) {
    if (!flag_at(*call.cluster.find(kind::kVolume, id), "clone.is_flexclone")) {
      return bad(53412056, "The consistency group is not a FlexClone.", "clone.split_initiated");
    }
  }
  JobSpec spec;
  spec.description = describe_call(call);
  spec.work = [volumes, group = text_at(group, "uuid")](JobRun& run) -> Done {
    for (const std::string& id : volumes) {
      HF_TRY_VOID(split_clone(run, id));
    }
    Locked lock(run.world());
    if (JsonObject* row = run.cluster().edit(kind::kGroup, group)) {
      row->erase("clone");
    }
    return {};
  };
  return by_job(start_job(call.world, call.cluster, std::move(spec)));
}

}  // namespace holdfast::ontap_sim
