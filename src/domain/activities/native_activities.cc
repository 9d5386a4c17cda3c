// Carries out what storage.choose_means chose: storage.restore answers `refused` where the system
// says no, and nothing has happened then.
#include <fmt/core.h>

#include <filesystem>

#include "core/base/units.h"
#include "core/env/posix/atomic_file.h"
#include "domain/activities/add_activities.h"
#include "domain/activities/data_activities.h"
#include "domain/activities/native_work.h"
#include "domain/activities/progress_beat.h"

namespace holdfast::activities {
namespace {

namespace fs = std::filesystem;
using flow::ActivityContext;

Status restore_whole(const DataContext& context, const Native& native,
                     const std::vector<RestoreRequest>& requests, const Json& input) {
  HF_TRY(const auto lost, lost_by(context, native, requests));
  if (lost.size() > static_cast<size_t>(get_int(input, "loses"))) {
    return Error(Code::kFailedPrecondition,
                 fmt::format("{} newer snapshots would be lost now, and {} were proposed",
                             lost.size(), get_int(input, "loses")));
  }
  if (get_bool(input, "group")) {
    return wait(context,
                native.restore->restore_group(native.volumes, requests.front().snapshot_id));
  }
  return wait(context,
              native.restore->restore_volume(native.volumes.front(), requests.front().snapshot_id));
}

Status restore_files(const DataContext& context, const Native& native,
                     const RestoreRequest& request) {
  const storage::Volume& volume = native.volumes.front();
  for (const std::string& path : request.paths) {
    const fs::path to = (fs::path(request.target) / path).lexically_normal();
    HF_TRY_VOID(env::make_directories(to.parent_path().string(), 0755));
    const storage::FileToRestore file = file_of(volume, request, path);
    const bool fresh = !fs::exists(fs::symlink_status(to));
    HF_TRY_VOID(
        wait(context, request.means == kClone && fresh
                          ? native.restore->clone_file(volume, request.snapshot_id, file)
                          : native.restore->restore_file(volume, request.snapshot_id, file)));
  }
  return {};
}

Status restore_replica(const DataContext& context, const ActivityContext& activity,
                       const RestoreRequest& request) {
  HF_TRY(const Replicas replicas, open_replicas(context, activity, request.volume));
  HF_TRY(const auto relation, known_relation(context, replicas, request.mirror));
  for (const std::string& path : request.paths) {
    const fs::path to = (fs::path(request.target) / path).lexically_normal();
    HF_TRY_VOID(env::make_directories(to.parent_path().string(), 0755));
  }
  return wait(context, replicas.restore->restore_copy(
                           replicas.volume, source_of(relation, replicas.volume, request)));
}

Status restore_by_system(const DataContext& context, const ActivityContext& activity,
                         const Native& native, const std::vector<RestoreRequest>& requests,
                         const Json& input) {
  const RestoreRequest& request = requests.front();
  if (request.means == kReplica) {
    return restore_replica(context, activity, request);
  }
  if (!request.paths.empty()) {
    return restore_files(context, native, request);
  }
  if (request.means == kWhole) {
    return restore_whole(context, native, requests, input);
  }
  return wait(context, native.restore->clone_to(native.volumes.front(), request.snapshot_id,
                                                request.target));
}

// A volume that went back must be mirrored anew; a mirror that does not follow is told of, since
// the next backup brings it up to date.
std::string update_mirrors(const DataContext& context, const Native& native) {
  storage::Replication* const replication = native.driver->replication();
  std::string told;
  for (size_t i = 0; replication != nullptr && i < native.volumes.size(); ++i) {
    const auto relations = wait(context, replication->list(native.volumes[i]));
    for (size_t k = 0; relations && k < relations->size(); ++k) {
      const storage::Relation& relation = (*relations)[k];
      const auto updated = wait(context, replication->update(relation.id, ""));
      told += fmt::format("; replica at {} {}", relation.destination,
                          updated ? "updated" : "not updated: " + updated.error().message());
    }
  }
  return told;
}

Result<Json> restore(const DataContext& context, ActivityContext& activity, const Json& input) {
  const ProgressBeat beat(context.clock(), activity, [] { return Json(JsonObject{}); });
  const auto requests = requests_of(input);
  HF_TRY(const Native native, open_native(context, requests));
  const RestoreRequest& request = requests.front();
  const Status done = restore_by_system(context, activity, native, requests, input);
  if (!done && done.error().retry() == Retry::kPermanent) {
    return Json(JsonObject{{"refused", done.error().to_string()}});
  }
  HF_TRY_VOID(done);
  const bool went_back = request.means == kWhole ||
                         (request.means == kReplica && request.in_place && request.paths.empty());
  RestoreDone figures;
  figures.files = static_cast<std::uint64_t>(get_int(input, "files"));
  figures.bytes = static_cast<std::uint64_t>(get_int(input, "bytes"));
  Json answer = encode(figures);
  answer.get_object()["detail"] =
      fmt::format("{}: {} entries, {} by the storage system itself to {}{}", request.means,
                  figures.files, format_bytes(figures.bytes), request.target,
                  went_back ? update_mirrors(context, native) : "");
  return answer;
}

// Removes the clone of a proof; success too when there is none.
Result<Json> drop_clone(const DataContext& context, ActivityContext& activity, const Json& input) {
  HF_TRY(const OpenVolume open, open_volume(context, activity, input));
  HF_TRY_VOID(wait(context, open.driver->delete_clone(open.volume, get_string(input, "name"))));
  return Json(JsonObject{});
}

}  // namespace

void register_native_activities(flow::ActivityRegistry& registry, const DataContext& context) {
  const AddActivities add(registry, context);
  add("storage.choose_means", choose_means);
  add("storage.restore", restore);
  add("storage.drop_clone", drop_clone);
}

}  // namespace holdfast::activities
