// /snapmirror/relationships: listing and creation. Changes are in relationship_changes.cc.
#include <fmt/core.h>

#include "simulators/ontap/resources/relationship_parts.h"
#include "simulators/ontap/store/subvolume.h"
#include "simulators/ontap/store/tree.h"

namespace holdfast::ontap_sim {
namespace {

constexpr std::string_view kOptions[] = {"list_destinations_only",
                                         "destination_only",
                                         "source_only",
                                         "source_info_only",
                                         "force",
                                         "validate_only",
                                         "failover",
                                         "force-failover",
                                         "failback",
                                         "delete_lun_maps_in_destination",
                                         "scheduled_update"};

void decorate(Call& call, JsonObject& record, const Selection& selection) {
  if (selection.wants("lag_time")) {
    const auto exported = parse_time(text_at(record, "_sim.exported_time"));
    if (exported) {
      std::int64_t lag =
          std::chrono::floor<std::chrono::seconds>(call.world.now() - *exported).count();
      if (const auto rule = call.world.faults().peek("stale_lag", call.cluster.name)) {
        lag += int_at(rule->values, "seconds", 7 * 86400);
      }
      record["lag_time"] = to_iso_duration(lag);
    }
  }
  if (const std::int64_t seconds = int_at(record, "_sim.total_seconds"); seconds > 0) {
    record["total_transfer_duration"] = to_iso_duration(seconds);
  }
  // A dead source is seen by the state of health; the row itself is still read.
  const std::string source = text_at(record, "source.cluster.name");
  if (!source.empty() && source != call.cluster.name && call.world.faults().peek("down", source) &&
      record.contains("healthy")) {
    record["healthy"] = false;
    record["unhealthy_reason"] =
        JsonArray{JsonObject{{"code", "6621444"},
                             {"message", "Replication is not possible."},
                             {"arguments", JsonArray()}},
                  JsonObject{{"code", "6621445"},
                             {"message", "The source cluster is not reachable."},
                             {"arguments", JsonArray()}}};
  }
}

std::vector<JsonObject> rows(Call& call) {
  const bool sources = call.http.query_or("list_destinations_only", "false") == "true" ||
                       call.http.query_or("list_destinations_only", "false") == "True";
  const bool releases =
      call.method == "DELETE" && !call.query.option_flag("destination_only") &&
      (call.query.option_flag("source_only") || call.query.option_flag("source_info_only"));
  std::vector<JsonObject> out;
  for (const auto& [id, row] :
       call.cluster.rows(sources || releases ? kDestination : kind::kRelationship)) {
    out.push_back(row);
  }
  // A flip is asked for where the new destination is: there the pair is known as a source.
  if (call.method == "PATCH") {
    for (const auto& [id, row] : call.cluster.rows(kDestination)) {
      if (call.cluster.find(kind::kRelationship, id) == nullptr) {
        out.push_back(row);
      }
    }
  }
  return out;
}

// The DP volume that create_destination asks for.
Outcome<std::string> make_destination(Call& call, const Endpoint& end, const std::string& name,
                                      const JsonObject& source, const JsonObject& body) {
  if (volume_by_name(call.cluster, text_at(end.svm, "name"), name) != nullptr) {
    return conflict(917526, fmt::format("Volume name \"{}\" already exists.", name),
                    "destination.path");
  }
  NewVolume wanted{.name = name, .svm = end.svm};
  for (const auto& [id, aggregate] : call.cluster.rows(kind::kAggregate)) {
    wanted.aggregate = reference(aggregate);
    break;
  }
  wanted.size = int_at(body, "create_destination.size", int_at(source, "size"));
  wanted.type = "dp";
  JsonObject volume = new_volume(call.world, call.cluster, wanted);
  volume["guarantee"] = {{"type", "none"}, {"honored", true}};
  volume["snapshot_locking_enabled"] = flag_at(body, "create_destination.snapshot_locking_enabled");
  HF_TRY_VOID(make_volume_folder(volume_folder(call.cluster, volume)));
  HF_TRY_VOID(
      make_volume_folder(volume_folder(call.cluster, volume) + "/" + std::string(kSnapshotFolder)));
  const std::string uuid = text_at(volume, "uuid");
  call.cluster.add(kind::kVolume, uuid, std::move(volume));
  return uuid;
}

// A group of the destination volumes, as create_destination of a group makes it.
void make_group(Call& call, const Endpoint& end, const std::vector<std::string>& volumes) {
  const std::string uuid = call.world.new_uuid();
  JsonArray members;
  for (const std::string& volume : volumes) {
    JsonObject* member = call.cluster.edit(kind::kVolume, volume);
    (*member)["consistency_group"] = {{"name", end.name}, {"uuid", uuid}};
    members.emplace_back(reference(*member));
  }
  call.cluster.add(kind::kGroup, uuid,
                   {{"uuid", uuid},
                    {"name", end.name},
                    {"svm", end.svm},
                    {"volumes", std::move(members)},
                    {"_sim", {{"created", call.world.now_text()}}}});
}

Outcome<std::vector<std::string>> new_destinations(Call& call, const Endpoint& source,
                                                   const Endpoint& end, const JsonObject& body) {
  std::vector<std::string> out;
  const auto volumes = endpoint_volumes(*source.cluster, source);
  for (const std::string& uuid : volumes) {
    const JsonObject origin = *source.cluster->find(kind::kVolume, uuid);
    const std::string name = end.kind == Endpoint::Kind::kVolume ? end.name
                             : end.kind == Endpoint::Kind::kSvm  ? text_at(origin, "name")
                                                                : text_at(origin, "name") + "_dest";
    HF_TRY(std::string made, make_destination(call, end, name, origin, body));
    out.push_back(std::move(made));
  }
  if (end.kind == Endpoint::Kind::kGroup) {
    make_group(call, end, out);
  }
  return out;
}

// A restore fills an empty volume of type dp, or goes over one of type rw.
bool can_be_restored_to(const Cluster& cluster, const JsonObject& volume) {
  return text_at(volume, "type") == "rw" ||
         (text_at(volume, "_sim.relationship").empty() &&
          snapshots_of(cluster, text_at(volume, "uuid")).empty());
}

// Volumes that exist: DP ones without data, or for a restore the one to restore to.
Outcome<std::vector<std::string>> present_destinations(Call& call, const Endpoint& end,
                                                       const JsonObject& body) {
  const auto volumes = endpoint_volumes(call.cluster, end);
  const bool restores = flag_at(body, "restore");
  if (volumes.empty()) {
    return bad(6619546,
               fmt::format("The destination \"{}\" does not exist: create a volume of type dp, or "
                           "set \"create_destination.enabled\".",
                           end.path),
               "destination.path");
  }
  for (const std::string& uuid : volumes) {
    const JsonObject& volume = *call.cluster.find(kind::kVolume, uuid);
    if (restores && !can_be_restored_to(call.cluster, volume)) {
      return bad(13303845,
                 "A restore goes to a read-write volume, or to an empty one of type dp that is no "
                 "destination of another relationship.",
                 "destination.path");
    }
    // A volume of its own past may come back by a resync: it has snapshots, and is dp or rw.
    const bool fresh = text_at(volume, "type") == "dp";
    if (!restores && !fresh && snapshots_of(call.cluster, uuid).empty()) {
      return bad(6619546, fmt::format("Volume \"{}\" is not of type dp.", text_at(volume, "name")),
                 "destination.path");
    }
    if (!restores && !text_at(volume, "_sim.relationship").empty()) {
      return conflict(6619637,
                      fmt::format("Volume \"{}\" is the destination of a relationship already.",
                                  text_at(volume, "name")),
                      "destination.path");
    }
  }
  return volumes;
}

Done check_create(Call& call, const JsonObject& body) {
  const std::string path = text_at(body, "destination.path");
  for (const auto& [id, row] : call.cluster.rows(kind::kRelationship)) {
    if (text_at(row, "destination.path") == path && !flag_at(row, "restore") &&
        (!is_cloud(row) || text_at(row, "source.path") == text_at(body, "source.path"))) {
      return conflict(
          6619637, fmt::format("A relationship with the destination \"{}\" already exists.", path),
          "destination.path");
    }
  }
  const bool creates = flag_at(body, "create_destination.enabled");
  if (creates && body.contains("throttle")) {
    return bad(262186, "\"throttle\" and \"create_destination\" do not go together.", "throttle");
  }
  if (!creates && body.contains("state")) {
    return bad(13303873, "\"state\" goes with \"create_destination\" only.", "state");
  }
  if (const std::string state = text_at(body, "state");
      !state.empty() && state != "snapmirrored" && state != "in_sync") {
    return bad(13303818, "A new relationship becomes snapmirrored or in_sync.", "state");
  }
  return {};
}

JsonArray pair_rows(const std::vector<std::string>& sources,
                    const std::vector<std::string>& destinations, bool cloud) {
  JsonArray out;
  const size_t count = std::max(sources.size(), destinations.size());
  for (size_t i = 0; i < count; ++i) {
    out.push_back({{"source", i < sources.size() ? sources[i] : ""},
                   {"destination", cloud || i >= destinations.size() ? "" : destinations[i]}});
  }
  return out;
}

std::string group_type(const Endpoint& end) {
  return end.kind == Endpoint::Kind::kGroup
             ? "consistency_group"
             : (end.kind == Endpoint::Kind::kSvm ? "svm_dr" : "none");
}

JsonObject new_row(Call& call, const JsonObject& body, const Endpoint& source, const Endpoint& end,
                   const JsonObject& policy) {
  JsonObject row{{"uuid", call.world.new_uuid()},
                 {"source", endpoint_record(source)},
                 {"destination", endpoint_record(end)},
                 {"state", "uninitialized"},
                 {"healthy", true},
                 {"restore", flag_at(body, "restore")},
                 {"group_type", group_type(source)},
                 {"backoff_level", "high"},
                 {"throttle", int_at(body, "throttle")}};
  row["policy"] = {{"name", text_at(policy, "name")},
                   {"uuid", text_at(policy, "uuid")},
                   {"type", text_at(policy, "type", "async")}};
  for (const char* field :
       {"transfer_schedule", "preserve", "quick_resync", "identity_preservation"}) {
    copy_field(body, row, field);
  }
  return row;
}

// The snapshots of an object store belong to the relationship that sent them.
std::string endpoint_of(const Cluster& cluster, const JsonObject& body) {
  std::string rest = text_at(body, "source.path");
  const size_t at_store = rest.find("/objstore/");
  if (at_store != std::string::npos) {
    return rest.substr(at_store + 10);
  }
  std::string found;
  for (const auto& [id, row] : cluster.rows(kind::kRelationship)) {
    if (text_at(row, "destination.path") == rest) {
      found = id;
    }
  }
  return found;
}

}  // namespace

Done settle_schedule(const Cluster& cluster, JsonObject& body) {
  const std::string name = text_at(body, "transfer_schedule.name");
  const std::string uuid = text_at(body, "transfer_schedule.uuid");
  if (name.empty() && uuid.empty()) {
    return {};
  }
  const JsonObject* schedule = uuid.empty() ? cluster.find_by(kind::kSchedule, "name", name)
                                            : cluster.find(kind::kSchedule, uuid);
  if (schedule == nullptr) {
    return bad(6619699,
               fmt::format("The schedule \"{}\" does not exist.", uuid.empty() ? name : uuid),
               "transfer_schedule");
  }
  if (text_at(*schedule, "type") != "cron") {
    return bad(6619714, "An interval schedule is not allowed here.", "transfer_schedule");
  }
  body["transfer_schedule"] = reference(*schedule);
  return {};
}

Outcome<Answer> create_relationship(Call& call, JsonObject body) {
  HF_TRY_VOID(check_create(call, body));
  HF_TRY(const JsonObject policy, mirror_policy(call.cluster, body));
  HF_TRY_VOID(settle_schedule(call.cluster, body));
  HF_TRY(Endpoint source, source_endpoint(call.world, call.cluster, body));
  HF_TRY(Endpoint end, destination_endpoint(call.world, call.cluster, body));
  const bool restores = flag_at(body, "restore");
  if (restores && text_at(policy, "type", "async") != "async") {
    return bad(13303821, "A restore needs an asynchronous policy.", "policy");
  }
  const bool to_cloud = end.kind == Endpoint::Kind::kObjectStore;
  std::vector<std::string> destinations;
  if (flag_at(body, "create_destination.enabled") && !to_cloud) {
    HF_TRY(destinations, new_destinations(call, source, end, body));
  } else if (!to_cloud) {
    HF_TRY(destinations, present_destinations(call, end, body));
  }
  const auto sources = endpoint_volumes(*source.cluster, source);
  if (!to_cloud && source.kind != Endpoint::Kind::kObjectStore &&
      sources.size() != destinations.size()) {
    return bad(6619546, "Source and destination have different numbers of volumes.",
               "destination.path");
  }
  JsonObject row = new_row(call, body, source, end, policy);
  const std::string uuid = text_at(row, "uuid");
  if (!restores && !destinations.empty() &&
      text_at(*call.cluster.find(kind::kVolume, destinations.front()), "type") == "rw") {
    row["state"] = "broken_off";  // a volume of its own past: a resync finds what is common
  }
  row["_sim"] = {{"pairs", pair_rows(sources, destinations, to_cloud)},
                 {"endpoint", endpoint_of(call.cluster, body)}};
  if (!restores) {
    source.cluster->add(kDestination, uuid, destination_row(row));
    mark_protected(call.world, row, call.cluster, true);
  }
  row[kPending] = true;
  JsonObject record = row;
  record.erase("_sim");
  record.erase(kPending);
  call.cluster.add(kind::kRelationship, uuid, std::move(row));
  JobSpec spec;
  spec.description = describe_call(call, uuid);
  spec.work = [uuid, initialize = body.contains("state")](JobRun& run) -> Done {
    const Done reachable = consult_source(run.world(), run.cluster(), uuid);
    if (!reachable) {
      return reachable;
    }
    Locked lock(run.world());
    run.cluster().edit(kind::kRelationship, uuid)->erase(kPending);
    return initialize ? start_transfer(run.world(), run.cluster(),
                                       {.relationship = uuid, .transfer = {}, .type = "initialize"})
                      : Done();
  };
  spec.undo = [&world = call.world, &cluster = call.cluster, uuid] {
    if (const JsonObject* left = cluster.find(kind::kRelationship, uuid);
        left && is_pending(*left)) {
      mark_protected(world, *left, cluster, false);
      if (Cluster* there = source_cluster(world, *left)) {
        there->remove(kDestination, uuid);
      }
      cluster.remove(kind::kRelationship, uuid);
    }
  };
  return by_job(start_job(call.world, call.cluster, std::move(spec)), uuid, record);
}

void add_relationship_resources(Table& table) {
  Resource relationships{.path = "/snapmirror/relationships",
                         .kind = kind::kRelationship,
                         .schema = &relationship_schema(),
                         .options = kOptions};
  relationships.rows = &rows;
  relationships.decorate = &decorate;
  relationships.create = &create_relationship;
  relationships.modify = &modify_relationship;
  relationships.remove = &remove_relationship;
  add_transfer_resources(table);
  table.add(relationships);
}

}  // namespace holdfast::ontap_sim
