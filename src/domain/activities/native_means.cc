// What a storage system can do for a recovery by itself: which means is taken.
//
// storage.choose_means never makes a recovery impossible: what the system cannot do, or does not
// answer, is done by copying files out of the snapshot, and the answer says why. A volume goes back
// as a whole only where nothing else is lost by that, or where the caller insists and somebody
// approves.
#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "domain/activities/native_work.h"

namespace holdfast::activities {
namespace {

namespace fs = std::filesystem;
using flow::ActivityContext;

constexpr size_t kMostFiles = 64;  // restored one by one

Means copied(std::string why) {
  Means means;
  means.why = std::move(why);
  return means;
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

// Why these files cannot be restored by the system; empty: they can.
std::string why_no_files(const storage::Volume& volume, const RestoreRequest& request) {
  const std::string target = fs::path(request.target).lexically_normal().string();
  if (target != volume.root && !target.starts_with(volume.root + "/")) {
    return fmt::format("{} lies in another volume", request.target);
  }
  if (request.paths.size() > kMostFiles) {
    return fmt::format("{} paths are more than {}, which go one by one", request.paths.size(),
                       kMostFiles);
  }
  for (const std::string& path : request.paths) {
    struct stat status{};
    if (::lstat((fs::path(request.snapshot_path) / path).c_str(), &status) != 0 ||
        !S_ISREG(status.st_mode)) {
      return path + " is no single file";
    }
  }
  return "";
}

// Files within one volume: over what is there, or to a place where nothing is.
Means choose_files(const Native& native, const RestoreRequest& request) {
  if (std::string why_not = why_no_files(native.volumes.front(), request); !why_not.empty()) {
    return copied(std::move(why_not));
  }
  const bool fresh =
      std::none_of(request.paths.begin(), request.paths.end(), [&request](const std::string& path) {
        return fs::exists(fs::symlink_status(fs::path(request.target) / path));
      });
  Means means;
  means.means = fresh && !request.in_place ? kClone : kFile;
  means.why = "the files stay in their volume";
  return means;
}

// Of a copy elsewhere: the files or the volume go back by a relationship, or fill a new volume.
// What comes out of an object store has been brought here whole to be compared, and is copied from
// there.
Result<Means> choose_replica(const DataContext& context, const ActivityContext& activity,
                             const RestoreRequest& request, bool wanted) {
  HF_TRY(const Replicas replicas, open_replicas(context, activity, request.volume));
  const storage::Volume& volume = replicas.volume;
  if (request.mirror.ends_with(kObjectStore) && !wanted) {
    return copied("the copy of the object store is here already");
  }
  if (!request.paths.empty()) {
    if (std::string why_not = why_no_files(volume, request); !why_not.empty()) {
      return copied(std::move(why_not));
    }
  } else if (volume.path != volume.root) {
    return copied(
        fmt::format("{} is a part of its volume, which would come back as a whole", volume.path));
  }
  HF_TRY(const auto relation, known_relation(context, replicas, request.mirror));
  const storage::CopySource source = source_of(relation, volume, request);
  const Status possible = wait(context, replicas.restore->can_restore_copy(volume, source));
  if (!possible) {
    return copied(possible.error().message());
  }
  HF_TRY(const storage::ReadView live, wait(context, replicas.driver->read_view(volume, "")));
  Means means;
  means.means = kReplica;
  means.excludes = live.exclude;
  means.why = !source.place.empty()  ? "a new volume, filled from the copy"
              : source.files.empty() ? "what differs comes from the copy, and all snapshots stay"
                                     : "the files come from the copy";
  return means;
}

Result<Means> choose(const DataContext& context, const ActivityContext& activity,
                     const std::vector<RestoreRequest>& requests, bool group, bool wanted) {
  const RestoreRequest& request = requests.front();
  if (!request.mirror.empty()) {
    return choose_replica(context, activity, request, wanted);
  }
  HF_TRY(const Native native, open_native(context, requests));
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

}  // namespace

std::vector<RestoreRequest> requests_of(const Json& input) {
  std::vector<RestoreRequest> requests;
  for (const Json& request : find(input, "requests")->get_array()) {
    requests.push_back(decode<RestoreRequest>(request));
  }
  return requests;
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

storage::FileToRestore file_of(const storage::Volume& volume, const RestoreRequest& request,
                               const std::string& path) {
  const fs::path inside = fs::path(volume.path).lexically_relative(volume.root);
  const fs::path to = (fs::path(request.target) / path).lexically_normal();
  return {(inside / path).lexically_normal().string(), to.lexically_relative(volume.root).string()};
}

storage::CopySource source_of(const storage::Relation& relation, const storage::Volume& volume,
                              const RestoreRequest& request) {
  storage::CopySource source{relation.id, request.snapshot_id};
  for (const std::string& path : request.paths) {
    source.files.push_back(file_of(volume, request, path));
  }
  if (request.paths.empty() && !request.in_place) {
    source.place = request.target;
  }
  return source;
}

Result<Json> choose_means(const DataContext& context, ActivityContext& activity,
                          const Json& input) {
  const std::string wanted = get_string(input, "wanted");
  if (wanted == kCopied) {
    return encode(copied("asked for"));
  }
  auto means = choose(context, activity, requests_of(input), get_bool(input, "group"),
                      wanted == kWhole || wanted == kReplica);
  if (!means) {
    means = copied(means.error().message());
  }
  if (!wanted.empty() && means->means != wanted) {
    return Error(Code::kFailedPrecondition,
                 fmt::format("{} was asked for and cannot be: {}", wanted, means->why));
  }
  return encode(*means);
}

}  // namespace holdfast::activities
