// A cloned group is a group of clones: it goes first, its volumes one by one after it, since
// deleting a group leaves its volumes.

#include "drivers/storage/ontap/group_clones.h"

#include <fmt/core.h>

#include "core/net/url.h"
#include "drivers/storage/ontap/clones.h"

namespace holdfast::storage::ontap {
namespace {

using async::Co;

constexpr int kVisibleTries = 20;
constexpr Nanoseconds kVisibleDelay = std::chrono::milliseconds(500);

Co<Result<std::optional<GroupInfo>>> find_group(ClusterPtr cluster, std::string name,
                                                std::string svm) {
  HF_CO_TRY(const auto found,
            co_await list_groups(std::move(cluster),
                                 {{"name", exactly(name)}, {"svm.name", exactly(svm)}}));
  co_return found.empty() ? std::nullopt : std::optional<GroupInfo>(found.front());
}

// The clone's volumes in the order of the members; those that are not there are left out.
Co<Result<std::vector<VolumeInfo>>> volumes_of(ClusterPtr cluster, std::vector<VolumeInfo> members,
                                               std::string name) {
  std::vector<VolumeInfo> found;
  for (const VolumeInfo& member : members) {
    HF_CO_TRY(
        const auto same,
        co_await list_volumes(cluster, {{"name", exactly(group_clone_volume(member.name, name))},
                                        {"svm.name", exactly(member.svm)}}));
    if (!same.empty() && (!same.front().is_clone || same.front().parent_uuid != member.uuid)) {
      co_return Error(Code::kConflict, fmt::format("volume {} is in the way: it is no clone of {}",
                                                   same.front().name, member.name));
    }
    if (!same.empty()) {
      found.push_back(same.front());
    }
  }
  co_return found;
}

std::string prefix_of(const std::string& name) { return clone_volume_name(name) + "_"; }

}  // namespace

std::string group_clone_volume(const std::string& member, const std::string& name) {
  return prefix_of(name) + member;
}

Co<Result<std::vector<VolumeInfo>>> make_group_clone(ClusterPtr cluster, GroupInfo group,
                                                     std::vector<VolumeInfo> members,
                                                     std::string snapshot, std::string name) {
  const std::string own = clone_volume_name(name);
  HF_CO_TRY(auto clone, co_await find_group(cluster, own, group.svm));
  Result<Written> made = Written();
  if (!clone) {
    Write write{
        .method = "POST",
        .path = "/application/consistency-groups",
        .query = {},
        .body =
            JsonObject{
                {"name", own},
                {"svm", JsonObject{{"name", group.svm}}},
                {"clone", JsonObject{{"is_flexclone", true},
                                     {"parent_consistency_group", JsonObject{{"uuid", group.uuid}}},
                                     {"parent_snapshot", JsonObject{{"name", snapshot}}},
                                     {"volume", JsonObject{{"prefix", prefix_of(name)}}}}}},
        .what = "clone the consistency group"};
    made = co_await cluster->client->write(std::move(write));
  }
  for (int i = 0; i < kVisibleTries; ++i) {
    HF_CO_TRY(auto volumes, co_await volumes_of(cluster, members, name));
    if (volumes.size() == members.size()) {
      co_return volumes;
    }
    if (!made) {
      break;
    }
    (void)co_await async::sleep_for(cluster->client->clock(), kVisibleDelay);
  }
  HF_CO_TRY_VOID(status_of(made));
  co_return Error(Code::kUnavailable, "the clone of the group lacks a volume: try again",
                  Retry::kTransient)
      .with("group", group.name);
}

Co<Status> remove_group_clone(ClusterPtr cluster, std::vector<VolumeInfo> members,
                              std::string name) {
  if (members.empty()) {
    co_return Status();
  }
  HF_CO_TRY(const auto group,
            co_await find_group(cluster, clone_volume_name(name), members.front().svm));
  HF_CO_TRY(auto volumes, co_await volumes_of(cluster, members, name));
  if (group) {
    Write write{.method = "DELETE",
                .path = "/application/consistency-groups/" + net::url_encode(group->uuid),
                .query = {},
                .body = nullptr,
                .what = "delete the cloned group"};
    const auto gone = co_await cluster->client->write(std::move(write));
    if (!gone && gone.error().code() != Code::kNotFound) {
      co_return gone.error();
    }
  }
  for (const VolumeInfo& volume : volumes) {
    HF_CO_TRY_VOID(co_await remove_clone_volume(cluster, volume));
  }
  co_return Status();
}

}  // namespace holdfast::storage::ontap
