#include "drivers/storage/ontap/volumes.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/net/url.h"
#include "drivers/storage/ontap/values.h"

namespace holdfast::storage::ontap {
namespace {

using async::Co;

constexpr std::string_view kFields =
    "uuid,name,svm,type,style,state,comment,nas.path,aggregates,size,space.size,space.available,"
    "space.used,"
    "space.logical_space.used,efficiency.ratio,snapshot_locking_enabled,clone.is_flexclone,"
    "clone.parent_volume,clone.parent_snapshot,clone.split_initiated,clone.split_complete_percent,"
    "consistency_group,anti_ransomware.state,anti_ransomware.attack_probability,"
    "snapshot_policy.name";

std::uint64_t bytes(const Json& value, std::string_view key) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(get_int(value, key), 0));
}

VolumeInfo volume_from(const Json& record) {
  VolumeInfo volume;
  volume.uuid = get_string(record, "uuid");
  volume.name = get_string(record, "name");
  volume.svm = get_string(at(record, "svm"), "name");
  volume.svm_uuid = get_string(at(record, "svm"), "uuid");
  volume.type = get_string(record, "type");
  volume.style = get_string(record, "style");
  volume.state = get_string(record, "state");
  volume.comment = get_string(record, "comment");
  volume.junction = get_string(at(record, "nas"), "path");
  if (const Json& aggregates = at(record, "aggregates"); aggregates.is_array()) {
    for (const Json& aggregate : aggregates.get_array()) {
      volume.aggregates.push_back(get_string(aggregate, "name"));
    }
  }
  const Json& space = at(record, "space");
  volume.size = bytes(space, "size");
  volume.available = bytes(space, "available");
  volume.used = bytes(space, "used");
  volume.logical_used = bytes(at(space, "logical_space"), "used");
  const Json& ratio = at(at(record, "efficiency"), "ratio");
  volume.efficiency_ratio = ratio.is_string()   ? std::string(ratio.get_string())
                            : ratio.is_number() ? fmt::format("{:.2f}:1", ratio.to_number<double>())
                                                : "";
  volume.snapshot_policy = get_string(at(record, "snapshot_policy"), "name");
  volume.locking = get_bool(record, "snapshot_locking_enabled");
  const Json& clone = at(record, "clone");
  volume.is_clone = get_bool(clone, "is_flexclone");
  volume.parent_uuid = get_string(at(clone, "parent_volume"), "uuid");
  volume.parent_snapshot = get_string(at(clone, "parent_snapshot"), "name");
  volume.split_initiated = get_bool(clone, "split_initiated");
  volume.split_percent = static_cast<int>(get_int(clone, "split_complete_percent"));
  volume.group = get_string(at(record, "consistency_group"), "uuid");
  volume.group_name = get_string(at(record, "consistency_group"), "name");
  volume.ransomware_state = get_string(at(record, "anti_ransomware"), "state");
  volume.attack_probability = get_string(at(record, "anti_ransomware"), "attack_probability");
  return volume;
}

bool is_at_or_below(const std::string& path, const std::string& directory) {
  return directory == "/" || path == directory ||
         (path.starts_with(directory) && path[directory.size()] == '/');
}

// Looks on one cluster; nothing where it has no such SVM.
Co<Result<std::optional<Located>>> locate_on(ClusterPtr cluster, Place place, VolumeLists* lists) {
  HF_CO_TRY_VOID(check_release(*cluster));
  VolumeLists own;
  VolumeLists& known = lists == nullptr ? own : *lists;
  const std::pair key(cluster->uuid, place.svm);
  if (!known.contains(key)) {
    HF_CO_TRY(auto asked, co_await list_volumes(
                              cluster, {{"svm.name", exactly(place.svm)}, {"nas.path", "!null"}}));
    known[key] = std::move(asked);
  }
  const std::vector<VolumeInfo>& volumes = known[key];
  const VolumeInfo* best = nullptr;
  for (const VolumeInfo& volume : volumes) {
    if (!volume.junction.empty() && is_at_or_below(place.junction, volume.junction) &&
        (best == nullptr || volume.junction.size() > best->junction.size())) {
      best = &volume;
    }
  }
  if (best == nullptr) {
    co_return std::nullopt;
  }
  if (!is_at_or_below(best->junction, place.mounted)) {
    co_return Error(Code::kFailedPrecondition,
                    fmt::format("the mount of {}:{} is a directory inside volume {}: mount the "
                                "volume's own junction {} or one above it",
                                place.svm, place.mounted, best->name, best->junction));
  }
  Located located{cluster, *best, place.local, {}};
  const size_t above = place.mounted == "/" ? 0 : place.mounted.size();
  located.root += best->junction == "/" ? "" : best->junction.substr(above);
  for (const VolumeInfo& volume : volumes) {
    if (volume.junction != best->junction && is_at_or_below(volume.junction, place.junction)) {
      located.junctions_in.push_back(place.local + volume.junction.substr(above));
    }
  }
  std::sort(located.junctions_in.begin(), located.junctions_in.end());
  co_return located;
}

}  // namespace

