// A copy on another system is made readable here: where its volume is mounted, as a clone beside
// it, which moves nothing, or in a new volume beside the original, filled by a restore.

#include <fmt/core.h>

#include "core/async/run.h"
#include "core/base/log.h"
#include "drivers/storage/ontap/clones.h"
#include "drivers/storage/ontap/restore_impl.h"
#include "drivers/storage/ontap/snapshots.h"
#include "drivers/storage/ontap/visibility.h"

namespace holdfast::storage::ontap {

using async::Co;

namespace {

std::string snapshot_in(const std::string& local, const std::string& snapshot) {
  return local + std::string(kSnapshotDirectory) + "/" + snapshot;
}

}  // namespace

// Where the copy can be read because its own volume is mounted here; empty: nowhere.
Co<std::string> OntapRestore::mounted_copy(Copy copy, std::string snapshot) {
  if (!copy.volume || copy.volume->junction.empty()) {
    co_return std::string();
  }
  const std::string local =
      systems_.local_path(*copy.relation.cluster, copy.volume->svm, copy.volume->junction);
  if (local.empty()) {
    co_return std::string();
  }
  std::string path = snapshot_in(local, snapshot);
  const bool there = co_await async::run_on(pool_, [path] { return path_exists(path); });
  co_return there ? path : std::string();
}

// What was made for it is read from a snapshot: the volume's own .snapshot is no part of what was
// protected.
Co<Result<std::string>> OntapRestore::readable(VolumeOn made, Junction junction,
                                               std::string snapshot) {
  HF_CO_TRY(const auto kept, co_await find_snapshot(made, snapshot));
  if (!kept) {
    HF_CO_TRY_VOID(status_of(
        co_await make_snapshot(made, {.name = snapshot, .comment = "brought back from a copy"})));
  }
  const std::string path = snapshot_in(junction.local, snapshot);
  const bool seen = co_await becomes_visible(&systems_.clock(), &pool_, path,
                                             junction.local + std::string(kSnapshotDirectory));
  if (!seen) {
    co_return Error(Code::kUnavailable, "the restored volume shows no snapshot: try again",
                    Retry::kTransient)
        .with("path", path);
  }
  co_return path;
}

// A clone of the copy in its own SVM, whose root is mounted here.
Co<Result<std::string>> OntapRestore::clone_copy(Copy copy, std::string snapshot,
                                                 std::string name) {
  if (!copy.volume) {
    co_return Error(Code::kFailedPrecondition, "the copy is no volume");
  }
  const ClusterPtr cluster = copy.relation.cluster;
  HF_CO_TRY(const Junction junction,
            junction_for(systems_, *cluster, *copy.volume, clone_volume_name(name)));
  CloneSpec spec{name, snapshot, junction.path};
  HF_CO_TRY(const VolumeInfo made, co_await make_clone(cluster, *copy.volume, std::move(spec)));
  const bool visible = co_await is_seen(junction);
  if (!visible) {
    HF_CO_TRY_VOID(co_await remove_clone_volume(cluster, made));
    co_return invisible(junction, copy.volume->svm);
  }
  co_return co_await readable({cluster, made.uuid}, junction, std::move(snapshot));
}

// A volume beside the original, filled with the copy.
Co<Result<std::string>> OntapRestore::transfer_copy(Volume volume, Copy copy, CopySource source,
                                                    std::string name) {
  HF_CO_TRY(const Open original, co_await open(volume));
  const std::string own = clone_volume_name(name);
  HF_CO_TRY(const Junction junction, junction_for(systems_, *original.cluster, original.info, own));
  const std::string snapshot = source.snapshot;
  NewPlace place{own, std::string(kMadeByUs) + "a copy brought back", junction};
  HF_CO_TRY(const VolumeInfo made,
            co_await fill_volume(original, std::move(copy), std::move(source), std::move(place)));
  const bool visible =
      co_await becomes_visible(&systems_.clock(), &pool_, junction.local, volume.root);
  if (!visible) {
    HF_CO_TRY_VOID(co_await remove_clone_volume(original.cluster, made));
    co_return invisible(junction, original.info.svm);
  }
  co_return co_await readable({original.cluster, made.uuid}, junction, snapshot);
}

Co<Result<FetchedCopy>> OntapRestore::fetch_copy(Volume volume, CopySource source,
                                                 std::string name) {
  HF_CO_TRY_VOID(check_name(name));
  HF_CO_TRY_VOID(check_name(source.snapshot));
  const std::string inside = volume.path.substr(volume.root.size());
  HF_CO_TRY(const Copy copy, co_await open_copy(source.relation));
  const std::string mounted = co_await mounted_copy(copy, source.snapshot);
  if (!mounted.empty()) {
    co_return FetchedCopy{FetchedCopy::Means::kMounted, mounted + inside};
  }
  const auto cloned = co_await clone_copy(copy, source.snapshot, name);
  if (cloned) {
    co_return FetchedCopy{FetchedCopy::Means::kCloned, *cloned + inside};
  }
  if (cloned.error().retry() != Retry::kPermanent) {
    co_return cloned.error();
  }
  if (copy.volume) {
    log_info("ontap.copy_not_cloned",
             {{"copy", copy.relation.relation.destination}, {"error", cloned.error().to_string()}});
  }
  HF_CO_TRY(const std::string path, co_await transfer_copy(volume, copy, source, name));
  co_return FetchedCopy{FetchedCopy::Means::kTransferred, path + inside};
}

Co<Status> OntapRestore::drop_fetched(Volume volume, std::string relation, std::string name) {
  const std::string own = clone_volume_name(name);
  if (!relation.empty()) {
    const auto copy = co_await open_copy(std::move(relation));
    if (!copy && copy.error().code() != Code::kNotFound) {
      co_return copy.error();
    }
    if (copy && copy->volume) {
      HF_CO_TRY_VOID(co_await remove_clone(copy->relation.cluster, *copy->volume, name));
    }
  }
  HF_CO_TRY(const Open original, co_await open(std::move(volume)));
  HF_CO_TRY_VOID(co_await end_restores(original.cluster, original.info.svm + ":" + own));
  HF_CO_TRY(const auto found, co_await find_volume(original.cluster, original.info.svm, own));
  co_return found ? co_await remove_clone_volume(original.cluster, *found) : Status();
}

}  // namespace holdfast::storage::ontap
