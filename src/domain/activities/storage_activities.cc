// Data activities on storage systems, through the driver port.
#include <fmt/core.h>

#include <map>

#include "core/base/units.h"
#include "domain/activities/add_activities.h"
#include "domain/activities/data_activities.h"
#include "domain/activities/locked_names.h"
#include "domain/activities/storage_work.h"

namespace holdfast::activities {
namespace {

// A backup is not begun on a filesystem with less room than this.
constexpr std::uint64_t kLeastSpace = 32u << 20;

using flow::ActivityContext;

std::vector<RepositoryRef> repositories_of(const Json& input) {
  std::vector<RepositoryRef> repositories;
  if (const Json* list = find(input, "repositories"); list != nullptr && list->is_array()) {
    for (const Json& item : list->get_array()) {
      repositories.push_back(decode<RepositoryRef>(item));
    }
  }
  return repositories;
}

Result<Json> check_space(const DataContext& context, ActivityContext& activity, const Json& input) {
  HF_TRY(const OpenVolume open, open_volume(context, activity, input));
  std::string detail;
  const auto require_space = [&detail](const std::string& place,
                                       const storage::Space& space) -> Status {
    if (space.available_bytes < kLeastSpace) {
      return Error(
          Code::kResourceExhausted,
          fmt::format("only {} are free at {}: make room, at least {}",
                      format_bytes(space.available_bytes), place, format_bytes(kLeastSpace)));
    }
    detail += fmt::format("{}{} free at {}", detail.empty() ? "" : ", ",
                          format_bytes(space.available_bytes), place);
    return {};
  };
  if (open.driver->capabilities().snapshots) {
    HF_TRY(const storage::Space space, wait(context, open.driver->space(open.volume)));
    HF_TRY_VOID(require_space(open.volume.root, space));
  }
  for (const RepositoryRef& named : repositories_of(input)) {
    HF_TRY(const RepositoryRef repository, context.here(named));
    HF_TRY(const storage::Space space, storage::filesystem_space(repository.location));
    HF_TRY_VOID(require_space("repository " + repository.name, space));
  }
  return Json(JsonObject{{"detail", detail}});
}

Result<Json> verify_connectivity(const DataContext& context, ActivityContext& activity,
                                 const Json& input) {
  HF_TRY(const OpenVolume open, open_volume(context, activity, input));
  HF_TRY_VOID(wait(context, open.driver->verify_connectivity(open.volume)));
  std::string detail = open.volume.path + " can be read";
  for (const RepositoryRef& repository : repositories_of(input)) {
    HF_TRY_VOID(context.reachable(repository));
    detail += ", repository " + repository.name + " answers";
  }
  if (!open.volume.not_included.empty()) {
    detail += fmt::format("; not in its snapshots: {}{}", open.volume.not_included.front(),
                          open.volume.not_included.size() > 1
                              ? fmt::format(" and {} more", open.volume.not_included.size() - 1)
                              : "");
  }
  return Json(JsonObject{{"detail", detail}});
}

Result<Json> replica_state(const DataContext& context, ActivityContext& activity,
                           const Json& input) {
  HF_TRY(const OpenVolume open, open_volume(context, activity, input));
  HF_TRY(const auto replicas, wait(context, open.driver->replicas(open.volume)));
  if (replicas.empty()) {
    return Json(JsonObject{{"not_applicable", true}, {"detail", "none configured"}});
  }
  std::string detail;
  for (const storage::Replica& replica : replicas) {
    const std::string lag = replica.lag ? ", lag " + format_duration(*replica.lag) : "";
    if (!replica.healthy) {
      return Error(Code::kFailedPrecondition, fmt::format("the replica at {} is not healthy: {}{}",
                                                          replica.target, replica.state, lag));
    }
    detail +=
        fmt::format("{}{}: {}{}", detail.empty() ? "" : "; ", replica.target, replica.state, lag);
  }
  return Json(JsonObject{{"detail", detail}});
}

Result<Json> delete_snapshots(const DataContext& context, ActivityContext& activity,
                              const Json& input) {
  HF_TRY(const OpenVolume open, open_volume(context, activity, input));
  std::map<std::string, storage::Snapshot> known;  // where some can be locked
  if (open.driver->capabilities().retention) {
    HF_TRY(auto snapshots, wait(context, open.driver->list_snapshots(open.volume)));
    for (storage::Snapshot& snapshot : snapshots) {
      known.emplace(snapshot.name, std::move(snapshot));
    }
  }
  LockedNames locked(context.clock().now());
  for (const Json& item : find(input, "names")->get_array()) {
    const std::string name(item.get_string());
    const auto found = known.find(name);
    if (found == known.end() || !locked.holds(found->second)) {
      HF_TRY_VOID(wait(context, open.driver->delete_snapshot(open.volume, name)));
    }
  }
  return locked.answer("at " + open.volume.root);
}

// The snapshots that Holdfast made of a volume, by the name of their point.
Result<Json> list_snapshots(const DataContext& context, ActivityContext& activity,
                            const Json& input) {
  HF_TRY(const OpenVolume open, open_volume(context, activity, input));
  JsonArray rows;
  HF_TRY(const auto snapshots, wait(context, open.driver->list_snapshots(open.volume)));
  for (const storage::Snapshot& snapshot : snapshots) {
    HF_TRY(const storage::ReadView view,
           wait(context, open.driver->read_view(open.volume, snapshot.name)));
    rows.push_back(JsonObject{{"name", snapshot.name},
                              {"time", to_rfc3339(snapshot.time)},
                              {"path", view.read_path},
                              {"consistency", storage::consistency_name(view.consistency)}});
  }
  return Json(JsonObject{{"snapshots", std::move(rows)}});
}

}  // namespace

void register_storage_activities(flow::ActivityRegistry& registry, const DataContext& context) {
  const AddActivities add(registry, context);
  add("storage.check_space", check_space);
  add("storage.verify_connectivity", verify_connectivity);
  add("storage.replica_state", replica_state);
  add("storage.delete_snapshots", delete_snapshots);
  add("storage.list_snapshots", list_snapshots);
  register_snapshot_activity(registry, context);
}

}  // namespace holdfast::activities
