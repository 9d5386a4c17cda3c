#include "domain/activities/replicas.h"

#include <fmt/core.h>

namespace holdfast::activities {
namespace {

bool serves(const storage::Relation& relation, const std::string& level) {
  const bool store = relation.destination.ends_with(kObjectStore);
  const bool remote =
      relation.source_cluster != relation.destination_cluster && !relation.source_cluster.empty();
  // An archive is told from a replica by its destination, which its level always names.
  return level == "cloud_backup"     ? store
         : level == "remote_replica" ? !store && remote
                                     : !store && !remote;
}

}  // namespace

Result<Replicas> open_replicas(const DataContext& context, const flow::ActivityContext& activity,
                               const VolumeRef& volume) {
  HF_TRY(OpenVolume open, open_volume(context, activity, volume));
  Replicas replicas{open.driver, open.driver->replication(), open.driver->native_restore(),
                    std::move(open.volume)};
  if (replicas.replication == nullptr || replicas.restore == nullptr) {
    return storage::unsupported(open.driver->kind(), "replication of its own");
  }
  return replicas;
}

Result<Replicas> open_replicas(const DataContext& context, const flow::ActivityContext& activity,
                               const Json& input) {
  return open_replicas(context, activity, decode<VolumeRef>(*find(input, "volume")));
}

std::string place_of(const storage::Relation& relation) {
  return relation.destination.ends_with(kObjectStore)
             ? relation.destination
             : relation.destination_cluster + "/" + relation.destination;
}

Result<std::optional<storage::Relation>> relation_of(const DataContext& context,
                                                     const Replicas& replicas,
                                                     const std::string& level,
                                                     const std::string& destination) {
  HF_TRY(const auto relations, wait(context, replicas.replication->list(replicas.volume)));
  std::optional<storage::Relation> found;
  for (const storage::Relation& relation : relations) {
    const bool fits =
        destination.empty() ? serves(relation, level) : place_of(relation) == destination;
    if (fits && found) {
      return Error(Code::kConflict,
                   fmt::format("the volume has several replicas that could be level {}, such as {} "
                               "and {}: name the level's destination",
                               level, place_of(*found), place_of(relation)));
    }
    if (fits) {
      found = relation;
    }
  }
  return found;
}

Result<storage::Relation> known_relation(const DataContext& context, const Replicas& replicas,
                                         const std::string& place) {
  HF_TRY(const auto relation, relation_of(context, replicas, "", place));
  if (!relation) {
    return Error(
        Code::kNotFound,
        fmt::format("the relationship to {} is gone: read its copies on the system itself, "
                    "or make the relationship again",
                    place));
  }
  return *relation;
}

}  // namespace holdfast::activities
