// /svm/svms and /storage/aggregates.
#include <fmt/core.h>

#include "simulators/ontap/model/efficiency.h"
#include "simulators/ontap/model/job.h"
#include "simulators/ontap/model/seed.h"
#include "simulators/ontap/model/volume.h"
#include "simulators/ontap/resources/resources.h"

namespace holdfast::ontap_sim {
namespace {

using enum FieldType;

const Schema kSvmSchema{
    {"uuid", kText, kIdentity},
    {"name", kText, kIdentity | kSet | kRequired},
    {"state", kEnum, kModify, "starting|running|stopping|stopped|deleting|initializing"},
    {"subtype", kEnum, kCreate, "default|dp_destination|sync_source|sync_destination|data_engine"},
    {"language", kText, kSet},
    {"comment", kText, kSet},
    {"ipspace.name", kText, kCreate},
    {"ipspace.uuid", kText, kCreate},
    {"aggregates", kObjects, kSet},
    {"aggregates.name", kText, kSet},
    {"aggregates.uuid", kText, kSet},
    {"aggregates.available_size", kSize},
    {"aggregates.type", kText},
    {"aggregates.state", kText},
    {"aggregates.snaplock_type", kText},
    {"ip_interfaces", kObjects},
    {"nfs", kAny, kSet},
    {"cifs", kAny, kSet},
    {"iscsi", kAny, kSet},
    {"nvme", kAny, kSet},
    {"fcp", kAny, kSet},
    {"s3", kAny, kSet},
    {"snapshot_policy.name", kText, kSet},
    {"snapshot_policy.uuid", kText, kSet},
    {"snapmirror.is_protected", kFlag},
    {"snapmirror.protected_volumes_count", kInteger},
    {"snapmirror.protected_consistency_group_count", kInteger},
    {"snapmirror.protection_type", kText},
    {"anti_ransomware_default_volume_state", kEnum, kSet, "disabled|dry_run"},
    {"number_of_volumes_in_recovery_queue", kInteger},
    {"storage.limit", kSize, kModify},
    {"storage.allocated", kSize},
    {"max_volumes", kText, kSet},
    {"retention_period", kInteger, kModify},
    {"is_space_reporting_logical", kFlag, kModify},
    {"is_space_enforcement_logical", kFlag, kModify},
    {"certificate.uuid", kText},
    {"dns", kAny},
    {"qos_policy.name", kText},
    {"metric", kAny, kCostly},
    {"statistics", kAny, kCostly}};

const Schema kAggregateSchema{{"uuid", kText, kIdentity},
                              {"name", kText, kIdentity | kModify},
                              {"state", kEnum, kShown,
                               "online|onlining|offline|offlining|relocating|unmounted|restricted|"
                               "inconsistent|failed|unknown"},
                              {"node.name", kText},
                              {"node.uuid", kText},
                              {"home_node.name", kText},
                              {"home_node.uuid", kText},
                              {"snaplock_type", kText},
                              {"create_time", kTime},
                              {"volume-count", kInteger},
                              {"block_storage", kAny},
                              {"space.block_storage.size", kSize},
                              {"space.block_storage.available", kSize},
                              {"space.block_storage.used", kSize},
                              {"space.block_storage.used_percent", kInteger},
                              {"space.block_storage.physical_used", kSize},
                              {"space.block_storage.physical_used_percent", kInteger},
                              {"space.block_storage.full_threshold_percent", kInteger},
                              {"space.block_storage.inactive_user_data", kSize},
                              {"space.block_storage.volume_deduplication_space_saved", kSize},
                              {"space.block_storage.data_compaction_space_saved", kSize},
                              {"space.efficiency", kAny},
                              {"space.efficiency_without_snapshots", kAny},
                              {"space.efficiency_without_snapshots_flexclones", kAny},
                              {"space.snapshot", kAny},
                              {"space.footprint", kSize, kCostly},
                              {"cloud_storage", kAny},
                              {"data_encryption", kAny},
                              {"inactive_data_reporting.enabled", kFlag},
                              {"metric", kAny, kCostly},
                              {"statistics", kAny, kCostly}};

void decorate_svm(Call& call, JsonObject& record, const Selection& selection) {
  const std::string uuid = text_at(record, "uuid");
  std::int64_t queued = 0;
  for (const auto& [id, volume] : call.cluster.rows("queued_volume")) {
    queued += text_at(volume, "svm.uuid") == uuid ? 1 : 0;
  }
  record["number_of_volumes_in_recovery_queue"] = queued;
  if (selection.wants("snapmirror")) {
    std::int64_t guarded = 0;
    for (const auto& [id, volume] : call.cluster.rows(kind::kVolume)) {
      guarded += text_at(volume, "svm.uuid") == uuid && flag_at(volume, "_sim.protected") ? 1 : 0;
    }
    record["snapmirror"] = {{"is_protected", guarded > 0}, {"protected_volumes_count", guarded}};
  }
  if (selection.wants("aggregates") && record.contains("aggregates")) {
    for (Json& element : record["aggregates"].as_array()) {
      JsonObject& one = element.as_object();
      const JsonObject* aggregate = call.cluster.find(kind::kAggregate, text_at(one, "uuid"));
      if (aggregate != nullptr) {
        one["available_size"] =
            aggregate_size(*aggregate) - aggregate_used(call.cluster, text_at(one, "uuid"));
        one["state"] = "online";
        one["type"] = "ssd";
        one["snaplock_type"] = "non_snaplock";
      }
    }
  }
}

Outcome<Answer> create_svm(Call& call, JsonObject body) {
  const std::string name = text_at(body, "name");
  if (call.cluster.find_by(kind::kSvm, "name", name) != nullptr) {
    return conflict(13434908, fmt::format("SVM \"{}\" already exists.", name), "name");
  }
  JsonObject& svm = add_svm(call.world, call.cluster, name);
  body.erase("aggregates");
  merge(svm, body);
  const std::string uuid = text_at(svm, "uuid");
  JobSpec spec;
  spec.description = describe_call(call, uuid);
  spec.work = [](JobRun&) -> Done { return {}; };
  return by_job(start_job(call.world, call.cluster, std::move(spec)), uuid, reference(svm));
}

Outcome<Answer> modify_svm(Call& call, const JsonObject& record, JsonObject body) {
  const std::string uuid = text_at(record, "uuid");
  const std::string state = text_at(body, "state");
  if (!state.empty() && state != "running" && state != "stopped") {
    return bad(262197, "\"state\" takes running or stopped.", "state");
  }
  JobSpec spec;
  spec.description = describe_call(call);
  spec.work = [uuid, body](JobRun& run) -> Done {
    Locked lock(run.world());
    JsonObject* svm = run.cluster().edit(kind::kSvm, uuid);
    if (svm == nullptr) {
      return not_found("uuid");
    }
    merge(*svm, body);
    return {};
  };
  return by_job(start_job(call.world, call.cluster, std::move(spec)));
}

Outcome<Answer> remove_svm(Call& call, const JsonObject& record) {
  const std::string uuid = text_at(record, "uuid");
  for (const auto& [id, volume] : call.cluster.rows(kind::kVolume)) {
    if (text_at(volume, "svm.uuid") == uuid) {
      return conflict(
          8, fmt::format("SVM \"{}\" has volumes: delete them first.", text_at(record, "name")));
    }
  }
  JobSpec spec;
  spec.description = describe_call(call);
  spec.work = [uuid](JobRun& run) -> Done {
    Locked lock(run.world());
    run.cluster().remove(kind::kSvm, uuid);
    return {};
  };
  return by_job(start_job(call.world, call.cluster, std::move(spec)));
}

void decorate_aggregate(Call& call, JsonObject& record, const Selection& selection) {
  const std::string uuid = text_at(record, "uuid");
  std::int64_t volumes = 0;
  for (const auto& [id, volume] : call.cluster.rows(kind::kVolume)) {
    for (const JsonObject& one : objects_at(volume, "aggregates")) {
      volumes += text_at(one, "uuid") == uuid ? 1 : 0;
    }
  }
  record["volume-count"] = volumes;
  if (!selection.wants("space")) {
    return;
  }
  const std::int64_t size = aggregate_size(record);
  const std::int64_t used = std::min(size, aggregate_used(call.cluster, uuid));
  const AggregateEfficiency efficiency = efficiency_of_aggregate(call.cluster, uuid);
  record["space"] = {
      {"block_storage",
       {{"size", size},
        {"available", size - used},
        {"used", used},
        {"used_percent", size > 0 ? used * 100 / size : 0},
        {"physical_used", used},
        {"physical_used_percent", size > 0 ? used * 100 / size : 0},
        {"full_threshold_percent", 98},
        {"inactive_user_data", 0},
        {"volume_deduplication_space_saved", 0},
        {"data_compaction_space_saved", 0}}},
      {"efficiency", to_json(efficiency.whole)},
      {"efficiency_without_snapshots", to_json(efficiency.without_snapshots)},
      {"efficiency_without_snapshots_flexclones", to_json(efficiency.without_clones)},
      {"snapshot",
       {{"used", 0}, {"available", 0}, {"total", 0}, {"reserve_percent", 0}, {"used_percent", 0}}},
      {"footprint", used}};
}

}  // namespace

void add_svm_resources(Table& table) {
  Resource svms{.path = "/svm/svms", .kind = kind::kSvm, .schema = &kSvmSchema};
  svms.decorate = &decorate_svm;
  svms.create = &create_svm;
  svms.modify = &modify_svm;
  svms.remove = &remove_svm;
  table.add(svms);
  Resource aggregates{
      .path = "/storage/aggregates", .kind = kind::kAggregate, .schema = &kAggregateSchema};
  aggregates.decorate = &decorate_aggregate;
  table.add(aggregates);
}

}  // namespace holdfast::ontap_sim