Co<Result<std::vector<VolumeInfo>>> list_volumes(ClusterPtr cluster, Query filter) {
  filter.emplace_back("fields", kFields);
  HF_CO_TRY(const JsonArray records,
            co_await cluster->client->list("/storage/volumes", std::move(filter), "list volumes"));
  std::vector<VolumeInfo> volumes;
  volumes.reserve(records.size());
  for (const Json& record : records) {
    volumes.push_back(volume_from(record));
  }
  co_return volumes;
}

Co<Result<VolumeInfo>> get_volume(ClusterPtr cluster, std::string uuid) {
  HF_CO_TRY(const Json record,
            co_await cluster->client->get("/storage/volumes/" + net::url_encode(uuid),
                                          {{"fields", std::string(kFields)}}, "read the volume"));
  co_return volume_from(record);
}

Co<Result<std::optional<VolumeInfo>>> find_volume(ClusterPtr cluster, std::string svm,
                                                  std::string name) {
  HF_CO_TRY(const auto found,
            co_await list_volumes(cluster, {{"name", exactly(name)}, {"svm.name", exactly(svm)}}));
  co_return found.empty() ? std::nullopt : std::optional(found.front());
}

Co<Status> mount_volume(ClusterPtr cluster, VolumeInfo volume, std::string junction) {
  Write write{
      .method = "PATCH",
      .path = "/storage/volumes/" + net::url_encode(volume.uuid),
      .query = {},
      .body = JsonObject{{"nas", JsonObject{{"path", junction}}}},
      .what = fmt::format("{} volume {}", junction.empty() ? "unmount" : "mount", volume.name)};
  co_return status_of(co_await cluster->client->write(std::move(write)));
}

Co<Status> make_replica_volume(ClusterPtr cluster, VolumeInfo like, std::string name,
                               std::string comment) {
  JsonArray aggregates;
  for (const std::string& aggregate : like.aggregates) {
    aggregates.push_back(JsonObject{{"name", aggregate}});
  }
  Write write{.method = "POST",
              .path = "/storage/volumes",
              .query = {},
              .body = JsonObject{{"name", name},
                                 {"type", "dp"},
                                 {"svm", JsonObject{{"name", like.svm}}},
                                 {"aggregates", std::move(aggregates)},
                                 {"comment", std::move(comment)},
                                 {"size", like.size}},
              .what = "make the volume to restore to"};
  co_return status_of(co_await cluster->client->write(std::move(write)));
}

std::string volume_id(const Cluster& cluster, const VolumeInfo& volume) {
  return cluster.uuid + "/" + volume.uuid;
}

Result<VolumeKey> parse_volume_id(const std::string& id) {
  const size_t slash = id.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == id.size()) {
    return Error(Code::kInvalidArgument, "this is no volume of an ONTAP cluster").with("id", id);
  }
  return VolumeKey{id.substr(0, slash), id.substr(slash + 1)};
}

Co<Result<Located>> locate(Place place, VolumeLists* lists) {
  HF_CO_TRY(const auto clusters, co_await place.system->clusters());
  std::optional<Located> found;
  for (const ClusterPtr& cluster : clusters) {
    if (!place.cluster.empty() && place.cluster != cluster->name) {
      continue;
    }
    HF_CO_TRY(auto here, co_await locate_on(cluster, place, lists));
    if (here && found) {
      co_return Error(Code::kConflict,
                      fmt::format("several clusters have an SVM {}: write the mount as "
                                  "CLUSTER/{}:{}",
                                  place.svm, place.svm, place.mounted))
          .with("system", place.system->endpoint().name);
    }
    if (here) {
      found = std::move(here);
    }
  }
  if (!found) {
    co_return Error(Code::kFailedPrecondition,
                    fmt::format("no volume of SVM {} has a junction at or above {}: correct the "
                                "mounts of the system",
                                place.svm, place.junction))
        .with("system", place.system->endpoint().name);
  }
  co_return *std::move(found);
}

}  // namespace holdfast::storage::ontap
