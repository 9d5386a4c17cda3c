// A clone keeps its parent snapshot busy, also from the recovery queue; deleting with `force` skips
// the queue (9.12). Each step is repeated harmlessly, so a half removed clone is removed by the
// next call.

#include "drivers/storage/ontap/clones.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/crypto/digest.h"
#include "core/net/url.h"

namespace holdfast::storage::ontap {
namespace {

using async::Co;

constexpr size_t kLongestName = 203;
constexpr int kVisibleTries = 20;

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

Co<Result<std::optional<VolumeInfo>>> find_clone(ClusterPtr cluster, VolumeInfo parent,
                                                 std::string volume_name) {
  HF_CO_TRY(auto found, co_await find_volume(cluster, parent.svm, volume_name));
  if (found && (!found->is_clone || found->parent_uuid != parent.uuid)) {
    co_return Error(Code::kConflict, fmt::format("volume {} is in the way: it is no clone of {}",
                                                 volume_name, parent.name));
  }
  co_return found;
}

}  // namespace

std::string clone_volume_name(std::string_view name) {
  std::string text(kClonePrefix);
  bool changed = false;
  for (const char c : name) {
    changed = changed || !is_plain(c);
    text += is_plain(c) ? c : '_';
  }
  constexpr size_t kHashDigits = 8;
  if (changed || text.size() > kLongestName) {
    text.resize(std::min(text.size(), kLongestName - kHashDigits - 1));
    text += "_" + crypto::sha256_hex(as_bytes(name)).substr(0, kHashDigits);
  }
  return text;
}

bool is_clone_of(const std::string& volume, const std::set<std::string>& clones) {
  // The names that could be meant sort at or before the volume's.
  return std::any_of(clones.begin(), clones.upper_bound(volume), [&](const std::string& clone) {
    return volume == clone || volume.starts_with(clone + "_");
  });
}

bool is_made_by_us(const VolumeInfo& volume) {
  return volume.name.starts_with(kClonePrefix) &&
         (volume.is_clone || volume.comment.starts_with(kMadeByUs));
}

Co<Result<std::vector<VolumeInfo>>> list_made_volumes(ClusterPtr cluster) {
  HF_CO_TRY(auto volumes,
            co_await list_volumes(cluster, {{"name", std::string(kClonePrefix) + "*"}}));
  std::erase_if(volumes, [](const VolumeInfo& volume) { return !is_made_by_us(volume); });
  co_return volumes;
}

Co<Status> remove_made_volume(ClusterPtr cluster, VolumeInfo volume) {
  if (volume.group_name.starts_with(kClonePrefix)) {
    Write write{.method = "DELETE",
                .path = "/application/consistency-groups/" + net::url_encode(volume.group),
                .query = {},
                .body = nullptr,
                .what = "delete the cloned group"};
    const auto gone = co_await cluster->client->write(std::move(write));
    if (!gone && gone.error().code() != Code::kNotFound) {
      co_return gone.error();
    }
  }
  const Status removed = co_await remove_clone_volume(cluster, std::move(volume));
  co_return removed || removed.error().code() == Code::kNotFound ? Status() : removed;
}

Co<Result<VolumeInfo>> make_clone(ClusterPtr cluster, VolumeInfo parent, CloneSpec spec) {
  const std::string name =
      spec.volume_name.empty() ? clone_volume_name(spec.name) : spec.volume_name;
  JsonObject body{{"name", name},
                  {"svm", JsonObject{{"name", parent.svm}}},
                  {"clone", JsonObject{{"is_flexclone", true},
                                       {"parent_volume", JsonObject{{"name", parent.name}}},
                                       {"parent_snapshot", JsonObject{{"name", spec.snapshot}}}}}};
  if (!spec.comment.empty()) {
    body["comment"] = spec.comment;
  }
  if (!spec.junction.empty()) {
    body["nas"] = JsonObject{{"path", spec.junction}};
  }
  Write write{.method = "POST",
              .path = "/storage/volumes",
              .query = {},
              .body = Json(std::move(body)),
              .what = "clone the volume"};
  // Not asked for before: the same name twice is refused, and the one that is there then taken.
  const auto made = co_await cluster->client->write(std::move(write));
  std::optional<VolumeInfo> found;
  for (int i = 0; i < kVisibleTries; ++i) {
    HF_CO_TRY(found, co_await find_clone(cluster, parent, name));
    if (found || !made) {
      break;
    }
    (void)co_await async::sleep_for(cluster->client->clock(), std::chrono::milliseconds(500));
  }
  if (!found) {
    co_return made ? Error(Code::kUnavailable, "the clone was made and cannot be seen: try again",
                           Retry::kTransient)
                   : made.error();
  }
  if (!spec.junction.empty() && found->junction != spec.junction) {
    HF_CO_TRY_VOID(co_await mount_volume(cluster, *found, spec.junction));
    found->junction = spec.junction;
  }
  co_return *std::move(found);
}

Co<Status> remove_clone(ClusterPtr cluster, VolumeInfo parent, std::string name) {
  HF_CO_TRY(const auto found, co_await find_clone(cluster, parent, clone_volume_name(name)));
  if (!found) {
    co_return Status();
  }
  co_return co_await remove_clone_volume(cluster, *found);
}

Co<Status> remove_clone_volume(ClusterPtr cluster, VolumeInfo clone) {
  if (!clone.junction.empty()) {
    HF_CO_TRY_VOID(co_await mount_volume(cluster, clone, ""));
  }
  const std::string path = "/storage/volumes/" + net::url_encode(clone.uuid);
  if (clone.state != "offline") {
    Write offline{.method = "PATCH",
                  .path = path,
                  .query = {},
                  .body = JsonObject{{"state", "offline"}},
                  .what = "take the clone offline"};
    HF_CO_TRY_VOID(status_of(co_await cluster->client->write(std::move(offline))));
  }
  Write write{.method = "DELETE",
              .path = path,
              .query = {{"force", "true"}},
              .body = nullptr,
              .what = "delete the clone"};
  const auto gone = co_await cluster->client->write(std::move(write));
  if (gone || gone.error().code() == Code::kNotFound) {
    co_return Status();
  }
  co_return gone.error();
}

}  // namespace holdfast::storage::ontap
