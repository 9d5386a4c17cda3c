#include "drivers/storage/ontap/snapshots.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/net/url.h"
#include "drivers/storage/ontap/values.h"

namespace holdfast::storage::ontap {
namespace {

using async::Co;

constexpr std::string_view kFields =
    "uuid,name,comment,create_time,snapmirror_label,version_uuid,owners,expiry_time,"
    "snaplock_expiry_time,size";
constexpr size_t kLongestComment = 255;

std::optional<UtcTime> optional_time(const Json& record, std::string_view key) {
  const std::string text = get_string(record, key);
  if (text.empty()) {
    return std::nullopt;
  }
  const auto time = parse_time(text);
  // A time that cannot be read (9999 and «infinite») lies beyond everything.
  return time ? *time : UtcTime::max();
}

Result<SnapshotInfo> snapshot_from(const Json& record) {
  SnapshotInfo info;
  info.uuid = get_string(record, "uuid");
  info.name = get_string(record, "name");
  info.comment = get_string(record, "comment");
  info.label = get_string(record, "snapmirror_label");
  HF_TRY(info.created, parse_time(get_string(record, "create_time")));
  info.version = get_string(record, "version_uuid");
  if (info.version.empty()) {
    info.version = info.name + "@" + to_rfc3339(info.created);
  }
  if (const Json* owners = find(record, "owners"); owners != nullptr && owners->is_array()) {
    for (const Json& owner : owners->get_array()) {
      info.owners.emplace_back(owner.is_string() ? owner.get_string() : boost::json::string());
    }
  }
  const auto lock = optional_time(record, "snaplock_expiry_time");
  info.locked = lock.has_value();
  info.expires = lock ? lock : optional_time(record, "expiry_time");
  info.size = static_cast<std::uint64_t>(get_int(record, "size"));
  return info;
}

}  // namespace

std::string VolumeOn::path() const {
  return "/storage/volumes/" + net::url_encode(uuid) + "/snapshots";
}

Status check_spec(const SnapshotSpec& spec) {
  HF_TRY_VOID(check_name(spec.name));
  if (spec.comment.size() > kLongestComment) {
    return Error(
        Code::kInvalidArgument,
        fmt::format("the comment of an ONTAP snapshot has at most {} bytes", kLongestComment));
  }
  return {};
}

Snapshot to_snapshot(const SnapshotInfo& info) {
  return {.name = info.name,
          .comment = info.comment,
          .time = info.created,
          .version = info.version,
          .locked_until = info.locked ? info.expires : std::nullopt};
}

Co<Result<std::vector<SnapshotInfo>>> list_snapshots(VolumeOn volume, Query filter) {
  filter.emplace_back("fields", kFields);
  HF_CO_TRY(const JsonArray records,
            co_await volume.cluster->client->list(volume.path(), std::move(filter),
                                                  "list the volume's snapshots"));
  std::vector<SnapshotInfo> list;
  for (const Json& record : records) {
    HF_CO_TRY(SnapshotInfo info, snapshot_from(record));
    // Times have seconds only: within one the order of the answer, which is that of making, stays.
    const auto after = std::upper_bound(
        list.begin(), list.end(), info,
        [](const SnapshotInfo& a, const SnapshotInfo& b) { return a.created < b.created; });
    list.insert(after, std::move(info));
  }
  co_return list;
}

Co<Result<std::optional<SnapshotInfo>>> find_snapshot(VolumeOn volume, std::string name) {
  HF_CO_TRY(const auto found,
            co_await list_snapshots(std::move(volume), {{"name", exactly(name)}}));
  co_return found.empty() ? std::nullopt : std::optional<SnapshotInfo>(found.front());
}

Co<Result<SnapshotInfo>> make_snapshot(VolumeOn volume, SnapshotSpec spec) {
  HF_CO_TRY_VOID(check_spec(spec));
  JsonObject body{{"name", spec.name}, {"comment", spec.comment}, {"snapmirror_label", kLabel}};
  if (spec.keep_until) {
    body["expiry_time"] = to_rfc3339(*spec.keep_until);
  }
  if (spec.locked_until) {
    body["snaplock_expiry_time"] = to_rfc3339(*spec.locked_until);
  }
  Write write{.method = "POST",
              .path = volume.path(),
              .query = {},
              .body = Json(std::move(body)),
              .what = "create the snapshot"};
  const auto made = co_await volume.cluster->client->write(std::move(write));
  // Whatever the answer was, also that it exists: what counts is whether it is there.
  HF_CO_TRY(auto found, co_await find_snapshot(volume, spec.name));
  if (!found) {
    co_return made ? Error(Code::kUnavailable,
                           "the snapshot was made and cannot be seen: try again", Retry::kTransient)
                   : made.error();
  }
  if (!found->ours()) {
    co_return Error(Code::kAlreadyExists,
                    "there is a snapshot of this name that Holdfast has not made")
        .with("snapshot", spec.name);
  }
  if (spec.keep_until || spec.locked_until) {  // one of an earlier attempt may be kept for less
    co_return co_await keep_snapshot(volume, spec.name, {spec.keep_until, spec.locked_until});
  }
  co_return *std::move(found);
}

namespace {

Co<Result<SnapshotInfo>> change(VolumeOn volume, SnapshotInfo found, JsonObject body,
                                std::string what) {
  const std::string name = body.contains("name") ? get_string(Json(body), "name") : found.name;
  Write write{.method = "PATCH",
              .path = volume.path() + "/" + net::url_encode(found.uuid),
              .query = {},
              .body = Json(std::move(body)),
              .what = std::move(what)};
  HF_CO_TRY_VOID(status_of(co_await volume.cluster->client->write(std::move(write))));
  HF_CO_TRY(auto changed, co_await find_snapshot(volume, name));
  if (!changed) {
    co_return Error(Code::kNotFound, "the snapshot went away while it was changed")
        .with("snapshot", name);
  }
  co_return *std::move(changed);
}

Co<Result<SnapshotInfo>> existing(VolumeOn volume, std::string name) {
  HF_CO_TRY_VOID(check_name(name));
  HF_CO_TRY(auto found, co_await find_snapshot(std::move(volume), name));
  if (!found) {
    co_return Error(Code::kNotFound, "there is no such snapshot").with("snapshot", name);
  }
  co_return *std::move(found);
}

// ONTAP's times have seconds only.
bool reaches(const std::optional<UtcTime>& has, const std::optional<UtcTime>& wanted) {
  return !wanted || (has && *has >= std::chrono::floor<std::chrono::seconds>(*wanted));
}

}  // namespace

Co<Result<SnapshotInfo>> keep_snapshot(VolumeOn volume, std::string name, Keep keep) {
  HF_CO_TRY(SnapshotInfo found, co_await existing(volume, name));
  if (!found.ours()) {
    co_return Error(Code::kPermissionDenied,
                    "this snapshot was not made by Holdfast, which changes only its own")
        .with("snapshot", name);
  }
  JsonObject body;
  if (!reaches(found.expires, keep.keep_until)) {
    body["expiry_time"] = to_rfc3339(*keep.keep_until);
  }
  if (keep.locked_until && !(found.locked && reaches(found.expires, keep.locked_until))) {
    body["snaplock_expiry_time"] = to_rfc3339(*keep.locked_until);
  }
  if (body.empty()) {
    co_return found;
  }
  co_return co_await change(std::move(volume), std::move(found), std::move(body),
                            "keep the snapshot longer");
}

Co<Result<SnapshotInfo>> adopt_snapshot(VolumeOn volume, std::string name, std::string new_name,
                                        std::string comment) {
  HF_CO_TRY_VOID(check_spec({.name = new_name, .comment = comment}));
  HF_CO_TRY(SnapshotInfo found, co_await existing(volume, name));
  if (found.ours()) {
    co_return Error(Code::kFailedPrecondition,
                    "the snapshot is one of Holdfast's: 'holdfast workflow start catalog_rebuild' "
                    "takes it into the catalog")
        .with("snapshot", name);
  }
  if (found.of_snapmirror()) {
    co_return Error(
        Code::kFailedPrecondition,
        "SnapMirror made this snapshot as the base of a mirror and deletes it when that "
        "goes on: adopt a snapshot of the volume itself")
        .with("snapshot", name);
  }
  if (!found.owners.empty()) {
    co_return Error(Code::kConflict,
                    fmt::format("the snapshot is in use ({}): what uses it would miss it when its "
                                "retention ends",
                                found.owners.front()))
        .with("snapshot", name);
  }
  co_return co_await change(std::move(volume), std::move(found),
                            JsonObject{{"name", std::move(new_name)},
                                       {"snapmirror_label", kLabel},
                                       {"comment", std::move(comment)}},
                            "adopt the snapshot");
}

Co<Status> remove_snapshot(VolumeOn volume, std::string name) {
  HF_CO_TRY_VOID(check_name(name));
  HF_CO_TRY(const auto found, co_await find_snapshot(volume, name));
  if (!found) {
    co_return Status();
  }
  if (!found->ours()) {
    co_return Error(Code::kPermissionDenied,
                    "this snapshot was not made by Holdfast, which deletes only its own")
        .with("snapshot", name);
  }
  Write write{.method = "DELETE",
              .path = volume.path() + "/" + net::url_encode(found->uuid),
              .query = {},
              .body = nullptr,
              .what = "delete the snapshot"};
  auto gone = co_await volume.cluster->client->write(std::move(write));
  if (gone || gone.error().code() == Code::kNotFound) {
    co_return Status();
  }
  std::string owners;
  for (const std::string& owner : found->owners) {
    owners += (owners.empty() ? "" : ", ") + owner;
  }
  co_return std::move(gone).error().with("snapshot", name).with("owners", owners);
}

}  // namespace holdfast::storage::ontap
