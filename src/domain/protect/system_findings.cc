// Reconciliation with storage systems: what is there and was not made, or is not used, by us.
#include <fmt/core.h>

#include <algorithm>

#include "domain/inventory/catalog.h"
#include "domain/protect/backup_activities.h"
#include "domain/protect/noted.h"
#include "domain/protect/system_access.h"
#include "domain/protect/systems.h"
#include "drivers/storage/ontap/clones.h"
#include "drivers/storage/ontap/relations.h"
#include "drivers/storage/ontap/snapshots.h"
#include "drivers/storage/ontap/splits.h"
#include "drivers/storage/ontap/volumes.h"

namespace holdfast::protect {
namespace {

namespace ontap = storage::ontap;
using async::Co;

constexpr std::string_view kArrow = " -> ";

// "svm:volume/snapshot"; the names of volumes and SVMs have no slash.
struct SnapshotName {
  std::string svm;
  std::string volume;
  std::string snapshot;
};
std::optional<SnapshotName> parse_snapshot(const std::string& object) {
  const size_t colon = object.find(':');
  const size_t slash = object.find('/', colon == std::string::npos ? 0 : colon);
  if (colon == std::string::npos || slash == std::string::npos || colon == 0 ||
      slash == colon + 1 || slash + 1 == object.size()) {
    return std::nullopt;
  }
  return SnapshotName{object.substr(0, colon), object.substr(colon + 1, slash - colon - 1),
                      object.substr(slash + 1)};
}

Error not_protected(const std::string& volume) {
  return Error(
      Code::kFailedPrecondition,
      fmt::format("{} is no protected volume: 'holdfast protect' its mount first", volume));
}

struct FoundVolume {
  ontap::ClusterPtr cluster;
  ontap::VolumeInfo info;
};

Co<Result<FoundVolume>> find_volume(std::vector<ontap::ClusterPtr> clusters, SnapshotName name,
                                    std::string on) {
  std::optional<FoundVolume> found;
  for (const ontap::ClusterPtr& cluster : clusters) {
    if (!on.empty() && on != cluster->name) {
      continue;
    }
    HF_CO_TRY(const auto volumes,
              co_await ontap::list_volumes(cluster, {{"svm.name", ontap::exactly(name.svm)},
                                                     {"name", ontap::exactly(name.volume)}}));
    if (!volumes.empty() && found) {
      co_return Error(
          Code::kConflict,
          fmt::format("clusters {} and {} both have {}:{}: say which one with --cluster",
                      found->cluster->name, cluster->name, name.svm, name.volume));
    }
    if (!volumes.empty()) {
      found = FoundVolume{cluster, volumes.front()};
    }
  }
  if (!found) {
    co_return Error(Code::kNotFound,
                    fmt::format("there is no volume {}:{}: see 'holdfast system findings'",
                                name.svm, name.volume));
  }
  co_return *std::move(found);
}

// The recovery point that an adopted snapshot is. No schedule made it, so no retention ends it.
inventory::Point point_of(const inventory::Resource& resource, const ontap::SnapshotInfo& snapshot,
                          const std::string& path) {
  inventory::Point point;
  point.id = inventory::PointId(snapshot.name);
  point.resource = resource.id;
  point.resource_name = resource.name;
  point.time = snapshot.created;
  point.consistency = "crash";
  point.timezone = "UTC";
  inventory::Copy copy;
  copy.level = "local_snapshot";
  copy.method = method_of(resource.driver, copy.level, false);
  copy.location = path;
  copy.snapshot_id = snapshot.name;
  copy.state = "available";
  copy.id = inventory::CopyId(copy_id_of(snapshot.name, copy.level, ""));
  point.copies.push_back(std::move(copy));
  return point;
}

Co<Result<Json>> adopt_one_snapshot(const Services* services, Caller caller,
                                    std::vector<ontap::ClusterPtr> clusters, SnapshotName name,
                                    std::string on) {
  HF_CO_TRY(const FoundVolume found,
            co_await find_volume(std::move(clusters), name, std::move(on)));
  HF_CO_TRY(const CatalogKnowledge knowledge, co_await catalog_knowledge(services));
  const auto known = knowledge.volumes.find(ontap::volume_id(*found.cluster, found.info));
  if (known == knowledge.volumes.end()) {
    co_return not_protected(name.svm + ":" + name.volume);
  }
  const ServerContext* server = &services->server;
  const std::string id = server->new_id("pt_");
  HF_CO_TRY(const ontap::SnapshotInfo adopted,
            co_await ontap::adopt_snapshot({found.cluster, found.info.uuid}, name.snapshot, id,
                                           "adopted: was " + name.snapshot));
  HF_CO_TRY(storage::Driver* const driver, services->data.driver("ontap"));
  HF_CO_TRY(const storage::ReadView view,
            co_await driver->read_view(known->second.volume, adopted.name));
  const inventory::Point point = point_of(known->second.resource, adopted, view.read_path);
  const std::string was = name.svm + ":" + name.volume + "/" + name.snapshot;
  HF_CO_TRY_VOID(co_await server->db.write([=](db::Connection& sql) -> Status {
    HF_TRY_VOID(inventory::put_point(sql, point));
    return note(sql, *server, caller,
                {.action = "system.snapshot_adopted",
                 .target = point.id.text(),
                 .payload_hash = hash_of(Json(was))});
  }));
  co_return Json(JsonObject{{"kind", "snapshot"},
                            {"object", was},
                            {"resource", point.resource_name},
                            {"point", point.id.text()},
                            {"time", to_rfc3339(point.time)},
                            {"detail", fmt::format("now point {} of {}, which no retention ends",
                                                   point.id.text(), point.resource_name)}});
}

// A relationship by "SOURCE -> DESTINATION", or by its destination alone.
Co<Result<ontap::RelationInfo>> find_relation(std::vector<ontap::ClusterPtr> clusters,
                                              std::string object, std::string on) {
  const size_t arrow = object.find(kArrow);
  const std::string source = arrow == std::string::npos ? "" : object.substr(0, arrow);
  const std::string destination =
      arrow == std::string::npos ? object : object.substr(arrow + kArrow.size());
  for (const ontap::ClusterPtr& cluster : clusters) {
    if (!on.empty() && on != cluster->name) {
      continue;
    }
    HF_CO_TRY(const auto relations,
              co_await ontap::list_relations(cluster,
                                             {{"destination.path", ontap::exactly(destination)}}));
    for (const ontap::RelationInfo& one : relations) {
      if (!one.restores && (source.empty() || one.relation.source == source)) {
        co_return one;
      }
    }
  }
  co_return Error(
      Code::kNotFound,
      fmt::format("there is no snapshot and no relationship '{}': write it as 'holdfast "
                  "system findings' shows it, svm:volume/snapshot or SOURCE -> "
                  "DESTINATION",
                  object));
}

// The protected volume at the source of a relationship.
const ProtectedVolume* source_of(const CatalogKnowledge& knowledge,
                                 const std::vector<FoundVolume>& candidates) {
  for (const FoundVolume& candidate : candidates) {
    const auto known = knowledge.volumes.find(ontap::volume_id(*candidate.cluster, candidate.info));
    if (known != knowledge.volumes.end()) {
      return &known->second;
    }
  }
  return nullptr;
}

Co<Result<Json>> adopt_one_relation(const Services* services, Caller caller,
                                    ontap::RelationInfo found) {
  const storage::Relation& relation = found.relation;
  std::vector<std::string> problems;
  const auto clusters = co_await services->data.systems().all_clusters(&problems);
  std::vector<FoundVolume> sources;
  const size_t colon = relation.source.find(':');
  for (const ontap::ClusterPtr& cluster : clusters) {
    if (colon == std::string::npos ||
        (!relation.source_cluster.empty() && cluster->name != relation.source_cluster)) {
      continue;
    }
    const auto volumes = co_await ontap::list_volumes(
        cluster, {{"svm.name", ontap::exactly(relation.source.substr(0, colon))},
                  {"name", ontap::exactly(relation.source.substr(colon + 1))}});
    for (size_t i = 0; volumes && i < volumes->size(); ++i) {
      sources.push_back({cluster, (*volumes)[i]});
    }
  }
  HF_CO_TRY(const CatalogKnowledge knowledge, co_await catalog_knowledge(services));
  const ProtectedVolume* const source = source_of(knowledge, sources);
  if (source == nullptr) {
    co_return not_protected(relation.source);
  }
  HF_CO_TRY(const bool changed, co_await ontap::carry_our_snapshots(found));
  const bool to_store = relation.destination.ends_with(":/objstore");
  const std::string level = to_store ? "cloud_backup"
                            : relation.source_cluster == relation.destination_cluster
                                ? "local_replica"
                                : "remote_replica";
  const std::string place =
      to_store ? relation.destination : relation.destination_cluster + "/" + relation.destination;
  const ServerContext* server = &services->server;
  const std::string object = relation.source + std::string(kArrow) + relation.destination;
  HF_CO_TRY_VOID(co_await server->db.write([=](db::Connection& sql) -> Status {
    return note(sql, *server, caller,
                {.action = "system.relationship_adopted",
                 .target = object,
                 .payload_hash = hash_of(JsonObject{{"policy_changed", changed}})});
  }));
  co_return Json(JsonObject{
      {"kind", "relationship"},
      {"object", object},
      {"resource", source->resource.name},
      {"level", level},
      {"destination", place},
      {"mirror_policy", relation.policy},
      {"detail", fmt::format("policy {} {} the snapshots of Holdfast; a level {{level: {}, "
                             "destination: '{}'}} in the policy of {} uses it",
                             relation.policy, changed ? "now carries" : "carries", level, place,
                             source->resource.name)}});
}

}  // namespace

Co<Result<Json>> system_findings(const Services& services, std::string id_or_name) {
  const Services* all = &services;
  HF_CO_TRY(const auto system, co_await open_system(all, std::move(id_or_name)));
  HF_CO_TRY(const auto clusters, co_await system->clusters());
  HF_CO_TRY(CatalogKnowledge knowledge, co_await catalog_knowledge(all));
  const auto kept = std::make_shared<const CatalogKnowledge>(std::move(knowledge));
  JsonArray items;
  for (const ontap::ClusterPtr& cluster : clusters) {
    HF_CO_TRY(const auto findings,
              co_await ontap::find_discrepancies(cluster, known_on(kept, cluster->name)));
    for (const ontap::Finding& finding : findings) {
      items.push_back(ontap::to_json(finding));
    }
  }
  co_return Json(JsonObject{{"items", std::move(items)}, {"next_cursor", nullptr}});
}

Co<Result<Json>> adopt_object(const Services& services, Caller caller, std::string id_or_name,
                              std::string object, std::string cluster) {
  const Services* all = &services;
  HF_CO_TRY(const auto system, co_await open_system(all, std::move(id_or_name)));
  HF_CO_TRY(const auto clusters, co_await system->clusters());
  const auto snapshot = object.find(kArrow) == std::string::npos && !object.ends_with(":/objstore")
                            ? parse_snapshot(object)
                            : std::nullopt;
  if (snapshot) {
    co_return co_await adopt_one_snapshot(all, std::move(caller), clusters, *snapshot,
                                          std::move(cluster));
  }
  HF_CO_TRY(ontap::RelationInfo relation,
            co_await find_relation(clusters, std::move(object), std::move(cluster)));
  co_return co_await adopt_one_relation(all, std::move(caller), std::move(relation));
}

namespace {

// Volumes first, then the runs: what a run makes later is not in the list.
Co<Status> remove_unused(const Services* services, Caller caller, ontap::ClusterPtr cluster,
                         JsonArray* removed) {
  const ServerContext* server = &services->server;
  HF_CO_TRY(const auto made, co_await ontap::list_made_volumes(cluster));
  HF_CO_TRY(const RunningRuns running, co_await running_runs(services));
  for (const ontap::VolumeInfo& volume : made) {
    if (ontap::is_clone_of(volume.name, running.clones)) {
      continue;
    }
    HF_CO_TRY_VOID(co_await ontap::remove_made_volume(cluster, volume));
    const std::string name = volume.svm + ":" + volume.name;
    removed->push_back(JsonObject{{"cluster", cluster->name}, {"object", name}});
    HF_CO_TRY_VOID(co_await server->db.write([=](db::Connection& sql) -> Status {
      return note(sql, *server, caller,
                  {.action = "system.clone_removed", .target = cluster->name + "/" + name});
    }));
  }
  co_return Status();
}

// A recovery that goes on starts its split itself, and a split is not started twice.
Co<Status> split_again(const Services* services, Caller caller, ontap::ClusterPtr cluster,
                       JsonArray* started) {
  const ServerContext* server = &services->server;
  HF_CO_TRY(const auto unsplit, co_await ontap::list_unsplit(cluster));
  if (unsplit.empty()) {
    co_return Status();
  }
  HF_CO_TRY(const CatalogKnowledge knowledge, co_await catalog_knowledge(services));
  for (const ontap::VolumeInfo& volume : unsplit) {
    if (is_being_recovered(knowledge, cluster->uuid + "/" + volume.parent_uuid)) {
      continue;
    }
    HF_CO_TRY_VOID(co_await ontap::start_split(cluster, volume));
    const std::string name = volume.svm + ":" + volume.name;
    started->push_back(JsonObject{
        {"cluster", cluster->name}, {"object", name}, {"snapshot", ontap::recovered_from(volume)}});
    HF_CO_TRY_VOID(co_await server->db.write([=](db::Connection& sql) -> Status {
      return note(sql, *server, caller,
                  {.action = "system.split_started", .target = cluster->name + "/" + name});
    }));
  }
  co_return Status();
}

}  // namespace

Co<Result<Json>> clean_system(const Services& services, Caller caller, std::string id_or_name) {
  const Services* all = &services;
  HF_CO_TRY(const auto system, co_await open_system(all, std::move(id_or_name)));
  HF_CO_TRY(const auto clusters, co_await system->clusters());
  JsonArray removed;
  JsonArray started;
  for (const ontap::ClusterPtr& cluster : clusters) {
    HF_CO_TRY_VOID(co_await remove_unused(all, caller, cluster, &removed));
    HF_CO_TRY_VOID(co_await split_again(all, caller, cluster, &started));
  }
  const auto count = static_cast<std::int64_t>(removed.size());
  co_return Json(JsonObject{{"system", system->endpoint().name},
                            {"removed", count},
                            {"items", std::move(removed)},
                            {"splits_started", std::move(started)}});
}

}  // namespace holdfast::protect
