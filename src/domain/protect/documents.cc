// apply_document: one document of any kind becomes rows, with its audit row in the same
// transaction.
#include <fmt/core.h>

#include <algorithm>

#include "domain/inventory/catalog.h"
#include "domain/protect/groups.h"
#include "domain/protect/ledger.h"
#include "domain/protect/noted.h"
#include "domain/protect/policy_copies.h"
#include "domain/protect/policy_store.h"
#include "domain/protect/repositories.h"
#include "domain/protect/resources.h"
#include "domain/protect/services.h"
#include "domain/protect/systems.h"
#include "drivers/notify/config.h"

namespace holdfast::protect {
namespace {

std::string kind_of(const Json& document) {
  const std::string kind = get_string(document, "kind");
  return kind.empty() && find(document, "workflow_name") != nullptr ? "policy" : kind;
}

Json answer(std::string_view kind, const std::string& name, const std::string& id,
            ApplyAction action, int version, std::int64_t binds,
            const std::vector<std::string>& warnings, bool dry_run) {
  return JsonObject{{"kind", kind},
                    {"name", name},
                    {"id", id},
                    {"action", action_name(action)},
                    {"version", version},
                    {"binds", binds},
                    {"warnings", JsonArray(warnings.begin(), warnings.end())},
                    {"dry_run", dry_run}};
}

// A dry run does everything and then takes it back.
Error rolled_back() { return Error(Code::kCancelled, "dry run"); }

// Runs `change` in one transaction; for a dry run its answer is kept and its writes are not.
template <class F>
async::Co<Result<Json>> in_transaction(const ServerContext* server, bool dry_run, F change) {
  auto kept = std::make_shared<Json>();
  const auto done =
      co_await server->db.write([change, kept, dry_run](db::Connection& sql) -> Result<Json> {
        HF_TRY(*kept, change(sql));
        if (dry_run) {
          return rolled_back();
        }
        return *kept;
      });
  if (!done && !(dry_run && done.error().code() == Code::kCancelled)) {
    co_return done.error();
  }
  co_return *kept;
}

Status note_applied(db::Connection& sql, const ServerContext& server, const Caller& caller,
                    std::string_view kind, ApplyAction action, const std::string& id,
                    const Json& document) {
  if (action == ApplyAction::kUnchanged) {
    return {};
  }
  return note(sql, server, caller,
              {.action = fmt::format("{}.{}", kind, action_name(action)),
               .target = id,
               .payload_hash = hash_of(document)});
}

// The policy may demand nothing that a resource which it binds cannot give; its repositories and
// channels must exist.
Status check_references(db::Connection& sql, const Policy& policy) {
  std::vector<Problem> problems;
  for (size_t i = 0; i < policy.levels.size(); ++i) {
    if (!policy.levels[i].repository.empty() &&
        !inventory::find_repository(sql, policy.levels[i].repository)) {
      problems.push_back({fmt::format("/levels/{}/repository", i),
                          fmt::format("there is no repository '{}'", policy.levels[i].repository)});
    }
  }
  for (size_t i = 0; i < policy.channels.size(); ++i) {
    if (!find_channel(sql, policy.channels[i])) {
      problems.push_back({fmt::format("/channels/{}", i),
                          fmt::format("there is no channel '{}'", policy.channels[i])});
    }
  }
  if (!problems.empty()) {
    return to_error(problems);
  }
  return {};
}

Result<std::int64_t> count_bound(db::Connection& sql, const ServerContext& context,
                                 const Policy& policy) {
  HF_TRY(const auto resources, inventory::list_resources(sql));
  std::int64_t bound = 0;
  for (const inventory::Resource& resource : resources) {
    HF_TRY(const Policy own, policy_of(sql, resource, context.timezone));
    if (own.name == policy.name) {
      HF_TRY_VOID(check_capabilities(resource, policy));
      HF_TRY_VOID(check_group(sql, context, resource, policy));
      ++bound;
    }
  }
  return bound;
}

// Expected rows of schedules that the new version does not have are withdrawn.
Status withdraw_dropped(db::Connection& sql, const Policy& before, const Policy& after,
                        UtcTime now) {
  HF_TRY(const auto resources, inventory::list_resources(sql));
  for (const inventory::Resource& resource : resources) {
    HF_TRY(const Policy own, policy_of(sql, resource, before.timezone));
    if (own.name != after.name) {
      continue;
    }
    for (const ScheduleEntry& entry : before.schedules) {
      HF_TRY_VOID(withdraw_expected(sql, resource.id.text(), entry.label, now));
    }
  }
  return {};
}

async::Co<Result<Json>> apply_policy(const Services* services, Caller caller,
                                     ApplyRequest request) {
  const ServerContext* server = &services->server;
  HF_CO_TRY(const Policy policy, decode_policy(request.document, server->timezone));
  HF_CO_TRY_VOID(check_name("policy", policy.name));
  HF_CO_TRY_VOID(check_copies(policy));
  const std::string new_id = server->new_id("pol_");
  const UtcTime now = server->clock.now();
  co_return co_await in_transaction(
      server, request.dry_run, [=](db::Connection& sql) -> Result<Json> {
        Policy applied = policy;
        HF_TRY_VOID(check_references(sql, applied));
        const auto before = find_policy(sql, applied.name, server->timezone);
        HF_TRY(const ApplyAction action, put_policy(sql, applied, new_id, now));
        if (action == ApplyAction::kUpdated && before) {
          HF_TRY_VOID(withdraw_dropped(sql, *before, applied, now));
        }
        HF_TRY(const std::int64_t binds, count_bound(sql, *server, applied));
        std::vector<std::string> warnings;
        if (binds == 0) {
          warnings.push_back(fmt::format(
              "no resource is bound: 'holdfast resource add NAME --path DIR --policy {}'",
              applied.name));
        }
        HF_TRY_VOID(
            note_applied(sql, *server, caller, "policy", action, applied.id, request.document));
        return answer("policy", applied.name, applied.id, action, applied.version, binds, warnings,
                      request.dry_run);
      });
}

async::Co<Result<Json>> apply_channel(const Services* services, Caller caller,
                                      ApplyRequest request) {
  const ServerContext* server = &services->server;
  HF_CO_TRY(const notify::ChannelConfig config, notify::decode_channel(request.document));
  HF_CO_TRY_VOID(check_name("channel", config.name));
  const std::string new_id = server->new_id("ch_");
  co_return co_await in_transaction(
      server, request.dry_run, [=](db::Connection& sql) -> Result<Json> {
        ChannelRow row{"", config.name, request.document};
        HF_TRY(const ApplyAction action, put_channel(sql, row, new_id));
        HF_TRY_VOID(
            note_applied(sql, *server, caller, "channel", action, row.id, request.document));
        return answer("channel", row.name, row.id, action, 1, 0, {}, request.dry_run);
      });
}

async::Co<Result<Json>> apply_repository(const Services* services, Caller caller,
                                         ApplyRequest request) {
  std::vector<Problem> problems;
  ObjectReader reader(request.document, "", problems);
  reader.string("kind");
  NewRepository wanted{reader.string("name"), reader.string("location"),
                       reader.string_or("replica_of", "")};
  reader.reject_unknown();
  if (!problems.empty()) {
    co_return to_error(problems);
  }
  const auto before = co_await services->server.db.read(
      [name = wanted.name](db::Connection& sql) { return inventory::find_repository(sql, name); });
  if (before && before->location != wanted.location) {
    co_return Error(Code::kConflict,
                    fmt::format("repository '{}' is at {}: a repository is not moved by a document",
                                wanted.name, before->location))
        .with("/location", "differs from where the repository is");
  }
  if (before) {
    co_return answer("repository", before->name, before->id.text(), ApplyAction::kUnchanged, 1, 0,
                     {}, request.dry_run);
  }
  if (request.dry_run) {
    co_return answer("repository", wanted.name, "", ApplyAction::kCreated, 1, 0, {}, true);
  }
  HF_CO_TRY(const inventory::Repository made, co_await add_repository(*services, caller, wanted));
  std::vector<std::string> warnings;
  if (!made.same_disk_as.empty()) {
    warnings.push_back(fmt::format(
        "same disk as repository '{}': it does not count as another medium", made.same_disk_as));
  }
  co_return answer("repository", made.name, made.id.text(), ApplyAction::kCreated, 1, 0, warnings,
                   false);
}

Result<NewResource> decode_resource(const ApplyRequest& request) {
  std::vector<Problem> problems;
  ObjectReader reader(request.document, "", problems);
  reader.string("kind");
  NewResource wanted;
  wanted.name = reader.string("name");
  wanted.path = reader.string("path");
  wanted.policy = reader.string_or("policy", "");
  wanted.quiesce_command = reader.string_or("quiesce_command", "");
  wanted.release_command = reader.string_or("release_command", "");
  wanted.probe_command = reader.string_or("probe_command", "");
  wanted.consistency_group = reader.string_or("consistency_group", "");
  wanted.agent = reader.string_or("agent", "");
  wanted.driver = reader.string_or("driver", "");
  if (const Json* labels = reader.value("labels"); labels != nullptr && labels->is_object()) {
    for (const auto& label : labels->get_object()) {
      wanted.labels[label.key()] = get_string(*labels, label.key());
    }
  }
  reader.reject_unknown();
  if (!problems.empty()) {
    return to_error(problems);
  }
  wanted.policy = request.policy.empty() ? wanted.policy : request.policy;
  return wanted;
}

bool same_resource(const inventory::Resource& a, const inventory::Resource& b) {
  return a.path == b.path && a.driver == b.driver && a.policy == b.policy && a.labels == b.labels &&
         a.quiesce_command == b.quiesce_command && a.release_command == b.release_command &&
         a.probe_command == b.probe_command && a.consistency_group == b.consistency_group &&
         a.agent == b.agent;
}

async::Co<Result<Json>> apply_resource(const Services* services, Caller caller,
                                       ApplyRequest request) {
  const ServerContext* server = &services->server;
  HF_CO_TRY(const NewResource wanted, decode_resource(request));
  HF_CO_TRY(const inventory::Resource resolved, co_await resolve_resource(*services, wanted));
  const UtcTime now = server->clock.now();
  co_return co_await in_transaction(
      server, request.dry_run, [=](db::Connection& sql) -> Result<Json> {
        inventory::Resource resource = resolved;
        const auto before = inventory::find_resource(sql, resource.name);
        ApplyAction action = ApplyAction::kCreated;
        if (before) {
          resource.id = before->id;
          resource.created_at = before->created_at;
          action =
              same_resource(*before, resource) ? ApplyAction::kUnchanged : ApplyAction::kUpdated;
        }
        HF_TRY(const Policy policy, policy_of(sql, resource, server->timezone));
        HF_TRY_VOID(check_capabilities(resource, policy));
        HF_TRY_VOID(check_group(sql, *server, resource, policy));
        if (before && (before->policy != resource.policy ||
                       before->consistency_group != resource.consistency_group)) {
          HF_TRY(const Policy old, policy_of(sql, *before, server->timezone));
          for (const ScheduleEntry& entry : old.schedules) {
            HF_TRY_VOID(withdraw_expected(sql, resource.id.text(), entry.label, now));
          }
        }
        HF_TRY_VOID(inventory::put_resource(sql, resource));
        HF_TRY_VOID(note_applied(sql, *server, caller, "resource", action, resource.id.text(),
                                 request.document));
        return answer("resource", resource.name, resource.id.text(), action, 1, 1, {},
                      request.dry_run);
      });
}

async::Co<Result<Json>> apply_system(const Services* services, Caller caller,
                                     ApplyRequest request) {
  const std::string name = get_string(request.document, "name");
  const auto before = co_await services->server.db.read(
      [name](db::Connection& sql) { return inventory::find_system(sql, name); });
  ApplyAction action = !before                                ? ApplyAction::kCreated
                       : before->document == request.document ? ApplyAction::kUnchanged
                                                              : ApplyAction::kUpdated;
  if (request.dry_run) {
    HF_CO_TRY_VOID(co_await check_system(*services, request.document));
    co_return answer("system", name, before ? before->id : "", action, 1, 0, {}, true);
  }
  NewSystem wanted;
  wanted.document = request.document;
  HF_CO_TRY(const auto saved, co_await put_system(*services, std::move(caller), std::move(wanted)));
  co_return answer("system", saved.name, saved.id, action, 1, 0, {}, false);
}

}  // namespace

async::Co<Result<Json>> apply_document(const Services& services, Caller caller,
                                       ApplyRequest request) {
  services.server.wake->store(true);
  const std::string kind = kind_of(request.document);
  if (kind == "policy") {
    return apply_policy(&services, std::move(caller), std::move(request));
  }
  if (kind == "channel") {
    return apply_channel(&services, std::move(caller), std::move(request));
  }
  if (kind == "repository") {
    return apply_repository(&services, std::move(caller), std::move(request));
  }
  if (kind == "system") {
    return apply_system(&services, std::move(caller), std::move(request));
  }
  if (kind == "resource") {
    return apply_resource(&services, std::move(caller), std::move(request));
  }
  return [](std::string given) -> async::Co<Result<Json>> {
    co_return Error(Code::kInvalidArgument, "the document names no kind that this server knows")
        .with("/kind", fmt::format("'{}' is none of resource, repository, channel, policy, system; "
                                   "or give workflow_name: "
                                   "scheduled_backup",
                                   given));
  }(kind);
}

}  // namespace holdfast::protect
