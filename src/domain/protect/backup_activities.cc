// Control activities of scheduled_backup. Each is one transaction on the state database and may be
// repeated: rows are keyed by the ids that the run carries.
#include "domain/protect/backup_activities.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/crypto/digest.h"
#include "domain/access/agents.h"
#include "domain/activities/add_activities.h"
#include "domain/activities/plan_types.h"
#include "domain/inventory/catalog.h"
#include "domain/protect/groups.h"
#include "domain/protect/ledger.h"
#include "domain/protect/notifications.h"
#include "domain/protect/policy_store.h"
#include "domain/protect/repositories.h"
#include "domain/protect/retention.h"

namespace holdfast::protect {
namespace {

using namespace activities;  // NOLINT: the values these activities exchange

constexpr std::string_view kRunPrefix = "run_";

// The point of a backup run: pt_ with the run's own UUID.
std::string point_of_run(const std::string& run_id) {
  return "pt_" + (run_id.starts_with(kRunPrefix) ? run_id.substr(kRunPrefix.size()) : run_id);
}

Result<PlannedCopy> plan_copy(db::Connection& sql, const inventory::Resource& resource,
                              const Level& level, bool first) {
  PlannedCopy copy;
  copy.level = level.level;
  copy.method = method_of(resource.driver, level.level, !level.destination.empty());
  copy.destination = level.destination;
  copy.mirror_policy = level.mirror_policy;
  copy.transfer_schedule = level.transfer_schedule;
  copy.lock_seconds = std::chrono::duration_cast<std::chrono::seconds>(level.lock).count();
  if (copy.method != "restic") {
    return copy;
  }
  const std::string name = !level.repository.empty()
                               ? level.repository
                               : std::string(first ? kDefaultRepository : kReplicaRepository);
  HF_TRY(const inventory::Repository repository, inventory::find_repository(sql, name));
  copy.repository = {repository.name, repository.location, repository.password_file};
  HF_TRY(copy.parent_snapshot, inventory::newest_snapshot(sql, resource.id, repository.name));
  return copy;
}

// A label of the input that names a schedule gives the point that schedule's retention.
std::vector<PlannedLabel> planned_labels(const Policy& policy, const std::string& label) {
  std::vector<PlannedLabel> labels;
  for (const ScheduleEntry& schedule : policy.schedules) {
    if (schedule.label == label) {
      labels.push_back({schedule.label, schedule.retention});
    }
  }
  return labels;
}

void take_switches(const Switches& switches, BackupPlan& plan) {
  plan.check_space = switches.check_space;
  plan.verify_connectivity = switches.verify_connectivity;
  plan.validate_snapmirror = switches.validate_snapmirror;
  plan.use_consistency_group = switches.consistency_group;
  plan.application_quiesce = switches.application_quiesce;
  plan.verify_integrity = switches.verify_integrity;
  plan.update_catalog = switches.update_catalog;
  plan.send_notifications = switches.send_notifications;
}

// The host whose files these are, as snapshots name it.
Result<std::string> host_of(db::Connection& sql, const ServerContext& context,
                            const inventory::Resource& resource) {
  if (resource.agent.empty()) {
    return context.host;
  }
  HF_TRY(const access::Agent agent, access::find_agent(sql, resource.agent));
  return agent.facts.host.empty() ? agent.name : agent.facts.host;
}

// What one resource needs of a run.
Result<BackupPlan> plan_of(db::Connection& sql, const ServerContext& context,
                           const inventory::Resource& resource, const Json& input) {
  HF_TRY(const Policy policy, policy_of(sql, resource, context.timezone));
  BackupPlan plan;
  plan.run_id = get_string(input, "run_id");
  plan.point_id = point_of_run(plan.run_id);
  plan.resource_id = resource.id.text();
  plan.resource_name = resource.name;
  plan.volume = {resource.driver, resource.path, resource.agent};
  HF_TRY(plan.host, host_of(sql, context, resource));
  plan.policy = policy.name;
  plan.manual = get_bool(input, "manual");
  plan.labels = planned_labels(policy, get_string(input, "label"));
  plan.timezone = policy.timezone;
  plan.consistency_group = resource.consistency_group;
  plan.quiesce_command = resource.quiesce_command;
  plan.release_command = resource.release_command;
  plan.channels = policy.channels;
  take_switches(policy.switches, plan);
  bool first = true;
  for (const Level& level : policy.levels) {
    HF_TRY(PlannedCopy copy, plan_copy(sql, resource, level, first));
    first = first && copy.method != "restic";
    plan.copies.push_back(std::move(copy));
  }
  return plan;
}

// The plan of the resource that the run is started for, with those of its group beside it.
Result<BackupPlan> make_plan(db::Connection& sql, const ServerContext& context, const Json& input) {
  HF_TRY(const inventory::Resource resource,
         inventory::find_resource(sql, get_string(input, "resource")));
  HF_TRY(BackupPlan plan, plan_of(sql, context, resource, input));
  HF_TRY(const auto members, group_members(sql, context, resource));
  for (const inventory::Resource& member : members) {
    if (member.id == resource.id) {
      continue;
    }
    HF_TRY(BackupPlan one, plan_of(sql, context, member, input));
    one.point_id = member_point_id(plan.point_id, one.resource_id);
    plan.members.push_back(std::move(one));
  }
  return plan;
}

Result<Json> begin_backup(const ServerContext& context, const Json& input) {
  return context.db.write_blocking([&context, input](db::Connection& sql) -> Result<Json> {
    HF_TRY(const BackupPlan plan, make_plan(sql, context, input));
    HF_TRY_VOID(mark_started(sql, plan.run_id, context.clock.now()));
    return encode(plan);
  });
}

// What tells two copies of one level apart: the repository, or where the storage system has it.
std::string place_of(const MadeCopy& made) {
  constexpr size_t kDigits = 8;
  return made.method.starts_with("snapmirror")
             ? crypto::sha256_hex(as_bytes(made.location)).substr(0, kDigits)
             : made.repository;
}

inventory::Point to_point(const PointRecord& record) {
  inventory::Point point;
  point.id = inventory::PointId(record.plan.point_id);
  point.resource = inventory::ResourceId(record.plan.resource_id);
  point.resource_name = record.plan.resource_name;
  point.time = record.time;
  point.consistency = record.consistency;
  point.manual = record.plan.manual;
  point.partial = record.partial;
  point.timezone = record.plan.timezone;
  point.files = record.files;
  point.bytes = record.bytes;
  point.run_id = record.plan.run_id;
  for (const PlannedLabel& label : record.plan.labels) {
    point.schedules.push_back({label.label, label.retention});
  }
  for (const MadeCopy& made : record.copies) {
    inventory::Copy copy;
    copy.id = inventory::CopyId(copy_id_of(record.plan.point_id, made.level, place_of(made)));
    copy.level = made.level;
    copy.method = made.method;
    copy.repository = made.repository;
    copy.location = made.location;
    copy.snapshot_id = made.snapshot_id;
    copy.state = "available";
    copy.added_bytes = made.added_bytes;
    if (made.read_back) {
      copy.proof = {inventory::ProofLevel::kL1, record.time, record.plan.run_id,
                    made.read_back_detail};
    }
    point.copies.push_back(std::move(copy));
  }
  return point;
}

Result<Json> record_point(const ServerContext& context, const Json& input) {
  const inventory::Point point = to_point(decode<PointRecord>(input));
  const UtcTime now = context.clock.now();
  return context.db.write_blocking([point, now](db::Connection& sql) -> Result<Json> {
    HF_TRY_VOID(inventory::put_point(sql, point));
    for (const inventory::Copy& copy : point.copies) {
      if (copy.proof.level != inventory::ProofLevel::kL0) {
        inventory::Proof proof = copy.proof;
        proof.at = now;
        HF_TRY_VOID(inventory::add_proof(sql, copy.id, proof));
      }
    }
    return Json(JsonObject{{"detail", point.id.text()}});
  });
}

Result<Json> copies_expired(const ServerContext& context, const Json& input) {
  const Json* copies = find(input, "copies");
  std::vector<std::string> ids;
  for (size_t i = 0; copies != nullptr && i < copies->get_array().size(); ++i) {
    ids.emplace_back(copies->get_array()[i].get_string());
  }
  return context.db.write_blocking([ids](db::Connection& sql) -> Result<Json> {
    for (const std::string& id : ids) {
      HF_TRY_VOID(inventory::set_copy_state(sql, inventory::CopyId(id), "expired"));
    }
    return Json(JsonObject{});
  });
}

Result<Json> finish_run(const ServerContext& context, const Json& input) {
  const UtcTime now = context.clock.now();
  return context.db.write_blocking([input, now](db::Connection& sql) -> Result<Json> {
    HF_TRY_VOID(mark_ended(sql, get_string(input, "run_id"), get_string(input, "status"),
                           get_string(input, "detail"), now));
    return Json(JsonObject{});
  });
}

}  // namespace

std::string method_of(const std::string& driver, const std::string& level, bool has_destination) {
  if (driver == "btrfs" && level == "local_snapshot") {
    return "btrfs_snapshot";
  }
  if (driver != "ontap") {
    return "restic";
  }
  return level == "local_snapshot"                                            ? "ontap_snapshot"
         : level == "cloud_backup"                                            ? "snapmirror_cloud"
         : level == "remote_replica" || level == "archive" || has_destination ? "snapmirror"
                                                                              : "restic";
}

std::string copy_id_of(const std::string& point_id, const std::string& level,
                       const std::string& place) {
  return "copy_" + point_id + "_" + level + (place.empty() ? "" : "_" + place);
}

void register_backup_activities(flow::ActivityRegistry& registry, const ServerContext& context) {
  const activities::AddActivities add(registry, context);
  add("protect.begin_backup", begin_backup);
  add("protect.record_point", record_point);
  add("protect.plan_retention", plan_resource_retention);
  add("protect.copies_expired", copies_expired);
  add("protect.finish_run", finish_run);
}

}  // namespace holdfast::protect
