// /application/consistency-groups/{group}/snapshots: in one phase, or in two with a write fence.
//
//   POST ?action=start   raises the fence and answers with the uuid; nothing is in a list yet
//   PATCH ?action=commit takes the snapshots and lifts the fence
//   no commit in time    the fence is lifted and the snapshot is gone; a later commit is 53411925
#include <fmt/core.h>

#include <charconv>

#include "simulators/ontap/resources/group_parts.h"
#include "simulators/ontap/rest/schema.h"
#include "simulators/ontap/store/subvolume.h"

namespace holdfast::ontap_sim {
namespace {

using enum FieldType;

constexpr std::string_view kOptions[] = {"action", "action_timeout"};
constexpr std::int64_t kDefaultTimeout = 7;  // seconds; also what one phase may take
constexpr std::int64_t kTimeoutMin = 5;
constexpr std::int64_t kTimeoutMax = 120;
constexpr std::string_view kPhase = "_sim_phase";  // "started", "committing", "aborted"

const Schema kSchema{{"uuid", kText, kIdentity},
                     {"name", kText, kIdentity | kSet},
                     {"consistency_group.name", kText, kIdentity},
                     {"consistency_group.uuid", kText, kIdentity},
                     {"consistency_type", kEnum, kCreate, "crash|application"},
                     {"comment", kText, kSet},
                     {"snapmirror_label", kText, kSet},
                     {"create_time", kTime},
                     {"write_fence", kFlag, kCreate},
                     {"is_partial", kFlag},
                     {"missing_volumes", kObjects},
                     {"missing_volumes.name", kText},
                     {"missing_volumes.uuid", kText},
                     {"missing_luns", kObjects},
                     {"snapshot_volumes", kObjects},
                     {"snapshot_volumes.volume.name", kText},
                     {"snapshot_volumes.volume.uuid", kText},
                     {"snapshot_volumes.snapshot.name", kText},
                     {"snapshot_volumes.snapshot.uuid", kText},
                     {"restore_size", kSize},
                     {"reclaimable_space", kSize, kCostly},
                     {"expiry_time", kTime, kSet},
                     {"snaplock.expiry_time", kTime, kSet},
                     {"svm.name", kText},
                     {"svm.uuid", kText}};

std::vector<FencedVolume> fenced(const Cluster& cluster, const std::string& group) {
  std::vector<FencedVolume> out;
  for (const std::string& id : group_volumes(cluster, group)) {
    out.push_back({id, volume_folder(cluster, *cluster.find(kind::kVolume, id))});
  }
  return out;
}

// Whether a fence would hold: by the data port, or by subvolumes that become read only.
bool can_fence(World& world, const std::vector<FencedVolume>& volumes) {
  return world.config().data_port || std::ranges::all_of(volumes, [](const FencedVolume& one) {
           return is_subvolume(one.folder);
         });
}

std::vector<JsonObject> rows(Call& call) {
  std::vector<JsonObject> out;
  const auto add = [&](const JsonObject& row) {
    if (!row.contains(kPhase) || call.method == "PATCH" ||
        (call.method == "GET" && call.keys.size() > 1)) {
      out.push_back(row);
    }
  };
  if (call.key() == "*") {
    for (const auto& [id, row] : call.cluster.rows(kind::kGroupSnapshot)) {
      add(row);
    }
  } else {
    for (const JsonObject* row : call.cluster.below(kind::kGroupSnapshot, call.key())) {
      add(*row);
    }
  }
  if (call.method == "GET") {
    std::erase_if(out, [](const JsonObject& row) { return text_at(row, kPhase) == "aborted"; });
  }
  return out;
}

// What became of the members.
void decorate(Call& call, JsonObject& record, const Selection&) {
  JsonArray missing;
  for (const JsonObject& one : objects_at(record, "snapshot_volumes")) {
    if (call.cluster.find(kind::kSnapshot, below_id(text_at(one, "volume.uuid"),
                                                    text_at(one, "snapshot.uuid"))) == nullptr) {
      missing.emplace_back(*at(one, "volume"));
    }
  }
  record["is_partial"] = !missing.empty();
  record["missing_volumes"] = std::move(missing);
}

Done check_new(Call& call, const JsonObject& group, const std::string& name) {
  const auto volumes = group_volumes(call.cluster, text_at(group, "uuid"));
  if (name.empty()) {
    return bad(262212, "Field \"name\" is required.", "name");
  }
  if (volumes.empty()) {
    return bad(53411918, "The consistency group has no volumes.");
  }
  for (const JsonObject* other : call.cluster.below(kind::kGroupSnapshot, text_at(group, "uuid"))) {
    if (text_at(*other, kPhase) == "started" || text_at(*other, kPhase) == "committing") {
      return bad(53411918, "A snapshot of the consistency group is being made already.");
    }
    if (text_at(*other, "name") == name && !other->contains(kPhase)) {
      return conflict(53411921,
                      fmt::format("Snapshot \"{}\" of the consistency group already exists.", name),
                      "name");
    }
  }
  for (const std::string& id : volumes) {
    if (const Done member =
            check_new_snapshot(call.cluster, *call.cluster.find(kind::kVolume, id), name);
        !member) {
      return bad(53411921, "Creating the snapshot failed: " + member.error().message, "name");
    }
  }
  return {};
}

JsonObject new_row(Call& call, const JsonObject& group, const JsonObject& body, bool fence) {
  JsonObject row = body;
  row["uuid"] = call.world.new_uuid();
  row["consistency_type"] = text_at(body, "consistency_type", "crash");
  row["create_time"] = call.world.now_text();
  row["write_fence"] = fence;
  row["consistency_group"] = reference(group);
  row["svm"] = *at(group, "svm");
  return row;
}

// Lifts the fence of a start that was not committed in time.
void expire(World& world, Cluster& cluster, const std::string& group, const std::string& id,
            const std::vector<FencedVolume>& volumes) {
  Locked lock(world);
  JsonObject* row = cluster.edit(kind::kGroupSnapshot, below_id(group, id));
  if (row == nullptr || text_at(*row, kPhase) != "started") {
    return;
  }
  (*row)[kPhase] = "aborted";
  if (flag_at(*row, "write_fence")) {
    world.fences().lift(volumes);
  }
}

Outcome<std::int64_t> timeout_of(const Call& call) {
  const std::string text = call.query.option("action_timeout");
  std::int64_t seconds = kDefaultTimeout;
  if (!text.empty()) {
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (failure != std::errc() || end != text.data() + text.size() || seconds < kTimeoutMin ||
        seconds > kTimeoutMax) {
      return bad(262197,
                 fmt::format("The value \"{}\" is invalid for field \"action_timeout\" (<{}..{}>)",
                             text, kTimeoutMin, kTimeoutMax),
                 "action_timeout");
    }
  }
  return seconds;
}

Outcome<Answer> start(Call& call, const JsonObject& group, JsonObject row,
                      const std::vector<FencedVolume>& volumes) {
  HF_TRY(const std::int64_t seconds, timeout_of(call));
  const std::string group_uuid = text_at(group, "uuid");
  const std::string id = text_at(row, "uuid");
  if (flag_at(row, "write_fence")) {
    HF_TRY_VOID(call.world.fences().raise(volumes));
  }
  row[kPhase] = "started";
  JsonObject record = row;
  record.erase(kPhase);
  call.cluster.add(kind::kGroupSnapshot, below_id(group_uuid, id), std::move(row));
  call.world.later(std::chrono::seconds(seconds),
                   [&world = call.world, &cluster = call.cluster, group_uuid, id, volumes] {
                     expire(world, cluster, group_uuid, id, volumes);
                   });
  return done_with(id, record);
}

Outcome<Answer> create(Call& call, JsonObject body) {
  const JsonObject* found = call.cluster.find(kind::kGroup, call.key());
  if (found == nullptr || is_pending(*found)) {
    return not_found("consistency_group.uuid");
  }
  const JsonObject group = *found;
  const std::string uuid = text_at(group, "uuid");
  HF_TRY_VOID(check_new(call, group, text_at(body, "name")));
  const auto volumes = fenced(call.cluster, uuid);
  const bool possible = can_fence(call.world, volumes);
  const bool asked = flag_at(body, "write_fence");
  if (asked && !possible) {
    return bad(53411918,
               "A write fence cannot be kept here: the volumes lie on no btrfs, and writers do not "
               "come through the data port.",
               "write_fence");
  }
  const std::string action = call.query.option("action");
  const bool fence =
      possible && (at(body, "write_fence") ? asked : volumes.size() > 1 || action == "start");
  JsonObject row = new_row(call, group, body, fence);
  if (action == "start") {
    return start(call, group, std::move(row), volumes);
  }
  if (!action.empty()) {
    return bad(262197, "\"action\" of a new snapshot takes start.", "action");
  }
  const std::string id = text_at(row, "uuid");
  JsonObject record = row;
  row[kPending] = true;
  call.cluster.add(kind::kGroupSnapshot, below_id(uuid, id), std::move(row));
  JobSpec spec;
  spec.description = describe_call(call, id);
  spec.svm = *at(group, "svm")->if_object();
  spec.work = [uuid, id, volumes, fence](JobRun& run) -> Done {
    if (fence) {
      HF_TRY_VOID(run.world().fences().raise(volumes));
    }
    const Done made = fill_group_snapshot(run.world(), run.cluster(), uuid, id);
    if (fence) {
      run.world().fences().lift(volumes);
    }
    return made;
  };
  spec.undo = [&cluster = call.cluster, uuid, id] {
    cluster.remove(kind::kGroupSnapshot, below_id(uuid, id));
  };
  return by_job(start_job(call.world, call.cluster, std::move(spec)), id, record);
}

Outcome<Answer> commit(Call& call, const JsonObject& record) {
  const std::string group = text_at(record, "consistency_group.uuid");
  const std::string id = text_at(record, "uuid");
  if (text_at(record, kPhase) != "started") {
    return bad(53411925,
               "The snapshot was not committed in time: it was aborted and the fence was lifted.",
               "action");
  }
  (*call.cluster.edit(kind::kGroupSnapshot, below_id(group, id)))[kPhase] = "committing";
  JobSpec spec;
  spec.description = describe_call(call);
  const bool fence = flag_at(record, "write_fence");
  spec.work = [group, id, fence, volumes = fenced(call.cluster, group)](JobRun& run) -> Done {
    const Done made = fill_group_snapshot(run.world(), run.cluster(), group, id);
    if (fence) {
      run.world().fences().lift(volumes);
    }
    return made;
  };
  spec.undo = [&cluster = call.cluster, group, id] {
    cluster.remove(kind::kGroupSnapshot, below_id(group, id));
  };
  return by_job(start_job(call.world, call.cluster, std::move(spec)));
}

Outcome<Answer> modify(Call& call, const JsonObject& record, JsonObject body) {
  const std::string action = call.query.option("action");
  if (action == "commit") {
    return commit(call, record);
  }
  if (!action.empty()) {
    return bad(262197, "\"action\" of a change takes commit.", "action");
  }
  merge(*call.cluster.edit(kind::kGroupSnapshot, below_id(text_at(record, "consistency_group.uuid"),
                                                          text_at(record, "uuid"))),
        body);
  return done();
}

Outcome<Answer> remove(Call& call, const JsonObject& record) {
  const std::string row =
      below_id(text_at(record, "consistency_group.uuid"), text_at(record, "uuid"));
  JobSpec spec;
  spec.description = describe_call(call);
  spec.work = [row, members = objects_at(record, "snapshot_volumes")](JobRun& run) -> Done {
    for (const JsonObject& one : members) {
      const Done gone = delete_snapshot(run.world(), run.cluster(), text_at(one, "volume.uuid"),
                                        text_at(one, "snapshot.uuid"));
      if (!gone && gone.error().code != 1638600) {
        return gone.error().code == 1638555 ? Done(bad(53412007, gone.error().message)) : gone;
      }
    }
    Locked lock(run.world());
    run.cluster().remove(kind::kGroupSnapshot, row);
    return {};
  };
  return by_job(start_job(call.world, call.cluster, std::move(spec)));
}

Done exists(Call& call) {
  return call.cluster.find(kind::kGroup, call.key()) ? Done()
                                                     : Done(not_found("consistency_group.uuid"));
}

}  // namespace

Done fill_group_snapshot(World& world, Cluster& cluster, const std::string& group,
                         const std::string& id) {
  std::vector<std::pair<std::string, std::string>> made;  // volume, snapshot
  {
    Locked lock(world);
    const JsonObject* row = cluster.find(kind::kGroupSnapshot, below_id(group, id));
    if (row == nullptr) {
      return not_found("uuid");
    }
    NewSnapshot wanted{.name = text_at(*row, "name")};
    for (const char* field : {"snapmirror_label", "comment", "expiry_time"}) {
      copy_field(*row, wanted.more, field);
    }
    for (const std::string& volume : group_volumes(cluster, group)) {
      made.emplace_back(
          volume, reserve_snapshot(world, cluster, JsonObject(*cluster.find(kind::kVolume, volume)),
                                   wanted));
    }
  }
  Done outcome;
  for (const auto& [volume, snapshot] : made) {
    outcome = outcome ? fill_snapshot(world, cluster, volume, snapshot) : outcome;
  }
  if (!outcome) {
    for (const auto& [volume, snapshot] : made) {
      static_cast<void>(
          delete_snapshot(world, cluster, volume, snapshot));  // a pending one only loses its row
      Locked lock(world);
      cluster.remove(kind::kSnapshot, below_id(volume, snapshot));
    }
    return outcome;
  }
  Locked lock(world);
  JsonObject* row = cluster.edit(kind::kGroupSnapshot, below_id(group, id));
  if (row == nullptr) {
    return not_found("uuid");
  }
  JsonArray members;
  std::int64_t size = 0;
  for (const auto& [volume, snapshot] : made) {
    const JsonObject* one = cluster.find(kind::kSnapshot, below_id(volume, snapshot));
    members.push_back({{"volume", reference(*cluster.find(kind::kVolume, volume))},
                       {"snapshot", reference(*one)}});
    size += int_at(*one, "size");
  }
  (*row)["snapshot_volumes"] = std::move(members);
  (*row)["restore_size"] = size;
  row->erase(kPhase);
  row->erase(kPending);
  return {};
}

void drop_uncommitted(World& world, Cluster& cluster) {
  std::vector<std::pair<std::string, std::string>> left;
  for (const auto& [id, row] : cluster.rows(kind::kGroupSnapshot)) {
    if (row.contains(kPhase)) {
      left.emplace_back(id, text_at(row, "consistency_group.uuid"));
    }
  }
  for (const auto& [id, group] : left) {
    world.fences().lift(fenced(cluster, group));
    cluster.remove(kind::kGroupSnapshot, id);
  }
}

void add_group_snapshot_resources(Table& table) {
  Resource snapshots{.path = "/application/consistency-groups/{consistency_group.uuid}/snapshots",
                     .kind = kind::kGroupSnapshot,
                     .schema = &kSchema,
                     .options = kOptions};
  snapshots.rows = &rows;
  snapshots.decorate = &decorate;
  snapshots.parent = &exists;
  snapshots.create = &create;
  snapshots.modify = &modify;
  snapshots.remove = &remove;
  table.add(snapshots);
}

}  // namespace holdfast::ontap_sim
