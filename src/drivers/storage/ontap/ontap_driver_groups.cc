// Clones, and what concerns several volumes at one instant.

#include <fmt/core.h>

#include "drivers/storage/ontap/clones.h"
#include "drivers/storage/ontap/group_clones.h"
#include "drivers/storage/ontap/groups.h"
#include "drivers/storage/ontap/ontap_driver_impl.h"
#include "drivers/storage/ontap/visibility.h"

namespace holdfast::storage::ontap {

using async::Co;

Co<Result<OntapDriver::Members>> OntapDriver::open_members(std::vector<Volume> volumes) {
  Members found;
  for (const Volume& volume : volumes) {
    HF_CO_TRY(Open now, co_await open(volume));
    if (found.cluster && found.cluster->uuid != now.cluster->uuid) {
      co_return Error(Code::kFailedPrecondition,
                      "a consistency group lies on one cluster, and these volumes on several");
    }
    found.cluster = now.cluster;
    found.volumes.push_back(std::move(now.info));
  }
  if (found.volumes.empty()) {
    co_return Error(Code::kInvalidArgument, "a group has volumes, and none were given");
  }
  co_return found;
}

Co<Result<std::vector<Snapshot>>> OntapDriver::create_group_snapshot(std::vector<Volume> volumes,
                                                                     SnapshotSpec spec) {
  HF_CO_TRY_VOID(check_spec(spec));
  if (spec.keep_until || spec.locked_until) {
    co_return Error(Code::kFailedPrecondition,
                    "a member of a consistency group has no lock: lock the replicated copy");
  }
  HF_CO_TRY(const Members opened, co_await open_members(std::move(volumes)));
  const auto& [cluster, members] = opened;
  HF_CO_TRY(const GroupInfo group, co_await ontap::group_of(cluster, members));
  HF_CO_TRY_VOID(co_await make_group_snapshot(cluster, group, spec));
  std::vector<Snapshot> taken;
  for (const VolumeInfo& member : members) {
    HF_CO_TRY(const auto found, co_await find_snapshot({cluster, member.uuid}, spec.name));
    if (!found) {
      co_return Error(Code::kPartial,
                      fmt::format("the group snapshot is not on volume {}", member.name),
                      Retry::kTransient);
    }
    taken.push_back(to_snapshot(*found));
  }
  co_return taken;
}

Co<Result<std::optional<Group>>> OntapDriver::group_of(Volume volume) {
  HF_CO_TRY(const Open now, co_await open(std::move(volume)));
  if (now.info.group.empty()) {
    co_return std::nullopt;
  }
  HF_CO_TRY(const auto found, co_await list_groups(now.cluster, {{"uuid", now.info.group}}));
  Group group{now.info.group_name, {}};
  for (const GroupInfo& info : found) {
    for (const std::string& member : info.volumes) {
      group.volumes.push_back(now.cluster->uuid + "/" + member);
    }
  }
  co_return group;
}

Co<Result<Clone>> OntapDriver::create_clone(Volume volume, std::string snapshot,
                                            std::string clone_name) {
  HF_CO_TRY_VOID(check_name(snapshot));
  HF_CO_TRY_VOID(check_name(clone_name));
  HF_CO_TRY(const Open now, co_await seen(volume));
  HF_CO_TRY(const Junction junction,
            junction_for(systems_, *now.cluster, now.info, clone_volume_name(clone_name)));
  CloneSpec spec{clone_name, snapshot, junction.path};
  const auto made = co_await make_clone(now.cluster, now.info, std::move(spec));
  if (!made && made.error().retry() == Retry::kPermanent) {
    HF_CO_TRY(const auto parent, co_await find_snapshot({now.cluster, now.info.uuid}, snapshot));
    if (!parent) {
      co_return Error(Code::kNotFound, "there is no such snapshot").with("snapshot", snapshot);
    }
  }
  HF_CO_TRY_VOID(status_of(made));
  const bool visible =
      co_await becomes_visible(&systems_.clock(), &pool_, junction.local, volume.root);
  if (!visible) {
    HF_CO_TRY_VOID(co_await remove_clone(now.cluster, now.info, clone_name));
    co_return invisible(junction, now.info.svm);
  }
  co_return Clone{.name = clone_name, .path = junction.local + inside_of(volume)};
}

Co<Status> OntapDriver::delete_clone(Volume volume, std::string clone_name) {
  HF_CO_TRY_VOID(check_name(clone_name));
  HF_CO_TRY(const Open now, co_await seen(std::move(volume)));
  co_return co_await remove_clone(now.cluster, now.info, std::move(clone_name));
}

Co<Result<Clone>> OntapDriver::mount_clone(ClusterPtr cluster, Volume parent, VolumeInfo info,
                                           VolumeInfo made, std::string name) {
  HF_CO_TRY(const Junction junction, junction_for(systems_, *cluster, info, made.name));
  if (made.junction != junction.path) {
    HF_CO_TRY_VOID(co_await mount_volume(cluster, made, junction.path));
  }
  const bool visible =
      co_await becomes_visible(&systems_.clock(), &pool_, junction.local, parent.root);
  if (!visible) {
    co_return invisible(junction, info.svm);
  }
  co_return Clone{.name = std::move(name), .path = junction.local + inside_of(parent)};
}

Co<Result<std::vector<Clone>>> OntapDriver::create_group_clone(std::vector<Volume> volumes,
                                                               std::string snapshot,
                                                               std::string clone_name) {
  HF_CO_TRY_VOID(check_name(snapshot));
  HF_CO_TRY_VOID(check_name(clone_name));
  HF_CO_TRY(const Members found, co_await open_members(volumes));
  HF_CO_TRY(const GroupInfo group, co_await ontap::group_of(found.cluster, found.volumes));
  HF_CO_TRY(const auto made,
            co_await make_group_clone(found.cluster, group, found.volumes, snapshot, clone_name));
  std::vector<Clone> clones;
  for (size_t i = 0; i < made.size(); ++i) {
    auto clone =
        co_await mount_clone(found.cluster, volumes[i], found.volumes[i], made[i], clone_name);
    if (!clone) {
      HF_CO_TRY_VOID(co_await remove_group_clone(found.cluster, found.volumes, clone_name));
      co_return clone.error();
    }
    clones.push_back(*std::move(clone));
  }
  co_return clones;
}

Co<Status> OntapDriver::delete_group_clone(std::vector<Volume> volumes, std::string clone_name) {
  HF_CO_TRY_VOID(check_name(clone_name));
  HF_CO_TRY(const Members found, co_await open_members(std::move(volumes)));
  co_return co_await remove_group_clone(found.cluster, found.volumes, std::move(clone_name));
}

}  // namespace holdfast::storage::ontap
