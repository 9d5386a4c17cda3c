// A split that failed or was stopped leaves nothing but a clone: ONTAP tells of splits only while
// they run, so what is recovered by its comment and is a clone without one is what is left.

#include "drivers/storage/ontap/splits.h"

#include <fmt/core.h>

#include "core/net/url.h"

namespace holdfast::storage::ontap {
namespace {

using async::Co;

constexpr std::string_view kRecoveredFrom = "recovered by Holdfast from ";

bool splits(const VolumeInfo& volume) { return volume.split_initiated || volume.split_percent > 0; }

}  // namespace

std::string recovered_comment(const VolumeInfo& parent, const std::string& snapshot) {
  return fmt::format("{}{}:{}/{}", kRecoveredFrom, parent.svm, parent.name, snapshot);
}

bool is_unsplit(const VolumeInfo& volume) {
  return volume.is_clone && !splits(volume) && volume.comment.starts_with(kRecoveredFrom);
}

std::string recovered_from(const VolumeInfo& volume) {
  return volume.comment.substr(std::min(kRecoveredFrom.size(), volume.comment.size()));
}

Co<Result<std::vector<VolumeInfo>>> list_unsplit(ClusterPtr cluster) {
  HF_CO_TRY(auto volumes, co_await list_volumes(cluster, {{"clone.is_flexclone", "true"}}));
  std::erase_if(volumes, [](const VolumeInfo& volume) { return !is_unsplit(volume); });
  co_return volumes;
}

Co<Status> start_split(ClusterPtr cluster, VolumeInfo volume) {
  if (!volume.is_clone || splits(volume)) {
    co_return Status();
  }
  Write split{.method = "PATCH",
              .path = "/storage/volumes/" + net::url_encode(volume.uuid),
              .query = {},
              .body = JsonObject{{"clone", JsonObject{{"split_initiated", true}}}},
              .what = "split the new volume from its parent",
              .wait_briefly = false,
              .wait_for_job = false};  // the bytes are there already; copying them apart takes long
  co_return status_of(co_await cluster->client->write(std::move(split)));
}

}  // namespace holdfast::storage::ontap
