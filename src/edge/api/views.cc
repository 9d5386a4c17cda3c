#include "edge/api/views.h"

#include "domain/schedule/retention.h"

namespace holdfast::api {
namespace {

std::int64_t seconds(Nanoseconds duration) {
  return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

Json optional_time(const std::optional<UtcTime>& time) {
  return time ? Json(to_rfc3339(*time)) : Json();
}

JsonArray texts(const std::vector<std::string>& values) {
  return JsonArray(values.begin(), values.end());
}

Json proof_view(const inventory::Proof& proof) {
  if (proof.level == inventory::ProofLevel::kL0) {
    return nullptr;
  }
  return JsonObject{{"level", inventory::proof_level_name(proof.level)},
                    {"at", to_rfc3339(proof.at)},
                    {"run_id", proof.run_id},
                    {"detail", proof.detail}};
}

JsonArray copies_view(const inventory::Point& point) {
  JsonArray copies;
  for (const inventory::Copy& copy : point.copies) {
    copies.push_back(JsonObject{{"id", copy.id.text()},
                                {"level", copy.level},
                                {"method", copy.method},
                                {"repository", copy.repository},
                                {"location", copy.location},
                                {"snapshot_id", copy.snapshot_id},
                                {"state", copy.state},
                                {"added_bytes", copy.added_bytes},
                                {"proof", proof_view(copy.proof)}});
  }
  return copies;
}

// When the last of the point's promises ends; nullopt: never.
std::optional<UtcTime> expiry_of(const inventory::Point& point, UtcTime now) {
  const auto zone = schedule::find_zone(point.timezone);
  if (!zone) {
    return std::nullopt;
  }
  schedule::KeptPoint kept{point.id.text(), point.time, {}, point.manual, false, *zone};
  for (const inventory::ScheduleLabel& label : point.schedules) {
    kept.retentions.push_back(label.retention);
  }
  return schedule::plan_retention({kept}, now).front().expires;
}

}  // namespace

Json protection_view(const Protection& protection, UtcTime now) {
  JsonObject view{{"state", "none"}, {"proof_level", "L0"}, {"proof_at", nullptr}};
  if (protection.newest) {
    const inventory::PointState state =
        inventory::state_of(*protection.newest, protection.proofs, protection.policy.proof, now);
    const inventory::Proof best = inventory::best_proof(*protection.newest);
    view["state"] = inventory::point_state_name(state);
    view["proof_level"] = inventory::proof_level_name(best.level);
    view["proof_at"] =
        best.level == inventory::ProofLevel::kL0 ? Json() : Json(to_rfc3339(best.at));
    view["rpo_actual_seconds"] = seconds(now - protection.newest->time);
  } else {
    view["rpo_actual_seconds"] = nullptr;
  }
  view["rpo_target_seconds"] = seconds(protection.policy.rpo);
  view["rpo_met"] = protection.policy.rpo == Nanoseconds(0) ||
                    (protection.newest && now - protection.newest->time <= protection.policy.rpo);
  return view;
}

Json resource_view(const inventory::Resource& resource, const Protection& protection, UtcTime now) {
  JsonObject labels;
  for (const auto& [name, value] : resource.labels) {
    labels[name] = value;
  }
  const bool snapshots = resource.driver != "directory";
  const Json protected_state = protection_view(protection, now);
  return JsonObject{
      {"id", resource.id.text()},
      {"name", resource.name},
      {"kind", "path"},
      {"path", resource.path},
      {"system", "local"},
      {"driver", resource.driver},
      {"agent", resource.agent.empty() ? Json() : Json(resource.agent)},
      {"capabilities",
       JsonObject{{"consistency", !snapshots                         ? "none"
                                  : resource.quiesce_command.empty() ? "crash"
                                                                     : "application"},
                  {"snapshots", snapshots}}},
      {"policy", protection.policy.name},
      {"policy_version", protection.policy.version},
      {"labels", std::move(labels)},
      {"created_at", to_rfc3339(resource.created_at)},
      {"newest_point", protection.newest ? Json(protection.newest->id.text()) : Json()},
      {"newest_point_at", protection.newest ? Json(to_rfc3339(protection.newest->time)) : Json()},
      {"protection", protected_state},
      {"status", get_string(protected_state, "state")}};
}

Json repository_view(const inventory::Repository& repository, const inventory::Stored& stored) {
  return JsonObject{
      {"id", repository.id.text()},
      {"name", repository.name},
      {"location", repository.location},
      {"group", repository.group},
      {"is_replica", !repository.replica_of.empty()},
      {"replica_of", repository.replica_of.empty() ? Json() : Json(repository.replica_of)},
      {"same_disk_as", repository.same_disk_as.empty() ? Json() : Json(repository.same_disk_as)},
      {"created_at", to_rfc3339(repository.created_at)},
      {"size_bytes", stored.bytes},
      {"snapshots", stored.snapshots}};
}

void add_fire_rules(JsonObject& view, const protect::FireRules& rules) {
  view["overlap"] = protect::overlap_name(rules.overlap);
  view["jitter_seconds"] = seconds(rules.jitter);
  view["catch_up_seconds"] = seconds(rules.catch_up);
}

Json policy_view(const protect::Policy& policy, const std::vector<std::string>& resources) {
  JsonArray schedules;
  for (const protect::ScheduleEntry& entry : policy.schedules) {
    JsonObject schedule{{"label", entry.label},
                        {"description", entry.rule.description},
                        {"retention", entry.retention}};
    add_fire_rules(schedule, entry.fire);
    schedules.push_back(std::move(schedule));
  }
  JsonArray levels;
  for (const protect::Level& level : policy.levels) {
    levels.push_back(
        JsonObject{{"level", level.level},
                   {"repository", level.repository.empty() ? Json() : Json(level.repository)}});
  }
  return JsonObject{{"id", policy.id},
                    {"name", policy.name},
                    {"version", policy.version},
                    {"workflow_name", "scheduled_backup"},
                    {"timezone", policy.timezone},
                    {"schedules", std::move(schedules)},
                    {"levels", std::move(levels)},
                    {"rpo_seconds", seconds(policy.rpo)},
                    {"rto_seconds", seconds(policy.rto)},
                    {"proof", JsonObject{{"level", inventory::proof_level_name(policy.proof.level)},
                                         {"interval_seconds", seconds(policy.proof.interval)}}},
                    {"steps", protect::to_json(policy.switches)},
                    {"channels", texts(policy.channels)},
                    {"four_eyes", policy.four_eyes},
                    {"resources", texts(resources)},
                    {"document", policy.document}};
}

Json channel_view(const protect::ChannelRow& channel) {
  return JsonObject{{"id", channel.id},
                    {"name", channel.name},
                    {"type", get_string(channel.document, "type")},
                    {"document", channel.document}};
}

Json point_view(const inventory::Point& point, const Protection& protection, UtcTime now) {
  const inventory::Proof best = inventory::best_proof(point);
  JsonArray schedules;
  for (const inventory::ScheduleLabel& label : point.schedules) {
    schedules.push_back(Json(label.label));
  }
  const inventory::PointState state =
      inventory::state_of(point, protection.proofs, protection.policy.proof, now);
  return JsonObject{
      {"id", point.id.text()},
      {"resource", point.resource_name},
      {"resource_id", point.resource.text()},
      {"time", to_rfc3339(point.time)},
      {"consistency", point.consistency},
      {"label", point.consistency == "none" ? Json("not point-in-time") : Json()},
      {"manual", point.manual},
      {"schedules", std::move(schedules)},
      {"partial", point.partial},
      {"files", point.files},
      {"size_bytes", point.bytes},
      {"copies", copies_view(point)},
      {"proof_level", inventory::proof_level_name(best.level)},
      {"proof_at", best.level == inventory::ProofLevel::kL0 ? Json() : Json(to_rfc3339(best.at))},
      {"state", inventory::point_state_name(state)},
      {"usable", inventory::usable(point)},
      {"expires_at", optional_time(expiry_of(point, now))},
      {"run_id", point.run_id}};
}

Json approval_view(const approve::Approval& approval) {
  return JsonObject{
      {"id", approval.id},
      {"run_id", approval.run_id},
      {"workflow", approval.workflow},
      {"status", approve::status_name(approval.status)},
      {"summary", approval.summary},
      {"proposal", approval.proposal},
      {"proposal_hash", approval.proposal_hash},
      {"four_eyes", approval.four_eyes},
      {"requested_by", approval.requested_by},
      {"requested_at", to_rfc3339(approval.requested_at)},
      {"expires_at", to_rfc3339(approval.expires_at)},
      {"decided_by", approval.decided_by.empty() ? Json() : Json(approval.decided_by)},
      {"decided_at", optional_time(approval.decided_at)},
      {"self_approval", approval.self_approval},
      {"comment", approval.comment}};
}

Json expected_run_view(const protect::ExpectedRun& run) {
  const auto zone = schedule::find_zone(run.timezone);
  return JsonObject{
      {"id", run.id},
      {"resource", run.resource_name},
      {"resource_id", run.resource_id},
      {"policy", run.policy},
      {"label", run.label},
      {"due_at", to_rfc3339(run.due_at)},
      {"start_at", to_rfc3339(run.start_at)},
      {"local", zone ? zone->text(run.due_at) : ""},
      {"timezone", run.timezone},
      {"status", run.status},
      {"run_id", run.status == "expected" || run.status == "missed" || run.status == "skipped"
                     ? Json()
                     : Json(run.id)},
      {"origin", run.origin},
      {"batch", run.batch.empty() ? Json() : Json(run.batch)},
      {"reason", run.reason.empty() ? Json() : Json(run.reason)},
      {"detail", run.detail},
      {"queued_at", optional_time(run.queued_at)},
      {"started_at", optional_time(run.started_at)},
      {"ended_at", optional_time(run.ended_at)}};
}

Json audit_view(const audit::Entry& entry) {
  return JsonObject{{"id", entry.id},
                    {"at", to_rfc3339(entry.change.at)},
                    {"actor", entry.change.actor},
                    {"action", entry.change.action},
                    {"target", entry.change.target},
                    {"request_id", entry.change.request_id},
                    {"detail", entry.change.detail},
                    {"payload_hash", entry.change.payload_hash},
                    {"hash", entry.hash}};
}

Json key_view(const access::ApiKey& key) {
  return JsonObject{{"id", key.id},
                    {"name", key.name},
                    {"scopes", texts(key.scopes.names())},
                    {"created_at", to_rfc3339(key.created_at)},
                    {"revoked_at", optional_time(key.revoked_at)}};
}

}  // namespace holdfast::api
