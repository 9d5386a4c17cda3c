// Data activities on storage systems, through the driver port.
//
// Quiesce, snapshot and release are one activity: an attempt that dies in between leaves the
// release to the guard, and the next attempt does all three again. A snapshot counts as application
// consistent only if the guard still held when it was finished.
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>

#include "core/async/run.h"
#include "core/base/log.h"
#include "core/base/units.h"
#include "core/env/posix/process.h"
#include "domain/activities/data_activities.h"
#include "drivers/storage/driver.h"

namespace holdfast::activities {
namespace {

// A backup is not begun on a filesystem with less room than this.
constexpr std::uint64_t kLeastSpace = 32u << 20;
constexpr Nanoseconds kQuiesceDeadline = std::chrono::minutes(2);

using flow::ActivityContext;

struct OpenVolume {
  storage::Driver* driver = nullptr;
  storage::Volume volume;
};

template <class T>
T wait(const DataContext& context, async::Co<T> operation) {
  return async::block_on(context.executor(), std::move(operation));
}

// The driver and volume of an input; logs the call with the trace of the run that makes it.
Result<OpenVolume> open_volume(const DataContext& context, const ActivityContext& activity,
                               const Json& input) {
  const auto reference = decode<VolumeRef>(*find(input, "volume"));
  const auto trace = activity.info().header.find("traceparent");
  log_info("storage.call",
           {{"operation", activity.info().type},
            {"driver", reference.driver},
            {"path", reference.path},
            {"run", activity.info().workflow_id.text()},
            {"traceparent", trace == activity.info().header.end() ? "" : trace->second}});
  OpenVolume open;
  HF_TRY(open.driver, context.driver(reference.driver));
  HF_TRY(open.volume, context.look(*open.driver, reference.path, activity.info()));
  return open;
}

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

Status run_hook(const std::string& line, const std::string& what, std::stop_token stop) {
  env::CommandOptions options;
  options.timeout = kQuiesceDeadline;
  options.stop = std::move(stop);
  HF_TRY(const env::CommandResult result, env::run_shell(line, options));
  if (result.exit_code != 0) {
    return Error(Code::kFailedPrecondition,
                 fmt::format("the {} command ended with {}: {}", what, result.exit_code,
                             result.output.substr(0, 500)),
                 Retry::kTransient);
  }
  return {};
}

struct QuietSnapshot {
  storage::Snapshot snapshot;
  bool quiesced = false;
};

// Takes the snapshot, with the application quiet around it where there are commands for that.
Result<QuietSnapshot> take_quietly(const DataContext& context, const ActivityContext& activity,
                                   const OpenVolume& open, const storage::SnapshotSpec& spec,
                                   const Json& input) {
  QuietSnapshot taken;
  const std::string quiesce = get_string(input, "quiesce_command");
  if (quiesce.empty()) {
    HF_TRY(taken.snapshot, wait(context, open.driver->create_snapshot(open.volume, spec)));
    return taken;
  }
  HF_TRY(const auto guard,
         env::ReleaseGuard::start(get_string(input, "release_command", "true"), kQuiesceDeadline));
  HF_TRY_VOID(run_hook(quiesce, "quiesce", activity.stop_token()));
  HF_TRY(taken.snapshot, wait(context, open.driver->create_snapshot(open.volume, spec)));
  taken.quiesced = guard->still_held();
  HF_TRY(const env::CommandResult released, guard->release());
  if (released.exit_code != 0) {
    log_warn("quiesce.release_failed",
             {{"exit_code", released.exit_code}, {"output", released.output.substr(0, 500)}});
  }
  return taken;
}

Json snapshot_answer(const SnapshotTaken& taken, bool quiesced) {
  Json answer = encode(taken);
  answer.get_object()["quiesced"] = quiesced;
  return answer;
}

Result<Json> take_snapshot(const DataContext& context, ActivityContext& activity,
                           const Json& input) {
  HF_TRY(const OpenVolume open, open_volume(context, activity, input));
  SnapshotTaken taken;
  if (!open.driver->capabilities().snapshots) {
    HF_TRY(const storage::ReadView view, wait(context, open.driver->read_view(open.volume, "")));
    taken.read_path = view.read_path;
    taken.device_id = view.device_id;
    taken.excludes = view.exclude;
    taken.consistency = "none";
    taken.time = context.clock().now();
    Json answer = snapshot_answer(taken, false);
    answer.get_object()["detail"] =
        "a plain directory has no snapshot: it is read live, the point is not point-in-time";
    answer.get_object()["quiesce_detail"] =
        "not used: there is no snapshot to take while the application is quiet";
    return answer;
  }
  storage::SnapshotSpec spec;
  spec.name = get_string(input, "point_id");
  spec.comment = activity.info().workflow_id.text();
  if (const std::int64_t lock = get_int(input, "lock_seconds"); lock > 0) {
    spec.locked_until = context.clock().now() + std::chrono::seconds(lock);
  }
  HF_TRY(const QuietSnapshot quiet, take_quietly(context, activity, open, spec, input));
  HF_TRY(const storage::ReadView view,
         wait(context, open.driver->read_view(open.volume, spec.name)));
  taken.name = spec.name;
  taken.read_path = view.read_path;
  taken.device_id = view.device_id;
  taken.excludes = view.exclude;
  taken.consistency = std::string(storage::consistency_name(
      quiet.quiesced ? storage::Consistency::kApplication : view.consistency));
  taken.time = quiet.snapshot.time;
  Json answer = snapshot_answer(taken, quiet.quiesced);
  answer.get_object()["detail"] =
      fmt::format("snapshot {} at {}, {} consistent", spec.name, view.read_path, taken.consistency);
  answer.get_object()["quiesce_detail"] = quiet.quiesced
                                              ? "quiet while the snapshot was taken"
                                              : "released before the snapshot was finished";
  return answer;
}

Result<Json> delete_snapshots(const DataContext& context, ActivityContext& activity,
                              const Json& input) {
  HF_TRY(const OpenVolume open, open_volume(context, activity, input));
  std::int64_t deleted = 0;
  for (const Json& name : find(input, "names")->get_array()) {
    HF_TRY_VOID(
        wait(context, open.driver->delete_snapshot(open.volume, std::string(name.get_string()))));
    ++deleted;
  }
  return Json(JsonObject{{"detail", fmt::format("{} snapshots deleted", deleted)}});
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
  using Activity = Result<Json> (*)(const DataContext&, ActivityContext&, const Json&);
  const auto add = [&](const char* name, Activity run) {
    registry.add(name, [&context, run](ActivityContext& activity, const Json& input) {
      return run(context, activity, input);
    });
  };
  add("storage.check_space", check_space);
  add("storage.verify_connectivity", verify_connectivity);
  add("storage.replica_state", replica_state);
  add("storage.snapshot", take_snapshot);
  add("storage.delete_snapshots", delete_snapshots);
  add("storage.list_snapshots", list_snapshots);
}

}  // namespace holdfast::activities
