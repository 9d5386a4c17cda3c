// While an application is quiet, one call takes the group snapshot: nothing writes, and the call
// has a limit of its own (7 s). Otherwise two-phase group snapshots (9.11): `start` fences the
// writes of all volumes and takes their snapshots, `commit` keeps them and lifts the fence. Without
// a commit in time the cluster lifts the fence and throws the snapshots away; a late commit would
// then fail, so none is sent when more than half of the fence has passed.

#include "drivers/storage/ontap/groups.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/net/url.h"
#include "drivers/storage/ontap/errors.h"
#include "drivers/storage/ontap/values.h"

namespace holdfast::storage::ontap {
namespace {

using async::Co;

constexpr std::chrono::seconds kFence(20);
constexpr std::int64_t kUnknownField = 262179;

std::string path_of(const GroupInfo& group) {
  return "/application/consistency-groups/" + net::url_encode(group.uuid);
}

struct GroupSnapshot {
  std::string uuid;
  bool partial = false;
  bool ours = false;
};

Co<Result<std::optional<GroupSnapshot>>> find_group_snapshot(ClusterPtr cluster, GroupInfo group,
                                                             std::string name) {
  HF_CO_TRY(const auto record,
            co_await cluster->client->find_one(
                path_of(group) + "/snapshots",
                {{"name", exactly(name)}, {"fields", "uuid,name,is_partial,snapmirror_label"}},
                "look for the group snapshot"));
  if (!record) {
    co_return std::nullopt;
  }
  co_return GroupSnapshot{get_string(*record, "uuid"), get_bool(*record, "is_partial"),
                          get_string(*record, "snapmirror_label") == kLabel};
}

// As it is after it was taken: the answer of a commit does not say whether it is whole.
Co<Result<GroupSnapshot>> read_group_snapshot(ClusterPtr cluster, GroupInfo group,
                                              std::string uuid) {
  HF_CO_TRY(const Json record,
            co_await cluster->client->get(path_of(group) + "/snapshots/" + net::url_encode(uuid),
                                          {{"fields", "uuid,name,is_partial,snapmirror_label"}},
                                          "read the group snapshot"));
  co_return GroupSnapshot{get_string(record, "uuid"), get_bool(record, "is_partial"),
                          get_string(record, "snapmirror_label") == kLabel};
}

Co<Status> delete_group_snapshot(ClusterPtr cluster, GroupInfo group, std::string uuid) {
  Write write{.method = "DELETE",
              .path = path_of(group) + "/snapshots/" + net::url_encode(uuid),
              .query = {},
              .body = nullptr,
              .what = "delete the group snapshot"};
  const auto gone = co_await cluster->client->write(std::move(write));
  co_return gone || gone.error().code() == Code::kNotFound ? Status() : Status(gone.error());
}

std::string uuid_of(const Written& started) {
  const Json* records = find(started.body, "records");
  if (records != nullptr && records->is_array() && !records->get_array().empty()) {
    return get_string(records->get_array().front(), "uuid", started.key);
  }
  return started.key;
}

Json group_snapshot_body(const SnapshotSpec& spec) {
  return JsonObject{{"name", spec.name},
                    {"comment", spec.comment},
                    {"snapmirror_label", kLabel},
                    {"consistency_type", spec.application_quiet ? "application" : "crash"}};
}

// One call, while the application is quiet. Answers its uuid.
Co<Result<std::string>> take_quietly(ClusterPtr cluster, GroupInfo group, SnapshotSpec spec) {
  Write write{.method = "POST",
              .path = path_of(group) + "/snapshots",
              .query = {{"return_records", "true"}},
              .body = group_snapshot_body(spec),
              .what = "take the group snapshot"};
  HF_CO_TRY(const Written taken, co_await cluster->client->write(std::move(write)));
  co_return uuid_of(taken);
}

// Both phases; answers its uuid when the fence has been lifted by our commit.
Co<Result<std::string>> fence_and_commit(ClusterPtr cluster, GroupInfo group, SnapshotSpec spec) {
  Client& client = *cluster->client;
  const MonoTime begun = client.clock().mono();
  Write start{.method = "POST",
              .path = path_of(group) + "/snapshots",
              .query = {{"action", "start"},
                        {"action_timeout", std::to_string(kFence.count())},
                        {"return_records", "true"}},
              .body = group_snapshot_body(spec),
              .what = "begin the group snapshot",
              .deadline = kFence};
  start.body.get_object()["write_fence"] = true;
  auto begun_one = co_await client.write(start);
  if (!begun_one && ontap_code(begun_one.error()) == kUnknownField) {
    start.body.get_object().erase("write_fence");  // before it could be asked for, it always was
    begun_one = co_await client.write(std::move(start));
  }
  HF_CO_TRY(const Written started, std::move(begun_one));
  const std::string uuid = uuid_of(started);
  if (uuid.empty()) {
    co_return Error(Code::kUnavailable, "the cluster does not say which group snapshot it began",
                    Retry::kTransient);
  }
  if (client.clock().mono() - begun > kFence / 2) {
    co_return Error(
        Code::kDeadlineExceeded,
        fmt::format("beginning the group snapshot took {} of a write fence of {}: no "
                    "commit was sent, and the fence ends by itself",
                    format_duration(client.clock().mono() - begun), format_duration(kFence)),
        Retry::kTransient);
  }
  Write commit{.method = "PATCH",
               .path = path_of(group) + "/snapshots/" + net::url_encode(uuid),
               .query = {{"action", "commit"}},
               .body = JsonObject{},
               .what = "commit the group snapshot",
               .deadline = kFence};
  HF_CO_TRY_VOID(status_of(co_await client.write(std::move(commit))));
  co_return uuid;
}

}  // namespace

Co<Result<std::vector<GroupInfo>>> list_groups(ClusterPtr cluster, Query filter) {
  filter.emplace_back("fields", "uuid,name,svm,volumes");
  HF_CO_TRY(const JsonArray records,
            co_await cluster->client->list("/application/consistency-groups", std::move(filter),
                                           "list consistency groups"));
  std::vector<GroupInfo> groups;
  for (const Json& record : records) {
    GroupInfo group{get_string(record, "uuid"),
                    get_string(record, "name"),
                    get_string(at(record, "svm"), "name"),
                    {}};
    if (const Json& volumes = at(record, "volumes"); volumes.is_array()) {
      for (const Json& volume : volumes.get_array()) {
        group.volumes.push_back(get_string(volume, "uuid"));
      }
    }
    groups.push_back(std::move(group));
  }
  co_return groups;
}

Co<Result<GroupInfo>> group_of(ClusterPtr cluster, std::vector<VolumeInfo> volumes) {
  HF_CO_TRY(const auto groups, co_await list_groups(cluster, {}));
  for (const GroupInfo& group : groups) {
    const bool all = std::all_of(volumes.begin(), volumes.end(), [&](const VolumeInfo& volume) {
      return std::find(group.volumes.begin(), group.volumes.end(), volume.uuid) !=
             group.volumes.end();
    });
    if (all) {
      co_return group;
    }
  }
  std::string names;
  for (const VolumeInfo& volume : volumes) {
    names += (names.empty() ? "" : ", ") + volume.name;
  }
  co_return Error(
      Code::kFailedPrecondition,
      fmt::format("no consistency group holds {} together: make one on the cluster", names));
}

Co<Status> make_group_snapshot(ClusterPtr cluster, GroupInfo group, SnapshotSpec spec) {
  HF_CO_TRY(auto found, co_await find_group_snapshot(cluster, group, spec.name));
  if (found && !found->ours) {
    co_return Error(Code::kAlreadyExists,
                    "there is a group snapshot of this name that Holdfast has not made")
        .with("snapshot", spec.name);
  }
  if (found && !found->partial) {
    co_return Status();
  }
  if (found) {
    HF_CO_TRY_VOID(co_await delete_group_snapshot(cluster, group, found->uuid));
  }
  const auto taken = spec.application_quiet ? co_await take_quietly(cluster, group, spec)
                                            : co_await fence_and_commit(cluster, group, spec);
  if (taken && !taken->empty()) {
    const auto whole = co_await read_group_snapshot(cluster, group, *taken);
    if (whole && !whole->partial) {
      co_return Status();
    }
  }
  HF_CO_TRY(found, co_await find_group_snapshot(cluster, group, spec.name));
  if (taken && found && !found->partial) {
    co_return Status();
  }
  if (found) {
    HF_CO_TRY_VOID(co_await delete_group_snapshot(cluster, group, found->uuid));
  }
  if (taken) {
    co_return Error(Code::kPartial, "the group snapshot lacks a volume and was deleted",
                    Retry::kTransient)
        .with("group", group.name);
  }
  co_return status_of(taken);
}

Co<Status> remove_group_snapshot(ClusterPtr cluster, GroupInfo group, std::string name) {
  HF_CO_TRY(const auto found, co_await find_group_snapshot(cluster, group, name));
  if (!found) {
    co_return Status();
  }
  if (!found->ours) {
    co_return Error(Code::kPermissionDenied,
                    "this group snapshot was not made by Holdfast, which deletes only its own")
        .with("snapshot", name);
  }
  co_return co_await delete_group_snapshot(cluster, group, found->uuid);
}

}  // namespace holdfast::storage::ontap
