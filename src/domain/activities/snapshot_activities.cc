// storage.snapshot: one instant of a volume, or of all volumes of a consistency group.
//
// Quiesce, snapshot and release are one activity: an attempt that dies in between leaves the
// release to the guard, and the next attempt does all three again. A snapshot counts as application
// consistent only if the guard still held when it was finished. A group has one snapshot under one
// write fence: its members are quiet together, and either all of them have it or none.
#include <fmt/core.h>

#include <algorithm>

#include "core/env/posix/process.h"
#include "domain/activities/data_activities.h"
#include "domain/activities/storage_work.h"

namespace holdfast::activities {
namespace {

using flow::ActivityContext;

constexpr Nanoseconds kQuiesceDeadline = std::chrono::minutes(2);

// One volume of the snapshot, with what keeps its application quiet meanwhile.
struct Taken {
  OpenVolume open;
  std::string quiesce;  // commands; empty: none
  std::string release;
  std::unique_ptr<env::ReleaseGuard> guard{};
  bool quiesced = false;
  storage::Snapshot snapshot{};
};

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

Status make_quiet(std::vector<Taken>& all, const std::stop_token& stop) {
  for (Taken& one : all) {
    if (!one.quiesce.empty()) {
      HF_TRY(one.guard, env::ReleaseGuard::start(one.release, kQuiesceDeadline));
      HF_TRY_VOID(run_hook(one.quiesce, "quiesce", stop));
    }
  }
  return {};
}

Status let_go(std::vector<Taken>& all) {
  for (Taken& one : all) {
    one.quiesced = one.guard != nullptr && one.guard->still_held();
  }
  for (Taken& one : all) {
    if (one.guard == nullptr) {
      continue;
    }
    HF_TRY(const env::CommandResult released, one.guard->release());
    if (released.exit_code != 0) {
      log_warn("quiesce.release_failed",
               {{"exit_code", released.exit_code}, {"output", released.output.substr(0, 500)}});
    }
  }
  return {};
}

// The system's own group of this name that holds the first volume; its size.
Result<size_t> look_at_group(const DataContext& context, const OpenVolume& open,
                             const std::string& name) {
  HF_TRY(const auto group, wait(context, open.driver->group_of(open.volume)));
  if (!group || group->name != name) {
    return Error(Code::kFailedPrecondition,
                 group ? fmt::format("the volume is in consistency group '{}', not '{}' as its "
                                     "resource says: correct one of them",
                                     group->name, name)
                       : fmt::format("the volume is in no consistency group, and its resource says "
                                     "'{}': put it there on the storage system",
                                     name))
        .with("path", open.volume.path);
  }
  return group->volumes.size();
}

Status take(const DataContext& context, std::vector<Taken>& all, const storage::SnapshotSpec& spec,
            bool grouped) {
  storage::Driver& driver = *all.front().open.driver;
  if (!grouped) {
    HF_TRY(all.front().snapshot,
           wait(context, driver.create_snapshot(all.front().open.volume, spec)));
    return {};
  }
  std::vector<storage::Volume> volumes;
  for (const Taken& one : all) {
    volumes.push_back(one.open.volume);
  }
  HF_TRY(auto snapshots, wait(context, driver.create_group_snapshot(std::move(volumes), spec)));
  for (size_t i = 0; i < all.size(); ++i) {
    all[i].snapshot = std::move(snapshots.at(i));
  }
  return {};
}

Result<SnapshotTaken> how_to_read(const DataContext& context, const Taken& one, UtcTime time) {
  HF_TRY(const storage::ReadView view,
         wait(context, one.open.driver->read_view(one.open.volume, one.snapshot.name)));
  SnapshotTaken taken;
  taken.name = one.snapshot.name;
  taken.read_path = view.read_path;
  taken.device_id = view.device_id;
  taken.excludes = view.exclude;
  taken.consistency = std::string(storage::consistency_name(
      one.quiesced ? storage::Consistency::kApplication : view.consistency));
  taken.time = time;
  return taken;
}

// A driver without snapshots: the live tree, and no instant.
Result<Json> read_live(const DataContext& context, const OpenVolume& open) {
  HF_TRY(const storage::ReadView view, wait(context, open.driver->read_view(open.volume, "")));
  SnapshotTaken taken;
  taken.read_path = view.read_path;
  taken.device_id = view.device_id;
  taken.excludes = view.exclude;
  taken.consistency = "none";
  taken.time = context.clock().now();
  Json answer = encode(taken);
  answer.get_object()["quiesced"] = false;
  answer.get_object()["detail"] =
      "a plain directory has no snapshot: it is read live, the point is not point-in-time";
  answer.get_object()["quiesce_detail"] =
      "not used: there is no snapshot to take while the application is quiet";
  return answer;
}

Result<std::vector<Taken>> volumes_of(const DataContext& context, ActivityContext& activity,
                                      const Json& input) {
  std::vector<Taken> all;
  HF_TRY(OpenVolume own, open_volume(context, activity, input));
  all.push_back({std::move(own), get_string(input, "quiesce_command"),
                 get_string(input, "release_command", "true")});
  const Json* members = find(input, "members");
  for (size_t i = 0; members != nullptr && i < members->get_array().size(); ++i) {
    const Json& member = members->get_array()[i];
    HF_TRY(OpenVolume other, open_volume(context, decode<VolumeRef>(*find(member, "volume"))));
    all.push_back({std::move(other), get_string(member, "quiesce_command"),
                   get_string(member, "release_command", "true")});
  }
  return all;
}

Result<Json> answer_of(const DataContext& context, const std::vector<Taken>& all) {
  const UtcTime time = all.front().snapshot.time;  // a group has one
  HF_TRY(const SnapshotTaken own, how_to_read(context, all.front(), time));
  JsonArray members;
  for (size_t i = 1; i < all.size(); ++i) {
    HF_TRY(const SnapshotTaken other, how_to_read(context, all[i], time));
    Json member = encode(other);
    member.get_object()["quiesced"] = all[i].quiesced;
    members.push_back(std::move(member));
  }
  Json answer = encode(own);
  JsonObject& object = answer.get_object();
  object["members"] = std::move(members);
  const auto asked =
      std::count_if(all.begin(), all.end(), [](const Taken& one) { return !one.quiesce.empty(); });
  const auto held =
      std::count_if(all.begin(), all.end(), [](const Taken& one) { return one.quiesced; });
  object["quiesced"] = asked > 0 && held == asked;
  object["detail"] =
      fmt::format("snapshot {} at {}, {} consistent", own.name, own.read_path, own.consistency);
  object["quiesce_detail"] =
      held == asked && asked < 2 ? "quiet while the snapshot was taken"
      : held == asked ? fmt::format("{} applications quiet while the snapshot was taken", asked)
      : asked < 2     ? "released before the snapshot was finished"
                      : fmt::format(
                        "{} of {} applications were released before the snapshot was "
                            "finished",
                        asked - held, asked);
  return answer;
}

Result<Json> take_snapshot(const DataContext& context, ActivityContext& activity,
                           const Json& input) {
  HF_TRY(std::vector<Taken> all, volumes_of(context, activity, input));
  const OpenVolume& own = all.front().open;
  if (!own.driver->capabilities().snapshots) {
    return read_live(context, own);
  }
  const std::string group = get_string(input, "group");
  const bool grouped = !group.empty() && own.driver->capabilities().groups;
  if (!grouped && all.size() > 1) {
    return storage::unsupported(own.driver->kind(), "group snapshots");
  }
  size_t volumes = 0;
  if (grouped) {
    HF_TRY(volumes, look_at_group(context, own, group));
  }
  storage::SnapshotSpec spec;
  spec.name = get_string(input, "point_id");
  spec.comment = activity.info().workflow_id.text();
  if (const std::int64_t lock = get_int(input, "lock_seconds"); lock > 0) {
    spec.locked_until = context.clock().now() + std::chrono::seconds(lock);
  }
  HF_TRY_VOID(make_quiet(all, activity.stop_token()));
  HF_TRY_VOID(take(context, all, spec, grouped));
  HF_TRY_VOID(let_go(all));
  HF_TRY(Json answer, answer_of(context, all));
  if (grouped) {
    answer.get_object()["group_detail"] = fmt::format(
        "group '{}': one snapshot of {} volumes under a write fence, {} of them "
        "protected here",
        group, volumes, all.size());
  }
  return answer;
}

}  // namespace

void register_snapshot_activity(flow::ActivityRegistry& registry, const DataContext& context) {
  registry.add("storage.snapshot", [&context](ActivityContext& activity, const Json& input) {
    return take_snapshot(context, activity, input);
  });
}

}  // namespace holdfast::activities
