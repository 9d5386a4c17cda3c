// /application/consistency-groups: volumes that are snapshotted, restored and cloned together.
#include <fmt/core.h>

#include "simulators/ontap/model/clone.h"
#include "simulators/ontap/resources/group_parts.h"
#include "simulators/ontap/resources/volume_parts.h"

namespace holdfast::ontap_sim {
namespace {

using enum FieldType;

constexpr size_t kChildrenMax = 5;
constexpr std::string_view kOptions[] = {"force"};

const Schema kSchema{{"uuid", kText, kIdentity},
                     {"name", kText, kIdentity | kSet},
                     {"svm.name", kText, kIdentity | kCreate},
                     {"svm.uuid", kText, kIdentity | kCreate},
                     {"volumes", kObjects, kSet | kCostly},
                     {"volumes.name", kText, kSet | kCostly},
                     {"volumes.uuid", kText, kSet | kCostly},
                     {"volumes.provisioning_options", kAny, kSet | kCostly},
                     {"volumes.space", kAny, kSet | kCostly},
                     {"volumes.nas", kAny, kSet | kCostly},
                     {"volumes.snapshot_policy", kAny, kSet | kCostly},
                     {"volumes.comment", kText, kSet | kCostly},
                     {"volumes.type", kText, kSet | kCostly},
                     {"consistency_groups", kObjects, kSet | kCostly},
                     {"consistency_groups.name", kText, kSet | kCostly},
                     {"consistency_groups.uuid", kText, kSet | kCostly},
                     {"consistency_groups.volumes", kAny, kSet | kCostly},
                     {"consistency_groups.application", kAny, kSet | kCostly},
                     {"consistency_groups.provisioning_options", kAny, kSet | kCostly},
                     {"consistency_groups.snapshot_policy", kAny, kSet | kCostly},
                     {"parent_consistency_group.name", kText},
                     {"parent_consistency_group.uuid", kText},
                     {"snapshot_policy.name", kText, kSet},
                     {"snapshot_policy.uuid", kText, kSet},
                     {"application.type", kText, kSet},
                     {"application.component_type", kText, kSet},
                     {"replicated", kFlag},
                     {"replication_relationships", kObjects},
                     {"replication_relationships.uuid", kText},
                     {"replication_relationships.is_source", kFlag},
                     {"space.size", kSize, kSet},
                     {"space.used", kSize},
                     {"space.available", kSize},
                     {"snaplock", kAny},
                     {"tiering.policy", kText, kSet},
                     {"qos.policy.name", kText, kSet},
                     {"provisioning_options", kAny, kSet},
                     {"clone", kAny, kSet},
                     {"restore_to.snapshot.name", kText, kModify | kSecret},
                     {"restore_to.snapshot.uuid", kText, kModify | kSecret},
                     {"metric", kAny, kCostly},
                     {"statistics", kAny, kCostly}};

void decorate(Call& call, JsonObject& record, const Selection& selection) {
  const std::string uuid = text_at(record, "uuid");
  std::int64_t size = 0;
  std::int64_t used = 0;
  for (const std::string& id : group_volumes(call.cluster, uuid)) {
    JsonObject volume = *call.cluster.find(kind::kVolume, id);
    size += int_at(volume, "size");
    if (selection.wants("space")) {
      add_space(call.cluster, volume);
      used += int_at(volume, "space.used");
    }
  }
  if (selection.wants("space")) {
    record["space"] = {
        {"size", size}, {"used", used}, {"available", std::max<std::int64_t>(0, size - used)}};
  }
  JsonArray relations;
  for (const std::string_view kind : {kind::kRelationship, kDestination}) {
    for (const auto& [id, row] : call.cluster.rows(kind)) {
      const std::string side = kind == kDestination ? "source" : "destination";
      if (text_at(row, side + ".path") ==
          text_at(record, "svm.name") + ":/cg/" + text_at(record, "name")) {
        relations.push_back({{"uuid", id}, {"is_source", kind == kDestination}});
      }
    }
  }
  record["replicated"] = !relations.empty();
  if (!relations.empty()) {
    record["replication_relationships"] = std::move(relations);
  }
  JsonArray children;
  for (const auto& [id, child] : call.cluster.rows(kind::kGroup)) {
    if (text_at(child, "parent_consistency_group.uuid") == uuid) {
      JsonObject one = reference(child);
      copy_field(child, one, "volumes");
      children.emplace_back(std::move(one));
    }
  }
  if (!children.empty()) {
    record["consistency_groups"] = std::move(children);
  }
}

// One volume that a body adds: it exists (add), or is made here (create).
Outcome<std::string> take_in(Call& call, const JsonObject& svm, const JsonObject& wanted) {
  const std::string name = text_at(wanted, "name");
  const std::string action =
      text_at(wanted, "provisioning_options.action", at(wanted, "uuid") ? "add" : "create");
  if (action == "create") {
    if (volume_by_name(call.cluster, text_at(svm, "name"), name) != nullptr) {
      return conflict(
          917526, fmt::format("Volume name \"{}\" already exists: use the action \"add\".", name),
          "volumes.name");
    }
    NewVolume made{.name = name, .svm = svm};
    made.aggregate = reference(*call.cluster.find_by(kind::kAggregate, "name", "aggr1"));
    made.size = int_at(wanted, "space.size", kSmallestVolume);
    made.junction = text_at(wanted, "nas.path");
    if (made.size < kSmallestVolume) {
      return bad(917534, "The size of the volume is too small.", "volumes.space.size");
    }
    HF_TRY_VOID(check_junction(call.cluster, svm, "", made.junction));
    JsonObject volume = new_volume(call.world, call.cluster, made);
    volume[kPending] = true;
    const std::string uuid = text_at(volume, "uuid");
    call.cluster.add(kind::kVolume, uuid, std::move(volume));
    return uuid;
  }
  const std::string uuid_given = text_at(wanted, "uuid");
  const JsonObject* found = uuid_given.empty()
                                ? volume_by_name(call.cluster, text_at(svm, "name"), name)
                                : call.cluster.find(kind::kVolume, uuid_given);
  if (found == nullptr || is_pending(*found)) {
    return bad(53411842, fmt::format("Volume \"{}\" was not found.", name), "volumes.name");
  }
  if (!text_at(*found, "consistency_group.uuid").empty() && action != "reassign") {
    return conflict(53411864,
                    fmt::format("Volume \"{}\" belongs to another consistency group.", name),
                    "volumes.name");
  }
  if (flag_at(*found, "snapshot_locking_enabled")) {
    return bad(
        53411959,
        fmt::format(
            "Volume \"{}\" has snapshot locking enabled: it cannot join a consistency group.",
            name),
        "volumes.name");
  }
  return text_at(*found, "uuid");
}

void set_members(Cluster& cluster, const std::string& group,
                 const std::vector<std::string>& volumes) {
  JsonObject* row = cluster.edit(kind::kGroup, group);
  JsonArray members;
  for (const std::string& id : volumes) {
    JsonObject* volume = cluster.edit(kind::kVolume, id);
    (*volume)["consistency_group"] = reference(*row);
    members.emplace_back(reference(*volume));
  }
  (*row)["volumes"] = std::move(members);
}

void dismiss(Cluster& cluster, const std::string& volume) {
  if (JsonObject* row = cluster.edit(kind::kVolume, volume)) {
    row->erase("consistency_group");
  }
}

// The row of a new group with its volumes, still pending.
Outcome<std::string> new_group(Call& call, const JsonObject& svm, const JsonObject& body,
                               const JsonObject& parent) {
  const std::string name = text_at(body, "name");
  if (name.empty()) {
    return bad(262212, "Field \"name\" is required.", "name");
  }
  for (const auto& [id, group] : call.cluster.rows(kind::kGroup)) {
    if (text_at(group, "name") == name && text_at(group, "svm.uuid") == text_at(svm, "uuid")) {
      return conflict(
          53411852, fmt::format("A consistency group named \"{}\" already exists.", name), "name");
    }
  }
  std::vector<std::string> volumes;
  for (const JsonObject& wanted : objects_at(body, "volumes")) {
    HF_TRY(std::string id, take_in(call, svm, wanted));
    volumes.push_back(std::move(id));
  }
  const std::string uuid = call.world.new_uuid();
  JsonObject row{{"uuid", uuid},
                 {"name", name},
                 {"svm", svm},
                 {kPending, true},
                 {"_sim", {{"created", call.world.now_text()}}}};
  for (const char* field : {"application", "snapshot_policy", "tiering"}) {
    copy_field(body, row, field);
  }
  if (!parent.empty()) {
    row["parent_consistency_group"] = parent;
  }
  call.cluster.add(kind::kGroup, uuid, std::move(row));
  set_members(call.cluster, uuid, volumes);
  return uuid;
}

// Makes the folders of what is reserved and shows the group.
Done finish_group(JobRun& run, const std::string& uuid) {
  std::vector<std::string> fresh;
  {
    Locked lock(run.world());
    for (const std::string& id : group_volumes(run.cluster(), uuid)) {
      if (is_pending(*run.cluster().find(kind::kVolume, id))) {
        fresh.push_back(id);
      }
    }
  }
  for (const std::string& id : fresh) {
    HF_TRY_VOID(finish_volume(run.world(), run.cluster(), id, ""));
  }
  Locked lock(run.world());
  if (JsonObject* row = run.cluster().edit(kind::kGroup, uuid)) {
    row->erase(kPending);
  }
  return {};
}

Outcome<Answer> create(Call& call, JsonObject body) {
  if (body.contains("clone")) {
    return clone_group(call, body);
  }
  HF_TRY(const JsonObject svm, resolve_svm(call.cluster, body));
  const auto children = objects_at(body, "consistency_groups");
  if (objects_at(body, "volumes").empty() && children.empty()) {
    return bad(53411853, "A consistency group has volumes or child groups.", "volumes");
  }
  if (children.size() > kChildrenMax) {
    return bad(53411853, "A consistency group has at most 5 children.", "consistency_groups");
  }
  HF_TRY(const std::string uuid, new_group(call, svm, body, {}));
  std::vector<std::string> all{uuid};
  for (const JsonObject& child : children) {
    HF_TRY(std::string id,
           new_group(call, svm, child, reference(*call.cluster.find(kind::kGroup, uuid))));
    all.push_back(std::move(id));
  }
  JobSpec spec;
  spec.description = describe_call(call, uuid);
  spec.svm = svm;
  spec.work = [all](JobRun& run) -> Done {
    for (const std::string& id : all) {
      HF_TRY_VOID(finish_group(run, id));
    }
    return {};
  };
  JsonObject record = reference(*call.cluster.find(kind::kGroup, uuid));
  record["svm"] = svm;
  return by_job(start_job(call.world, call.cluster, std::move(spec)), uuid, record);
}

// Volumes of a PATCH: each comes or goes.
Done change_members(Call& call, const JsonObject& record, const JsonObject& body) {
  const std::string uuid = text_at(record, "uuid");
  std::vector<std::string> members;
  for (const JsonObject& one : objects_at(record, "volumes")) {
    members.push_back(text_at(one, "uuid"));
  }
  for (const JsonObject& wanted : objects_at(body, "volumes")) {
    if (text_at(wanted, "provisioning_options.action") == "remove") {
      const JsonObject* found =
          volume_by_name(call.cluster, text_at(record, "svm.name"), text_at(wanted, "name"));
      const std::string id = found ? text_at(*found, "uuid") : "";
      if (std::erase(members, id) == 0) {
        return bad(53411842,
                   fmt::format("Volume \"{}\" is not in the group.", text_at(wanted, "name")),
                   "volumes.name");
      }
      dismiss(call.cluster, id);
      continue;
    }
    const JsonObject* present =
        volume_by_name(call.cluster, text_at(record, "svm.name"), text_at(wanted, "name"));
    if (present != nullptr &&
        std::ranges::find(members, text_at(*present, "uuid")) != members.end()) {
      continue;
    }
    HF_TRY(std::string id, take_in(call, *at(record, "svm")->if_object(), wanted));
    members.push_back(std::move(id));
  }
  set_members(call.cluster, uuid, members);
  return {};
}

Outcome<Answer> modify(Call& call, const JsonObject& record, JsonObject body) {
  const std::string uuid = text_at(record, "uuid");
  if (const Json* wanted = at(body, "restore_to.snapshot")) {
    return restore_group(call, record, wanted->as_object());
  }
  if (flag_at(body, "clone.split_initiated")) {
    return split_group(call, record);
  }
  HF_TRY_VOID(change_members(call, record, body));
  for (const char* field :
       {"volumes", "consistency_groups", "clone", "provisioning_options", "space"}) {
    body.erase(field);
  }
  merge(*call.cluster.edit(kind::kGroup, uuid), body);
  JobSpec spec;
  spec.description = describe_call(call);
  spec.work = [uuid](JobRun& run) { return finish_group(run, uuid); };
  return by_job(start_job(call.world, call.cluster, std::move(spec)));
}

Outcome<Answer> remove(Call& call, const JsonObject& record) {
  const std::string uuid = text_at(record, "uuid");
  const std::string path = text_at(record, "svm.name") + ":/cg/" + text_at(record, "name");
  for (const auto& [id, row] : call.cluster.rows(kind::kRelationship)) {
    if (text_at(row, "destination.path") == path) {
      return conflict(53412008, "The consistency group is in use by a replication relationship.");
    }
  }
  JobSpec spec;
  spec.description = describe_call(call);
  spec.work = [uuid](JobRun& run) -> Done {
    Locked lock(run.world());
    for (const std::string& id : group_volumes(run.cluster(), uuid)) {
      dismiss(run.cluster(), id);
    }
    std::vector<std::string> snapshots;
    for (const JsonObject* one : run.cluster().below(kind::kGroupSnapshot, uuid)) {
      snapshots.push_back(below_id(uuid, text_at(*one, "uuid")));
    }
    for (const std::string& row : snapshots) {
      run.cluster().remove(kind::kGroupSnapshot, row);
    }
    run.cluster().remove(kind::kGroup, uuid);
    return {};
  };
  return by_job(start_job(call.world, call.cluster, std::move(spec)));
}

}  // namespace

std::vector<std::string> group_volumes(const Cluster& cluster, const std::string& group) {
  std::vector<std::string> out;
  const auto add = [&](const JsonObject& row) {
    for (const JsonObject& volume : objects_at(row, "volumes")) {
      if (cluster.find(kind::kVolume, text_at(volume, "uuid")) != nullptr) {
        out.push_back(text_at(volume, "uuid"));
      }
    }
  };
  if (const JsonObject* row = cluster.find(kind::kGroup, group)) {
    add(*row);
  }
  for (const auto& [id, child] : cluster.rows(kind::kGroup)) {
    if (text_at(child, "parent_consistency_group.uuid") == group) {
      add(child);
    }
  }
  return out;
}

void add_group_resources(Table& table) {
  Resource groups{.path = "/application/consistency-groups",
                  .kind = kind::kGroup,
                  .schema = &kSchema,
                  .options = kOptions};
  groups.decorate = &decorate;
  groups.create = &create;
  groups.modify = &modify;
  groups.remove = &remove;
  add_group_snapshot_resources(table);
  table.add(groups);
}

}  // namespace holdfast::ontap_sim
