// A volume that comes to a new place as a FlexClone, and is then split from its parent, so that the
// parent's snapshot is free again.

#include <fmt/core.h>

#include <filesystem>

#include "core/async/run.h"
#include "drivers/storage/ontap/clones.h"
#include "drivers/storage/ontap/restore_impl.h"
#include "drivers/storage/ontap/splits.h"
#include "drivers/storage/ontap/visibility.h"

namespace holdfast::storage::ontap {

using async::Co;

namespace {

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// The name of a directory as that of a volume: letters, digits and '_', no digit first.
std::string volume_name_of(const std::string& directory) {
  std::string name;
  for (const char c : directory) {
    name += is_name_character(c) ? c : '_';
  }
  return name.empty() || (name.front() >= '0' && name.front() <= '9') ? "_" + name : name;
}

Error not_there(const std::string& target, std::string_view why) {
  return Error(Code::kFailedPrecondition,
               fmt::format("no volume can be made at {}: {}", target, why));
}

}  // namespace

Co<Result<Junction>> OntapRestore::junction_at(Volume volume, Open now, std::string target) {
  const std::filesystem::path path(target);
  const auto parent = co_await async::run_on(
      pool_, [above = path.parent_path().string()] { return real_directory(above); });
  if (!parent) {
    co_return not_there(target, "the directory above it does not exist");
  }
  const std::string local = *parent + "/" + path.filename().string();
  if (local.starts_with(volume.root + "/")) {
    co_return not_there(target, "it lies in the volume itself");
  }
  const auto place =
      co_await async::run_on(pool_, [this, local] { return systems_.place_of(local); });
  if (!place || place->svm != now.info.svm ||
      !(place->cluster.empty() || place->cluster == now.cluster->name)) {
    co_return not_there(target, fmt::format("it lies in no mount of SVM {} on {}", now.info.svm,
                                            now.cluster->name));
  }
  co_return Junction{.path = place->junction, .local = local};
}

OntapRestore::NewPlace OntapRestore::place_for(const VolumeInfo& parent, const std::string& target,
                                               const std::string& snapshot, Junction junction) {
  return {volume_name_of(std::filesystem::path(target).filename().string()),
          recovered_comment(parent, snapshot), std::move(junction)};
}

Co<bool> OntapRestore::is_seen(Junction junction) {
  const std::string above = std::filesystem::path(junction.local).parent_path().string();
  co_return co_await becomes_visible(&systems_.clock(), &pool_, junction.local, above);
}

Co<Status> OntapRestore::can_clone_to(Volume volume, std::string target) {
  HF_CO_TRY(const Open now, co_await open(volume));
  co_return co_await free_place(std::move(volume), now, std::move(target));
}

Co<Status> OntapRestore::free_place(Volume volume, Open now, std::string target) {
  HF_CO_TRY_VOID(status_of(co_await junction_at(std::move(volume), std::move(now), target)));
  const bool taken = co_await async::run_on(pool_, [target] { return path_exists(target); });
  co_return taken ? Status(not_there(target, "something is there already")) : Status();
}

Co<Status> OntapRestore::clone_to(Volume volume, std::string snapshot, std::string target) {
  HF_CO_TRY(const Open now, co_await open_with(volume, snapshot));
  HF_CO_TRY(const Junction junction, co_await junction_at(volume, now, target));
  const NewPlace place = place_for(now.info, target, snapshot, junction);
  HF_CO_TRY(auto found, co_await find_volume(now.cluster, now.info.svm, place.name));
  // An earlier attempt made it, and may have split it already.
  const bool ours = found && found->comment == place.comment;
  if (!ours || found->junction != junction.path) {
    CloneSpec spec{place.name, snapshot, junction.path, place.name, place.comment};
    HF_CO_TRY(found, co_await make_clone(now.cluster, now.info, std::move(spec)));
  }
  const bool visible = co_await is_seen(junction);
  if (!visible) {
    HF_CO_TRY_VOID(co_await remove_clone_volume(now.cluster, *found));
    co_return invisible(junction, now.info.svm);
  }
  co_return co_await start_split(now.cluster, *found);
}

}  // namespace holdfast::storage::ontap
