// /snapmirror/policies, /storage/snapshot-policies and /cloud/targets.
#include <fmt/core.h>

#include "simulators/ontap/model/volume.h"
#include "simulators/ontap/resources/resources.h"
#include "simulators/ontap/snapmirror/relationship.h"
#include "simulators/ontap/store/tree.h"

namespace holdfast::ontap_sim {
namespace {

using enum FieldType;

const Schema kMirrorSchema{
    {"uuid", kText, kIdentity},
    {"name", kText, kIdentity | kCreate | kRequired},
    {"comment", kText, kSet},
    {"type", kEnum, kCreate, "async|sync|continuous"},
    {"sync_type", kEnum, kCreate, "sync|strict_sync|automated_failover|automated_failover_duplex"},
    {"scope", kEnum, kShown, "cluster|svm"},
    {"svm.name", kText, kCreate},
    {"svm.uuid", kText, kCreate},
    {"retention", kObjects, kSet},
    {"retention.label", kText, kSet},
    {"retention.count", kText, kSet},
    {"retention.period", kDuration, kSet},
    {"retention.prefix", kText, kSet},
    {"retention.preserve", kFlag, kSet},
    {"retention.warn", kInteger, kSet},
    {"retention.creation_schedule.name", kText, kSet},
    {"retention.creation_schedule.uuid", kText, kSet},
    {"transfer_schedule.name", kText, kSet},
    {"transfer_schedule.uuid", kText, kSet},
    {"throttle", kInteger, kSet},
    {"identity_preservation", kEnum, kSet,
     "full|exclude_network_config|exclude_network_and_protocol_config"},
    {"copy_all_source_snapshots", kFlag, kCreate},
    {"copy_latest_source_snapshot", kFlag, kCreate},
    {"create_snapshot_on_source", kFlag, kCreate},
    {"network_compression_enabled", kFlag, kSet},
    {"rpo", kInteger, kSet}};

constexpr size_t kRulesMax = 10;

Done check_rules(const JsonObject& body) {
  std::set<std::string> labels;
  const auto rules = objects_at(body, "retention");
  if (rules.size() > kRulesMax) {
    return bad(13303887, "A policy has at most 10 rules.", "retention");
  }
  for (const JsonObject& rule : rules) {
    const std::string label = text_at(rule, "label");
    if (label.empty() || !labels.insert(label).second) {
      return bad(13304083, "Each rule has a label of its own.", "retention.label");
    }
    const std::string count = text_at(rule, "count");
    if (count.empty() || count.find_first_not_of("0123456789") != std::string::npos) {
      return bad(13304084, "\"retention.count\" is a number, written as text.", "retention.count");
    }
  }
  return {};
}

Done check_mirror_policy(const JsonObject& body) {
  const bool all = flag_at(body, "copy_all_source_snapshots");
  const bool latest = flag_at(body, "copy_latest_source_snapshot");
  const bool without = body.contains("create_snapshot_on_source");
  if ((body.contains("copy_all_source_snapshots") && !all) ||
      (body.contains("copy_latest_source_snapshot") && !latest) ||
      (without && flag_at(body, "create_snapshot_on_source"))) {
    return bad(
        13304126,
        "\"copy_*_source_snapshot(s)\" take only true, \"create_snapshot_on_source\" only false.",
        "copy_all_source_snapshots");
  }
  if (all + latest + without > 1) {
    return bad(13304129,
               "\"copy_all_source_snapshots\", \"copy_latest_source_snapshot\" and "
               "\"create_snapshot_on_source\" exclude one another.",
               "copy_all_source_snapshots");
  }
  const std::string type = text_at(body, "type", "async");
  if ((type == "sync") != body.contains("sync_type")) {
    return bad(13303842, "\"sync_type\" goes with the type sync.", "sync_type");
  }
  if (all && !objects_at(body, "retention").empty()) {
    return bad(13304130, "A policy that copies all snapshots has no rules.", "retention");
  }
  return check_rules(body);
}

Outcome<Answer> create_mirror_policy(Call& call, JsonObject body) {
  HF_TRY_VOID(check_mirror_policy(body));
  const std::string name = text_at(body, "name");
  if (call.cluster.find_by(kind::kMirrorPolicy, "name", name) != nullptr) {
    return conflict(6621060, fmt::format("The policy \"{}\" already exists.", name), "name");
  }
  if (body.contains("svm")) {
    HF_TRY(body["svm"], resolve_svm(call.cluster, body));
  }
  const std::string uuid = call.world.new_uuid();
  body["uuid"] = uuid;
  body["type"] = text_at(body, "type", "async");
  body["scope"] = body.contains("svm") ? "svm" : "cluster";
  const JsonObject& made = call.cluster.add(kind::kMirrorPolicy, uuid, std::move(body));
  return done_with(uuid, made);
}

Outcome<Answer> modify_mirror_policy(Call& call, const JsonObject& record, JsonObject body) {
  HF_TRY_VOID(check_rules(body));
  merge(*call.cluster.edit(kind::kMirrorPolicy, text_at(record, "uuid")), body);
  return done();
}

Outcome<Answer> remove_mirror_policy(Call& call, const JsonObject& record) {
  const std::string uuid = text_at(record, "uuid");
  if (record.contains("_sim_builtin")) {
    return bad(13303843, "A policy that is built in cannot be deleted.");
  }
  if (call.cluster.find_by(kind::kRelationship, "policy.uuid", uuid) != nullptr) {
    return conflict(13303842, "The policy is in use by a relationship.");
  }
  call.cluster.remove(kind::kMirrorPolicy, uuid);
  return done();
}

const Schema kSnapshotSchema{{"uuid", kText, kIdentity},
                             {"name", kText, kIdentity | kCreate | kRequired},
                             {"comment", kText, kSet},
                             {"enabled", kFlag, kSet},
                             {"scope", kEnum, kShown, "cluster|svm"},
                             {"svm.name", kText, kCreate},
                             {"svm.uuid", kText, kCreate},
                             {"copies", kObjects, kSet},
                             {"copies.count", kInteger, kSet},
                             {"copies.schedule.name", kText, kSet},
                             {"copies.schedule.uuid", kText, kSet},
                             {"copies.prefix", kText, kSet},
                             {"copies.snapmirror_label", kText, kSet},
                             {"copies.retention_period", kDuration, kSet}};

Done settle_copies(const Cluster& cluster, JsonObject& body) {
  Json* copies = body.if_contains("copies");
  if (copies == nullptr) {
    return {};
  }
  std::int64_t total = 0;
  for (Json& element : copies->as_array()) {
    JsonObject& copy = element.as_object();
    const std::string name = text_at(copy, "schedule.name");
    const JsonObject* schedule =
        cluster.find_by(kind::kSchedule, name.empty() ? "uuid" : "name",
                        name.empty() ? text_at(copy, "schedule.uuid") : name);
    if (schedule == nullptr) {
      return bad(1638413, fmt::format("The schedule \"{}\" does not exist.", name),
                 "copies.schedule");
    }
    copy["schedule"] = reference(*schedule);
    if (!copy.contains("prefix")) {
      copy["prefix"] = text_at(*schedule, "name");
    }
    total += int_at(copy, "count");
  }
  return total > 1023
             ? Done(bad(1638451, "The counts of a policy add up to at most 1023.", "copies.count"))
             : Done();
}

Outcome<Answer> create_snapshot_policy(Call& call, JsonObject body) {
  HF_TRY_VOID(settle_copies(call.cluster, body));
  const std::string name = text_at(body, "name");
  if (call.cluster.find_by(kind::kSnapshotPolicy, "name", name) != nullptr) {
    return conflict(1638527, fmt::format("The snapshot policy \"{}\" already exists.", name),
                    "name");
  }
  if (body.contains("svm")) {
    HF_TRY(body["svm"], resolve_svm(call.cluster, body));
  }
  const std::string uuid = call.world.new_uuid();
  body["uuid"] = uuid;
  body["scope"] = body.contains("svm") ? "svm" : "cluster";
  if (!body.contains("enabled")) {
    body["enabled"] = true;
  }
  const JsonObject& made = call.cluster.add(kind::kSnapshotPolicy, uuid, std::move(body));
  return done_with(uuid, made);
}

Outcome<Answer> modify_snapshot_policy(Call& call, const JsonObject& record, JsonObject body) {
  HF_TRY_VOID(settle_copies(call.cluster, body));
  merge(*call.cluster.edit(kind::kSnapshotPolicy, text_at(record, "uuid")), body);
  return done();
}

Outcome<Answer> remove_snapshot_policy(Call& call, const JsonObject& record) {
  if (record.contains("_sim_builtin")) {
    return bad(1638430, "A policy that is built in cannot be deleted.");
  }
  if (call.cluster.find_by(kind::kVolume, "snapshot_policy.uuid", text_at(record, "uuid")) !=
      nullptr) {
    return conflict(1638415, "The snapshot policy is in use by a volume.");
  }
  call.cluster.remove(kind::kSnapshotPolicy, text_at(record, "uuid"));
  return done();
}

const Schema kTargetSchema{{"uuid", kText, kIdentity},
                           {"name", kText, kIdentity | kSet | kRequired},
                           {"owner", kEnum, kCreate, "fabricpool|snapmirror|s3_snapmirror"},
                           {"provider_type", kEnum, kCreate,
                            "AWS_S3|Azure_Cloud|SGWS|IBM_COS|AliCloud|GoogleCloud|ONTAP_S3"},
                           {"server", kText, kSet},
                           {"port", kInteger, kSet},
                           {"ssl_enabled", kFlag, kSet},
                           {"container", kText, kSet},
                           {"access_key", kText, kSet},
                           {"secret_password", kText, kSet | kSecret},
                           {"authentication_type", kText, kSet},
                           {"url_style", kText, kSet},
                           {"certificate_validation_enabled", kFlag, kSet},
                           {"azure_account", kText, kSet},
                           {"azure_private_key", kText, kSet | kSecret},
                           {"snapmirror_use", kEnum, kSet, "data|metadata"},
                           {"server_side_encryption", kText, kSet},
                           {"use_http_proxy", kFlag, kSet},
                           {"svm.name", kText, kCreate},
                           {"svm.uuid", kText, kCreate},
                           {"ipspace.name", kText, kCreate},
                           {"ipspace.uuid", kText, kCreate},
                           {"scope", kEnum, kShown, "cluster|svm"},
                           {"used", kSize},
                           {"cluster.name", kText},
                           {"cluster.uuid", kText}};

void decorate_target(Call& call, JsonObject& record, const Selection& selection) {
  if (selection.wants("used")) {
    record["used"] = measure_tree(store_folder(call.cluster, record) + "/chunks").bytes;
  }
}

Outcome<Answer> create_target(Call& call, JsonObject body) {
  const std::string name = text_at(body, "name");
  if (call.cluster.find_by(kind::kCloudTarget, "name", name) != nullptr) {
    return conflict(787016, fmt::format("The cloud target \"{}\" already exists.", name), "name");
  }
  const std::string container = text_at(body, "container");
  if (container.find('/') != std::string::npos || container.starts_with('.')) {
    return bad(45940761, "The container is no name of a bucket.", "container");
  }
  const std::string uuid = call.world.new_uuid();
  body["uuid"] = uuid;
  body["scope"] = body.contains("svm") ? "svm" : "cluster";
  body["cluster"] = {{"name", call.cluster.name}, {"uuid", call.cluster.uuid}};
  const JsonObject made = call.cluster.add(kind::kCloudTarget, uuid, std::move(body));
  HF_TRY_VOID(make_folder(store_folder(call.cluster, made) + "/chunks"));
  return done_with(uuid, reference(made));
}

Outcome<Answer> modify_target(Call& call, const JsonObject& record, JsonObject body) {
  merge(*call.cluster.edit(kind::kCloudTarget, text_at(record, "uuid")), body);
  return done();
}

Outcome<Answer> remove_target(Call& call, const JsonObject& record) {
  if (call.cluster.find_by(kind::kRelationship, "destination.uuid", text_at(record, "uuid")) !=
      nullptr) {
    return conflict(787014, "The cloud target is in use by a relationship.");
  }
  call.cluster.remove(kind::kCloudTarget, text_at(record, "uuid"));
  return done();
}

}  // namespace

void add_policy_resources(Table& table) {
  Resource mirrors{
      .path = "/snapmirror/policies", .kind = kind::kMirrorPolicy, .schema = &kMirrorSchema};
  mirrors.create = &create_mirror_policy;
  mirrors.modify = &modify_mirror_policy;
  mirrors.remove = &remove_mirror_policy;
  table.add(mirrors);
  Resource snapshots{.path = "/storage/snapshot-policies",
                     .kind = kind::kSnapshotPolicy,
                     .schema = &kSnapshotSchema};
  snapshots.create = &create_snapshot_policy;
  snapshots.modify = &modify_snapshot_policy;
  snapshots.remove = &remove_snapshot_policy;
  table.add(snapshots);
  Resource targets{.path = "/cloud/targets", .kind = kind::kCloudTarget, .schema = &kTargetSchema};
  targets.decorate = &decorate_target;
  targets.create = &create_target;
  targets.modify = &modify_target;
  targets.remove = &remove_target;
  table.add(targets);
}

}  // namespace holdfast::ontap_sim
