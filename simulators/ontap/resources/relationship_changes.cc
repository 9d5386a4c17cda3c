// PATCH and DELETE of /snapmirror/relationships/{uuid}, and the fields of a relationship.
#include <fmt/core.h>

#include "simulators/ontap/resources/relationship_parts.h"

namespace holdfast::ontap_sim {
namespace {

using enum FieldType;

constexpr Field kEnds[] = {{"source.path", kText, kIdentity | kSet | kRequired},
                           {"source.uuid", kText},
                           {"source.svm.name", kText, kSet},
                           {"source.svm.uuid", kText, kSet},
                           {"source.cluster.name", kText, kSet},
                           {"source.cluster.uuid", kText, kSet},
                           {"source.consistency_group_volumes", kObjects, kSet},
                           {"source.consistency_group_volumes.name", kText, kSet},
                           {"source.consistency_group_volumes.uuid", kText, kSet},
                           {"source.luns", kObjects},
                           {"destination.path", kText, kIdentity | kSet | kRequired},
                           {"destination.uuid", kText},
                           {"destination.svm.name", kText, kSet},
                           {"destination.svm.uuid", kText, kSet},
                           {"destination.cluster.name", kText, kSet},
                           {"destination.cluster.uuid", kText, kSet},
                           {"destination.ipspace", kText, kCreate},
                           {"destination.consistency_group_volumes", kObjects, kSet},
                           {"destination.consistency_group_volumes.name", kText, kSet},
                           {"destination.consistency_group_volumes.uuid", kText, kSet},
                           {"destination.luns", kObjects}};

constexpr Field kRest[] = {
    {"uuid", kText, kIdentity},
    {"policy.name", kText, kSet},
    {"policy.uuid", kText, kSet},
    {"policy.type", kText, kSet},
    {"state", kEnum, kSet,
     "broken_off|paused|snapmirrored|uninitialized|in_sync|out_of_sync|synchronizing|expanding|"
     "shrinking"},
    {"healthy", kFlag, kIdentity},
    {"unhealthy_reason", kObjects},
    {"unhealthy_reason.code", kText},
    {"unhealthy_reason.message", kText},
    {"unhealthy_reason.arguments", kAny},
    {"lag_time", kDuration},
    {"exported_snapshot", kText},
    {"transfer.uuid", kText},
    {"transfer.state", kEnum, kShown, "aborted|failed|hard_aborted|queued|success|transferring"},
    {"transfer.type", kText},
    {"transfer.bytes_transferred", kSize},
    {"transfer.end_time", kTime},
    {"transfer.total_duration", kDuration},
    {"transfer.last_updated_time", kTime},
    {"last_transfer_type", kText},
    {"last_transfer_network_compression_ratio", kText},
    {"total_transfer_bytes", kSize},
    {"total_transfer_duration", kDuration},
    {"throttle", kInteger, kSet},
    {"transfer_schedule.name", kText, kSet},
    {"transfer_schedule.uuid", kText, kSet},
    {"group_type", kText},
    {"restore", kFlag, kCreate},
    {"identity_preservation", kText, kSet},
    {"backoff_level", kEnum, kSet, "high|medium|none"},
    {"preserve", kFlag, kSet},
    {"quick_resync", kFlag, kSet},
    {"recover_after_break", kFlag, kSet},
    {"restore_to_snapshot", kText, kModify},
    {"svmdr_volumes", kObjects},
    {"svmdr_volumes.name", kText},
    {"consistency_group_failover", kAny},
    {"io_serving_copy", kText},
    {"preferred_site", kText},
    {"master_bias_activated_site", kText},
    {"create_destination.enabled", kFlag, kCreate},
    {"create_destination.size", kSize, kCreate},
    {"create_destination.snapshot_locking_enabled", kFlag, kCreate},
    {"create_destination.storage_service", kAny, kCreate},
    {"create_destination.tiering", kAny, kCreate}};

std::vector<Field> all_fields() {
  std::vector<Field> out(std::begin(kEnds), std::end(kEnds));
  out.insert(out.end(), std::begin(kRest), std::end(kRest));
  return out;
}

bool is_here(Call& call, const JsonObject& record) {
  return call.cluster.find(kind::kRelationship, text_at(record, "uuid")) != nullptr;
}

// Body fields that are settings, not a change of state.
Done apply_settings(Call& call, JsonObject& row, JsonObject& body) {
  HF_TRY_VOID(settle_schedule(call.cluster, body));
  if (at(body, "policy") != nullptr) {
    HF_TRY(const JsonObject policy, mirror_policy(call.cluster, body));
    if (text_at(policy, "type", "async") != text_at(row, "policy.type")) {
      return bad(13303865, "A relationship keeps the type of its policy.", "policy");
    }
    row["policy"] = {{"name", text_at(policy, "name")},
                     {"uuid", text_at(policy, "uuid")},
                     {"type", text_at(policy, "type", "async")}};
  }
  for (const char* field : {"transfer_schedule", "throttle", "backoff_level",
                            "identity_preservation", "preserve", "quick_resync"}) {
    copy_field(body, row, field);
  }
  return {};
}

// The pair turned round: this cluster's volume, which was the source, becomes the destination.
Outcome<Answer> flip(Call& call, const JsonObject& old_row, const JsonObject& body) {
  if (text_at(body, "source.path") != text_at(old_row, "destination.path") ||
      text_at(body, "destination.path") != text_at(old_row, "source.path")) {
    return bad(13304120, "To reverse a relationship, give its paths the other way round.",
               "source.path");
  }
  Cluster* other = call.world.cluster_by_name(text_at(old_row, "destination.cluster.name"));
  if (other == nullptr || other == &call.cluster) {
    return bad(13304003, "A relationship inside one cluster cannot be reversed this way.",
               "source.path");
  }
  const std::string id = text_at(old_row, "uuid");
  const JsonObject* current = other->find(kind::kRelationship, id);
  if (current == nullptr || is_transferring(*current)) {
    return bad(6619715, "The relationship is busy or gone at the other side.", "state");
  }
  const std::string policy_name = text_at(*current, "policy.name", "Asynchronous");
  HF_TRY(const JsonObject policy,
         mirror_policy(call.cluster, {{"policy", {{"name", policy_name}}}}));
  if (!policy_makes_snapshots(policy)) {
    return bad(13304086, "The policy makes no snapshots at the source: it cannot be reversed.",
               "policy");
  }
  JsonObject row = *current;
  row["source"] = *at(*current, "destination");
  row["destination"] = *at(*current, "source");
  row["policy"] = {{"name", text_at(policy, "name")},
                   {"uuid", text_at(policy, "uuid")},
                   {"type", text_at(policy, "type", "async")}};
  row["state"] = "broken_off";
  JsonArray pairs;
  for (const VolumePair& pair : pairs_of(*current)) {
    pairs.push_back({{"source", pair.destination}, {"destination", pair.source}});
  }
  mark_protected(call.world, *current, *other, false);
  set(row, "_sim.pairs", std::move(pairs));
  for (const VolumePair& pair : pairs_of(row)) {
    if (JsonObject* volume = other->edit(kind::kVolume, pair.source)) {
      (*volume)["type"] = "rw";
    }
  }
  other->remove(kind::kRelationship, id);
  call.cluster.remove(kDestination, id);
  other->add(kDestination, id, destination_row(row));
  call.cluster.add(kind::kRelationship, id, row);
  mark_protected(call.world, row, call.cluster, true);
  JobSpec spec;
  spec.description = describe_call(call);
  spec.work = [id](JobRun& run) { return resync(run.world(), run.cluster(), id); };
  return by_job(start_job(call.world, call.cluster, std::move(spec)));
}

Done check_change(const JsonObject& row, Change change) {
  if (at(row, "_sim.pausing") != nullptr) {
    return Fault(400, 4, "entry doesn't exist", "state");  // a break that did not wait for "paused"
  }
  if (is_transferring(row) && change != Change::kQuiesce) {
    return change == Change::kBreak
               ? bad(13303808, "Failed to break the relationship: another transfer is in progress.",
                     "state")
               : bad(6619715, "Another operation is in progress: try again in a few minutes.",
                     "state");
  }
  return {};
}

std::move_only_function<Done(JobRun&)> work_of(Change change, const std::string& id,
                                               const std::string& target, const BreakOrder& order) {
  switch (change) {
    case Change::kQuiesce:
      return [id](JobRun& run) { return quiesce(run.world(), run.cluster(), id); };
    case Change::kBreak:
      return [id, order](JobRun& run) { return break_off(run.world(), run.cluster(), id, order); };
    case Change::kResync:
      return [id](JobRun& run) { return resync(run.world(), run.cluster(), id); };
    case Change::kInitialize:
      return [id](JobRun& run) -> Done {
        Locked lock(run.world());
        return start_transfer(run.world(), run.cluster(),
                              {.relationship = id, .transfer = {}, .type = "initialize"});
      };
    default:
      return [id, target](JobRun& run) -> Done {
        HF_TRY_VOID(consult_source(run.world(), run.cluster(), id));
        Locked lock(run.world());
        if (JsonObject* row = run.cluster().edit(kind::kRelationship, id)) {
          (*row)["state"] = target;
        }
        return {};
      };
  }
}

}  // namespace

const Schema& relationship_schema() {
  static const Schema schema(all_fields());
  return schema;
}

Outcome<Answer> modify_relationship(Call& call, const JsonObject& record, JsonObject body) {
  const std::string id = text_at(record, "uuid");
  for (const char* flag : {"failover", "force-failover", "failback"}) {
    if (call.query.options.contains(flag) && text_at(record, "group_type") != "svm_dr") {
      return bad(13303835, fmt::format("\"{}\" is for SVM disaster recovery only.", flag), flag);
    }
  }
  if (at(body, "source.path") != nullptr || at(body, "destination.path") != nullptr) {
    return flip(call, record, body);
  }
  if (!is_here(call, record)) {
    return not_found("uuid");
  }
  if (flag_at(record, "restore")) {
    return bad(13303851, "A relationship of a restore cannot be changed.");
  }
  if (call.query.option_flag("failover") || call.query.option_flag("force-failover")) {
    body = {{"state", "broken_off"}};
  }
  const std::string target = text_at(body, "state");
  if (target.empty() || target == text_at(record, "state")) {
    HF_TRY_VOID(apply_settings(call, *call.cluster.edit(kind::kRelationship, id), body));
  }
  JobSpec spec;
  spec.description = describe_call(call);
  if (target.empty()) {
    spec.work = [id](JobRun& run) { return consult_source(run.world(), run.cluster(), id); };
    return by_job(start_job(call.world, call.cluster, std::move(spec)));
  }
  HF_TRY(const Change change, transition(text_at(record, "state"), target));
  if ((target == "snapmirrored") == (text_at(record, "policy.type") != "async") &&
      (target == "snapmirrored" || target == "in_sync")) {
    return bad(13303829,
               fmt::format("\"{}\" is no state of a relationship with a policy of type {}.", target,
                           text_at(record, "policy.type")),
               "state");
  }
  HF_TRY_VOID(check_change(record, change));
  if (call.query.option_flag("force") && change != Change::kBreak) {
    return bad(13303836, "\"force\" goes with the state broken_off only.", "force");
  }
  if (call.query.option_flag("validate_only")) {
    return done();
  }
  HF_TRY_VOID(apply_settings(call, *call.cluster.edit(kind::kRelationship, id), body));
  spec.work = work_of(change, id, target,
                      {call.query.option_flag("force"), text_at(body, "restore_to_snapshot")});
  return by_job(start_job(call.world, call.cluster, std::move(spec)));
}

Outcome<Answer> remove_relationship(Call& call, const JsonObject& record) {
  const bool destination_only = call.query.option_flag("destination_only");
  const bool source_only = call.query.option_flag("source_only");
  const bool info_only = call.query.option_flag("source_info_only");
  if (destination_only + source_only + info_only > 1) {
    return bad(
        13303854,
        "\"destination_only\", \"source_only\" and \"source_info_only\" exclude one another.");
  }
  ReleaseOrder order;
  order.destination = !source_only && !info_only;
  order.source = !destination_only;
  order.keep_snapshots = info_only;
  const std::string id = text_at(record, "uuid");
  const JsonObject* row =
      call.cluster.find(order.destination ? kind::kRelationship : kDestination, id);
  if (row == nullptr) {
    return not_found("uuid");
  }
  JobSpec spec;
  spec.description = describe_call(call);
  spec.work = [id, order](JobRun& run) -> Done {
    if (order.destination && order.source) {
      HF_TRY_VOID(consult_source(run.world(), run.cluster(), id));
    }
    return release(run.world(), run.cluster(), id, order);
  };
  return by_job(start_job(call.world, call.cluster, std::move(spec)));
}

}  // namespace holdfast::ontap_sim
