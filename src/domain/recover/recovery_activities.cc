// Control activities of data_recovery and recovery_proof. Each may be repeated: rows and files are
// keyed by the run.
#include "domain/recover/recovery_activities.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>

#include "core/crypto/digest.h"
#include "core/env/posix/atomic_file.h"
#include "domain/activities/add_activities.h"
#include "domain/activities/recovery_types.h"
#include "domain/approve/approvals.h"
#include "domain/inventory/catalog.h"
#include "domain/protect/groups.h"
#include "domain/protect/policy_store.h"
#include "domain/recover/choose.h"
#include "domain/recover/measured.h"

namespace holdfast::recover {
namespace {

using namespace activities;  // NOLINT: the values these activities exchange
using protect::ServerContext;

std::optional<std::string> optional_text(const Json& value, std::string_view key) {
  const Json* found = find(value, key);
  return found == nullptr || !found->is_string() ? std::nullopt
                                                 : std::optional(std::string(found->get_string()));
}

std::vector<std::string> text_list(const Json& value, std::string_view key) {
  std::vector<std::string> texts;
  const Json* found = find(value, key);
  if (found != nullptr && found->is_array()) {
    for (const Json& item : found->get_array()) {
      texts.emplace_back(item.is_string() ? item.get_string() : boost::json::string());
    }
  }
  return texts;
}

// The other members of the point's group: each comes back in place to the same instant.
Status add_members(db::Connection& sql, const ServerContext& context, const ChosenPoint& chosen,
                   const Json& input, RecoveryPlan& plan) {
  plan.group = chosen.resource.consistency_group;
  HF_TRY(const auto points, protect::points_of_group(sql, chosen.point));
  if (points.size() < 2) {
    return Error(Code::kFailedPrecondition,
                 fmt::format("recovery point {} belongs to no group: recover it as a volume",
                             plan.point_id));
  }
  if (!plan.restore.in_place || !plan.restore.paths.empty()) {
    return Error(Code::kInvalidArgument,
                 "a group is recovered whole and in place: target_location in-place, no paths");
  }
  for (const inventory::Point& point : points) {
    if (point.id == chosen.point.id) {
      continue;
    }
    HF_TRY(const inventory::Resource resource,
           inventory::find_resource(sql, point.resource.text()));
    HF_TRY(const inventory::Copy copy, choose_copy(point, get_string(input, "copy"), true));
    HF_TRY(RestoreRequest request, read_request(sql, resource, point, copy));
    if (!request.mirror.empty()) {
      return Error(Code::kFailedPrecondition,
                   fmt::format("the copy of '{}' is on another system: a group is recovered from "
                               "its local snapshots or from repositories",
                               resource.name));
    }
    HF_TRY(const protect::Policy policy, protect::policy_of(sql, resource, context.timezone));
    plan.four_eyes = plan.four_eyes || policy.four_eyes;
    request.target = resource.path;
    request.in_place = true;
    plan.members.push_back(std::move(request));
  }
  return {};
}

// Whether the storage system of every copy could bring it back by itself.
bool is_native(const ServerContext& context, const RecoveryPlan& plan) {
  const auto kept_by_it = [&context](const RestoreRequest& request) {
    return (!request.snapshot_path.empty() || !request.mirror.empty()) &&
           context.storage(request.volume.driver).restores;
  };
  return kept_by_it(plan.restore) &&
         std::all_of(plan.members.begin(), plan.members.end(), kept_by_it);
}

// Whether the storage system may do it, and by which means the caller wants it.
Status set_means(const ServerContext& context, const Json& input, RecoveryPlan& plan) {
  plan.native = is_native(context, plan);
  plan.wanted_means = get_string(input, "means");
  if (!plan.wanted_means.empty() && plan.wanted_means != "files_copied" && !plan.native) {
    return Error(
        Code::kFailedPrecondition,
        fmt::format("means {} needs a copy that a storage system has and restores by itself, "
                    "and the copy is {} in {}",
                    plan.wanted_means, plan.copy_level, plan.copy_where));
  }
  return {};
}

// What the plans of recoveries and proofs have in common.
template <class Plan>
void take_point(const Json& input, const ChosenPoint& chosen, const inventory::Copy& copy,
                Plan& plan) {
  plan.run_id = get_string(input, "run_id");
  plan.resource_id = chosen.resource.id.text();
  plan.resource_name = chosen.resource.name;
  plan.point_id = chosen.point.id.text();
  plan.point_time = chosen.point.time;
  plan.copy_id = copy.id.text();
  plan.copy_level = copy.level;
}

Result<RecoveryPlan> make_recovery_plan(db::Connection& sql, const ServerContext& context,
                                        const Json& input) {
  HF_TRY(const ChosenPoint chosen, choose_point(sql, get_string(input, "source_backup"),
                                                optional_text(input, "recovery_point")));
  HF_TRY(
      const Target target,
      resolve_target(sql, chosen.resource, get_string(input, "target_location"), context.data_dir));
  const bool snapshots_first =
      context.storage(chosen.resource.driver).restores && target.agent == chosen.resource.agent;
  HF_TRY(const inventory::Copy copy,
         choose_copy(chosen.point, get_string(input, "copy"), snapshots_first));
  HF_TRY(const protect::Policy policy, protect::policy_of(sql, chosen.resource, context.timezone));
  RecoveryPlan plan;
  take_point(input, chosen, copy, plan);
  plan.copy_where = copy.repository.empty() ? copy.location : copy.repository;
  HF_TRY(plan.restore, read_request(sql, chosen.resource, chosen.point, copy));
  HF_TRY(plan.restore.paths, relative_paths(chosen.resource, text_list(input, "paths")));
  plan.restore.target = target.path;
  plan.restore.in_place = target.in_place;
  plan.agent = target.agent;
  if ((!plan.restore.snapshot_path.empty() || !plan.restore.mirror.empty()) &&
      target.agent != chosen.resource.agent) {
    return Error(
        Code::kFailedPrecondition,
        fmt::format("this copy is a storage snapshot on the host of '{}', and the target is "
                    "on another host: choose a copy in a repository",
                    chosen.resource.name));
  }
  plan.dry_run = get_bool(input, "dry_run");
  plan.validate = get_bool(input, "validate_integrity", true);
  plan.notify = get_bool(input, "notify_completion", true);
  plan.four_eyes = policy.four_eyes;
  plan.channels = policy.channels;
  plan.requested_by = get_string(input, "requested_by");
  plan.requested_at =
      parse_rfc3339(get_string(input, "requested_at")).value_or(context.clock.now());
  plan.rto_target_seconds = std::chrono::duration_cast<std::chrono::seconds>(policy.rto).count();
  plan.why = chosen.why;
  if (get_string(input, "recovery_type") == "group") {
    HF_TRY_VOID(add_members(sql, context, chosen, input, plan));
  }
  HF_TRY_VOID(set_means(context, input, plan));
  HF_TRY(const Estimate estimate, estimate_recovery(sql, chosen.point.bytes));
  plan.estimate_p50_seconds = estimate.p50_seconds;
  plan.estimate_p90_seconds = estimate.p90_seconds;
  plan.estimate_samples = estimate.samples;
  return plan;
}

Result<Json> begin(const ServerContext& context, const Json& input) {
  return context.db.read_blocking([&context, input](db::Connection& sql) -> Result<Json> {
    HF_TRY(const RecoveryPlan plan, make_recovery_plan(sql, context, input));
    return encode(plan);
  });
}

Result<Json> request_approval(const ServerContext& context, const Json& input) {
  approve::Approval approval;
  const std::string run_id = get_string(input, "run_id");
  approval.id = "apr_" + run_id.substr(std::min(run_id.size(), std::string_view("run_").size()));
  approval.run_id = run_id;
  approval.workflow = get_string(input, "workflow");
  approval.summary = get_string(input, "summary");
  approval.proposal = *find(input, "proposal");
  approval.proposal_hash = crypto::sha256_hex(as_bytes(to_text(approval.proposal)));
  approval.four_eyes = get_bool(input, "four_eyes");
  approval.requested_by = get_string(input, "requested_by");
  approval.requested_at = context.clock.now();
  approval.expires_at = approval.requested_at + approve::kSilenceDenies;
  return context.db.write_blocking([approval](db::Connection& sql) -> Result<Json> {
    HF_TRY_VOID(approve::request(sql, approval));
    return Json(JsonObject{{"approval", approval.id}, {"proposal_hash", approval.proposal_hash}});
  });
}

Result<Json> end_approval(const ServerContext& context, const Json& input) {
  const UtcTime now = context.clock.now();
  const auto how = get_bool(input, "expired") ? approve::ApprovalStatus::kExpired
                                              : approve::ApprovalStatus::kWithdrawn;
  return context.db.write_blocking([input, how, now](db::Connection& sql) -> Result<Json> {
    HF_TRY_VOID(status_of(approve::end_undecided(sql, get_string(input, "approval"), how, now)));
    return Json(JsonObject{});
  });
}

Result<Json> write_manifest(const ServerContext& context, const Json& input) {
  const std::string text = to_pretty_text(input);
  const std::string hash = crypto::sha256_hex(as_bytes(text));
  const std::string path = context.evidence_dir() + "/" + hash + ".json";
  HF_TRY_VOID(env::write_file_atomically(path, text, 0600));
  const Json* restored = find(input, "restored");
  Measured measured;
  measured.run_id = get_string(input, "run_id");
  measured.bytes =
      restored == nullptr ? 0 : static_cast<std::uint64_t>(get_int(*restored, "bytes"));
  measured.seconds = get_int(input, "rto_achieved_seconds");
  measured.at = context.clock.now();
  return context.db.write_blocking([=](db::Connection& sql) -> Result<Json> {
    HF_TRY_VOID(record_measured(sql, measured));
    return Json(JsonObject{{"sha256", hash}, {"path", path}, {"detail", hash}});
  });
}

// Marks the copies whose storage snapshot a volume restore has thrown away.
Result<Json> copies_lost(const ServerContext& context, const Json& input) {
  return context.db.write_blocking([input](db::Connection& sql) -> Result<Json> {
    const auto paths = text_list(input, "paths");
    HF_TRY(const auto resources, inventory::list_resources(sql));
    for (const inventory::Resource& resource : resources) {
      const bool went_back =
          resource.agent == get_string(input, "agent") &&
          std::any_of(paths.begin(), paths.end(), [&resource](const std::string& path) {
            return resource.path == path || resource.path.starts_with(path + "/");
          });
      for (const std::string& snapshot : text_list(input, "snapshots")) {
        if (!went_back) {
          break;
        }
        HF_TRY_VOID(inventory::lose_snapshot(sql, resource.id, snapshot));
      }
    }
    return Json(JsonObject{});
  });
}

Result<ProofPlan> make_proof_plan(db::Connection& sql, const ServerContext& context,
                                  const Json& input) {
  const std::string source = get_string(input, "point").empty() ? get_string(input, "resource")
                                                                : get_string(input, "point");
  HF_TRY(const ChosenPoint chosen, choose_point(sql, source, std::nullopt));
  HF_TRY(const inventory::Copy copy, choose_copy(chosen.point, get_string(input, "copy")));
  HF_TRY(const protect::Policy policy, protect::policy_of(sql, chosen.resource, context.timezone));
  ProofPlan plan;
  take_point(input, chosen, copy, plan);
  plan.level =
      get_string(input, "level", std::string(inventory::proof_level_name(policy.proof.level)));
  HF_TRY_VOID(status_of(inventory::proof_level_from_name(plan.level)));
  HF_TRY(plan.restore, read_request(sql, chosen.resource, chosen.point, copy));
  plan.restore.target = context.scratch_dir() + "/" + plan.run_id;
  plan.agent = chosen.resource.agent;
  plan.probe_command = chosen.resource.probe_command;
  plan.channels = policy.channels;
  plan.native =
      !plan.restore.snapshot_path.empty() && context.storage(chosen.resource.driver).restores;
  if (plan.level == "L3" && plan.probe_command.empty()) {
    return Error(Code::kFailedPrecondition,
                 fmt::format("proof level L3 needs a probe command, and resource '{}' has none",
                             chosen.resource.name));
  }
  return plan;
}

Result<Json> begin_proof(const ServerContext& context, const Json& input) {
  return context.db.read_blocking([&context, input](db::Connection& sql) -> Result<Json> {
    HF_TRY(const ProofPlan plan, make_proof_plan(sql, context, input));
    return encode(plan);
  });
}

Result<Json> record_proof(const ServerContext& context, const Json& input) {
  HF_TRY(const inventory::ProofLevel level,
         inventory::proof_level_from_name(get_string(input, "level")));
  HF_TRY(const UtcTime at, parse_rfc3339(get_string(input, "at")));
  const inventory::Proof proof{level, at, get_string(input, "run_id"), get_string(input, "detail")};
  const inventory::CopyId copy(get_string(input, "copy_id"));
  return context.db.write_blocking([proof, copy](db::Connection& sql) -> Result<Json> {
    if (proof.level != inventory::ProofLevel::kL0) {
      HF_TRY_VOID(inventory::add_proof(sql, copy, proof));
    }
    return Json(JsonObject{});
  });
}

}  // namespace

void register_recovery_activities(flow::ActivityRegistry& registry, const ServerContext& context) {
  const activities::AddActivities add(registry, context);
  add("recover.begin", begin);
  add("recover.request_approval", request_approval);
  add("recover.end_approval", end_approval);
  add("recover.write_manifest", write_manifest);
  add("recover.copies_lost", copies_lost);
  add("recover.begin_proof", begin_proof);
  add("recover.record_proof", record_proof);
}

}  // namespace holdfast::recover
