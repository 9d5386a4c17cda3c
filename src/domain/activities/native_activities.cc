// What a storage system can do for a recovery by itself: which means is taken, and carrying it out.
//
// storage.choose_means never makes a recovery impossible: what the system cannot do, or does not
// answer, is done by copying files out of the snapshot, and the answer says why. A volume goes back
// as a whole only where nothing else is lost by that, or where the caller insists and somebody
// approves. storage.restore answers `refused` where the system says no: nothing has happened then.
#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "core/base/units.h"
#include "core/env/posix/atomic_file.h"
#include "domain/activities/data_activities.h"
#include "domain/activities/engine_work.h"
#include "domain/activities/progress_beat.h"
#include "domain/activities/storage_work.h"
#include "drivers/storage/native_restore.h"
#include "drivers/storage/replication.h"

namespace holdfast::activities {
namespace {

namespace fs = std::filesystem;
using flow::ActivityContext;

constexpr std::string_view kWhole = "snapshot_restore";
constexpr std::string_view kFile = "file_restore";
constexpr std::string_view kClone = "clone";
constexpr std::string_view kCopied = "files_copied";
constexpr size_t kMostFiles = 64;  // restored one by one

// The volumes of a recovery, and the port that brings them back.
struct Native {
  storage::Driver* driver = nullptr;
  storage::NativeRestore* restore = nullptr;
  std::vector<storage::Volume> volumes;  // in the order of the requests
};

std::vector<RestoreRequest> requests_of(const Json& input) {
  std::vector<RestoreRequest> requests;
  for (const Json& request : find(input, "requests")->get_array()) {
    requests.push_back(decode<RestoreRequest>(request));
  }
  return requests;
}

Means copied(std::string why) {
  Means means;
  means.why = std::move(why);
  return means;
}

Result<Native> open_native(const DataContext& context,
                           const std::vector<RestoreRequest>& requests) {
  Native native;
  for (const RestoreRequest& request : requests) {
    HF_TRY(OpenVolume open, open_volume(context, request.volume));
    native.driver = open.driver;
    native.restore = open.driver->native_restore();
    native.volumes.push_back(std::move(open.volume));
  }
  if (native.restore == nullptr) {
    return storage::unsupported(native.driver->kind(), "restores of its own");
  }
  return native;
}

// Why the whole volumes cannot go back; empty: they can.
Result<std::string> why_not_whole(const DataContext& context, const Native& native, bool group) {
  for (const storage::Volume& volume : native.volumes) {
    if (volume.path != volume.root) {
      return fmt::format("{} is a part of its volume, which would go back as a whole", volume.path);
    }
  }
  if (!group) {
    return std::string();
  }
  HF_TRY(const auto found, wait(context, native.driver->group_of(native.volumes.front())));
  const auto is_here = [&native](const std::string& id) {
    return std::any_of(native.volumes.begin(), native.volumes.end(),
                       [&](const storage::Volume& volume) { return volume.id == id; });
  };
  if (!found || !std::all_of(found->volumes.begin(), found->volumes.end(), is_here)) {
    return std::string(
        "the storage system's group has other volumes than those that are recovered");
  }
  return std::string();
}

// Every newer snapshot of the volumes: what going back as a whole throws away.
Result<std::vector<std::string>> lost_by(const DataContext& context, const Native& native,
                                         const std::vector<RestoreRequest>& requests) {
  std::vector<std::string> lost;
  for (size_t i = 0; i < requests.size(); ++i) {
    HF_TRY(const auto newer, wait(context, native.restore->lost_by_restore(
                                               native.volumes[i], requests[i].snapshot_id)));
    for (const storage::Snapshot& snapshot : newer) {  // of a group, all volumes have its name
      if (std::find(lost.begin(), lost.end(), snapshot.name) == lost.end()) {
        lost.push_back(snapshot.name);
      }
    }
  }
  return lost;
}

Result<Means> choose_whole(const DataContext& context, const Native& native,
                           const std::vector<RestoreRequest>& requests, bool group, bool wanted) {
  HF_TRY(const std::string why_not, why_not_whole(context, native, group));
  if (!why_not.empty()) {
    return copied(why_not);
  }
  HF_TRY(const auto lost, lost_by(context, native, requests));
  if (!lost.empty() && !wanted) {
    return copied(fmt::format(
        "going back by snapshot_restore would throw away {} newer snapshots, such as {}: ask for "
        "means snapshot_restore to accept that",
        lost.size(), lost.front()));
  }
  Means means;
  means.means = kWhole;
  means.loses = lost.size();
  means.lost = lost;
  means.why = lost.empty() ? "nothing newer is lost by it" : "asked for";
  HF_TRY(const storage::ReadView live,
         wait(context, native.driver->read_view(native.volumes.front(), "")));
  means.excludes = live.exclude;
  return means;
}

// Files within one volume: over what is there, or to a place where nothing is.
Means choose_files(const Native& native, const RestoreRequest& request) {
  const storage::Volume& volume = native.volumes.front();
  const std::string target = fs::path(request.target).lexically_normal().string();
  if (target != volume.root && !target.starts_with(volume.root + "/")) {
    return copied(fmt::format("{} lies in another volume", request.target));
  }
  if (request.paths.size() > kMostFiles) {
    return copied(fmt::format("{} paths are more than {}, which go one by one",
                              request.paths.size(), kMostFiles));
  }
  bool fresh = true;
  for (const std::string& path : request.paths) {
    struct stat status{};
    if (::lstat((fs::path(request.snapshot_path) / path).c_str(), &status) != 0 ||
        !S_ISREG(status.st_mode)) {
      return copied(path + " is no single file");
    }
    fresh = fresh && ::lstat((fs::path(request.target) / path).c_str(), &status) != 0;
  }
  Means means;
  means.means = fresh && !request.in_place ? kClone : kFile;
  means.why = "the files stay in their volume";
  return means;
}

Result<Means> choose(const DataContext& context, const std::vector<RestoreRequest>& requests,
                     bool group, bool wanted) {
  HF_TRY(const Native native, open_native(context, requests));
  const RestoreRequest& request = requests.front();
  if (!request.paths.empty()) {
    return choose_files(native, request);
  }
  if (request.in_place) {
    return choose_whole(context, native, requests, group, wanted);
  }
  if (requests.size() > 1) {
    return copied("a group goes back in place only");
  }
  if (native.volumes.front().path != native.volumes.front().root) {
    return copied(fmt::format("{} is a part of its volume, which would be cloned as a whole",
                              native.volumes.front().path));
  }
  const Status possible =
      wait(context, native.restore->can_clone_to(native.volumes.front(), request.target));
  if (!possible) {
    return copied(possible.error().message());
  }
  Means means;
  means.means = kClone;
  means.why = "a new volume that shares blocks at first";
  return means;
}

Result<Json> choose_means(const DataContext& context, ActivityContext&, const Json& input) {
  const std::string wanted = get_string(input, "wanted");
  if (wanted == kCopied) {
    return encode(copied("asked for"));
  }
  auto means = choose(context, requests_of(input), get_bool(input, "group"), wanted == kWhole);
  if (!means) {
    means = copied(means.error().message());
  }
  if (!wanted.empty() && means->means != wanted) {
    return Error(Code::kFailedPrecondition,
                 fmt::format("{} was asked for and cannot be: {}", wanted, means->why));
  }
  return encode(*means);
}

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
  const fs::path inside = fs::path(volume.path).lexically_relative(volume.root);
  for (const std::string& path : request.paths) {
    const fs::path to = (fs::path(request.target) / path).lexically_normal();
    HF_TRY_VOID(env::make_directories(to.parent_path().string(), 0755));
    const storage::FileToRestore file{(inside / path).lexically_normal().string(),
                                      to.lexically_relative(volume.root).string()};
    const bool fresh = !fs::exists(fs::symlink_status(to));
    HF_TRY_VOID(
        wait(context, request.means == kClone && fresh
                          ? native.restore->clone_file(volume, request.snapshot_id, file)
                          : native.restore->restore_file(volume, request.snapshot_id, file)));
  }
  return {};
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
  const Status done =
      !request.paths.empty() ? restore_files(context, native, request)
      : request.means == kWhole
          ? restore_whole(context, native, requests, input)
          : wait(context, native.restore->clone_to(native.volumes.front(), request.snapshot_id,
                                                   request.target));
  if (!done && done.error().retry() == Retry::kPermanent) {
    return Json(JsonObject{{"refused", done.error().to_string()}});
  }
  HF_TRY_VOID(done);
  RestoreDone figures;
  figures.files = static_cast<std::uint64_t>(get_int(input, "files"));
  figures.bytes = static_cast<std::uint64_t>(get_int(input, "bytes"));
  Json answer = encode(figures);
  answer.get_object()["detail"] =
      fmt::format("{}: {} entries, {} by the storage system itself to {}{}", request.means,
                  figures.files, format_bytes(figures.bytes), request.target,
                  request.means == kWhole ? update_mirrors(context, native) : "");
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
  using Activity = Result<Json> (*)(const DataContext&, ActivityContext&, const Json&);
  const auto add = [&](const char* name, Activity run) {
    registry.add(name, [&context, run](ActivityContext& activity, const Json& input) {
      return run(context, activity, input);
    });
  };
  add("storage.choose_means", choose_means);
  add("storage.restore", restore);
  add("storage.drop_clone", drop_clone);
}

}  // namespace holdfast::activities
