// Handlers of audit, API keys, status and doctor.
#include <fmt/core.h>

#include <charconv>
#include <filesystem>
#include <functional>

#include "core/audit/audit.h"
#include "domain/access/agents.h"
#include "domain/approve/approvals.h"
#include "domain/inventory/catalog.h"
#include "domain/inventory/systems.h"
#include "domain/protect/ledger.h"
#include "domain/protect/noted.h"
#include "domain/protect/schedule_service.h"
#include "edge/api/agent_view.h"
#include "edge/api/handlers.h"

namespace holdfast::api {
namespace {

constexpr Nanoseconds kStatusWindow = std::chrono::hours(24 * 7);

Json plain_list(JsonArray items) {
  return JsonObject{{"items", std::move(items)}, {"next_cursor", nullptr}};
}

struct Counts {
  std::int64_t proven = 0;
  std::int64_t covered = 0;
  std::int64_t unproven = 0;
  std::int64_t none = 0;
  std::int64_t rpo_missed = 0;

  void add(const Json& protection) {
    const std::string state = get_string(protection, "state");
    ++(state == "proven"     ? proven
       : state == "covered"  ? covered
       : state == "unproven" ? unproven
                             : none);
    rpo_missed += get_bool(protection, "rpo_met") ? 0 : 1;
  }
};

Result<Json> make_status(db::Connection& sql, const protect::Services& services) {
  const protect::ServerContext& server = services.server;
  const UtcTime now = server.clock.now();
  HF_TRY(const auto resources, inventory::list_resources(sql));
  Counts counts;
  JsonArray rows;
  for (const inventory::Resource& resource : resources) {
    HF_TRY(const Protection protection, protection_of(sql, resource, server.timezone));
    const Json view = protection_view(protection, now);
    counts.add(view);
    rows.push_back(JsonObject{
        {"id", resource.id.text()},
        {"resource", resource.name},
        {"policy", protection.policy.name},
        {"state", get_string(view, "state")},
        {"proof_level", get_string(view, "proof_level")},
        {"proof_at", *find(view, "proof_at")},
        {"newest_point_at", protection.newest ? Json(to_rfc3339(protection.newest->time)) : Json()},
        {"rpo_actual_seconds", *find(view, "rpo_actual_seconds")},
        {"rpo_target_seconds", *find(view, "rpo_target_seconds")},
        {"rpo_met", get_bool(view, "rpo_met")}});
  }
  HF_TRY(JsonObject ledger,
         protect::count_expected(sql, now - kStatusWindow, now + Nanoseconds(1)));
  HF_TRY(const auto pending, approve::list(sql, "pending", "", 100));
  HF_TRY(const auto agents, access::list_agents(sql));
  std::int64_t online = 0;
  for (const access::Agent& agent : agents) {
    const bool asks = services.agent_asks_now && services.agent_asks_now(agent.id);
    online += agent_state(agent, asks, now) == "online" ? 1 : 0;
  }
  return Json(JsonObject{{"resources", static_cast<std::int64_t>(resources.size())},
                         {"proven", counts.proven},
                         {"covered", counts.covered},
                         {"unproven", counts.unproven},
                         {"without_points", counts.none},
                         {"rpo_missed", counts.rpo_missed},
                         {"approvals_pending", static_cast<std::int64_t>(pending.size())},
                         {"agents", static_cast<std::int64_t>(agents.size())},
                         {"agents_online", online},
                         {"expected_runs_7_days", std::move(ledger)},
                         {"items", std::move(rows)}});
}

class Doctor {
 public:
  void find_out(std::string_view severity, std::string what, std::string where,
                std::string what_to_do) {
    findings_.push_back(JsonObject{{"id", std::to_string(findings_.size() + 1)},
                                   {"severity", severity},
                                   {"what", std::move(what)},
                                   {"where", std::move(where)},
                                   {"what_to_do", std::move(what_to_do)}});
  }

  void look_at(const inventory::Resource& resource, const Json& protection) {
    const std::string state = get_string(protection, "state");
    if (state == "none") {
      find_out("warning", "has no recovery point", "resource " + resource.name,
               fmt::format("holdfast backup {} --wait", resource.name));
    } else if (state == "unproven") {
      find_out("warning", "its newest point is neither proven nor covered",
               "resource " + resource.name, fmt::format("holdfast prove {} --wait", resource.name));
    }
    if (state != "none" && !get_bool(protection, "rpo_met")) {
      find_out("error", "its newest point is older than the RPO", "resource " + resource.name,
               fmt::format("holdfast backup {} --wait, then look at 'holdfast run list'",
                           resource.name));
    }
    std::error_code failure;
    if (resource.agent.empty() && !std::filesystem::is_directory(resource.path, failure)) {
      find_out("error", resource.path + " is not there", "resource " + resource.name,
               "mount it, or 'holdfast resource remove " + resource.name + "'");
    }
  }

  void look_at(const inventory::Repository& repository) {
    std::error_code failure;
    if (!std::filesystem::exists(repository.location + "/config", failure)) {
      find_out("error", "the repository is not at " + repository.location,
               "repository " + repository.name,
               "mount its disk, or bring it back from the replica");
    }
    if (!std::filesystem::exists(repository.password_file, failure)) {
      find_out("error", "its key file is missing", "repository " + repository.name,
               "put it back at " + repository.password_file +
                   "; without it the repository cannot be read");
    }
    if (!repository.replica_of.empty() && !repository.same_disk_as.empty()) {
      find_out("warning", "the replica is on the same disk as " + repository.same_disk_as,
               "repository " + repository.name,
               "holdfast repository add NAME --location /another/disk --replica-of " +
                   repository.replica_of);
    }
  }

  // An agent that resources need and that says nothing.
  void look_at(const inventory::Resource& resource, const std::vector<access::Agent>& agents,
               const std::function<bool(const std::string&)>& asks_now, UtcTime now) {
    if (resource.agent.empty()) {
      return;
    }
    for (const access::Agent& agent : agents) {
      if (agent.name != resource.agent) {
        continue;
      }
      const std::string_view state = agent_state(agent, asks_now && asks_now(agent.id), now);
      if (state == "never_seen") {
        find_out("error", fmt::format("its agent '{}' was never seen", agent.name),
                 "resource " + resource.name, "start 'holdfast agent run' on its host");
      } else if (state == "silent") {
        const auto minutes =
            std::chrono::duration_cast<std::chrono::minutes>(now - *agent.last_seen_at).count();
        find_out("error",
                 fmt::format("its agent '{}' was not seen for {} minutes", agent.name, minutes),
                 "resource " + resource.name,
                 fmt::format("look at the agent on {}: is it running, does it reach this server?",
                             agent.facts.host));
      }
      return;
    }
    find_out("error", fmt::format("there is no agent '{}' any more", resource.agent),
             "resource " + resource.name,
             fmt::format("holdfast agent add {}, or bind the resource to another agent",
                         resource.agent));
  }

  // A storage system that does not answer, and what those report that do.
  Status look_at_systems(db::Connection& sql) {
    HF_TRY(const auto systems, inventory::list_systems(sql));
    for (const inventory::StoredSystem& system : systems) {
      if (!system.problem.empty()) {
        find_out("error", system.problem, "storage system " + system.name,
                 "holdfast system test " + system.name);
      }
    }
    HF_TRY(const auto events, inventory::open_system_events(sql));
    for (const inventory::SystemEvent& event : events) {
      find_out("warning", fmt::format("{} ({}): {}", event.name, event.severity, event.text),
               fmt::format("storage system {}, {}", event.system,
                           event.resource.empty() ? event.cluster : event.resource),
               "holdfast system events " + event.system);
    }
    return {};
  }

  JsonArray take() { return std::move(findings_); }

 private:
  JsonArray findings_;
};

Result<JsonArray> examine(db::Connection& sql, const protect::Services& services) {
  const protect::ServerContext& server = services.server;
  HF_TRY(const auto agents, access::list_agents(sql));
  const UtcTime now = server.clock.now();
  Doctor doctor;
  HF_TRY(const auto resources, inventory::list_resources(sql));
  for (const inventory::Resource& resource : resources) {
    HF_TRY(const Protection protection, protection_of(sql, resource, server.timezone));
    doctor.look_at(resource, protection_view(protection, now));
    doctor.look_at(resource, agents, services.agent_asks_now, now);
  }
  HF_TRY(const auto repositories, inventory::list_repositories(sql));
  for (const inventory::Repository& repository : repositories) {
    doctor.look_at(repository);
  }
  for (const char* status : {"missed", "failed"}) {
    protect::LedgerQuery query;
    query.status = status;
    query.since = now - kStatusWindow;
    query.limit = 20;
    HF_TRY(const auto rows, protect::list_expected(sql, query));
    for (const protect::ExpectedRun& row : rows) {
      doctor.find_out(
          "warning",
          fmt::format("the expected run of {} {}: {}", to_rfc3339(row.due_at), status, row.detail),
          "resource " + row.resource_name, "holdfast run list --resource " + row.resource_name);
    }
  }
  HF_TRY(const auto schedules, protect::view_schedules(sql, server));
  for (const protect::ScheduleView& view : schedules) {
    const std::string name = view.schedule.resource.name + " " + view.schedule.entry.label;
    if (view.paused_because) {
      doctor.find_out("warning", *view.paused_because, "schedule " + name,
                      view.schedule.entry.fire.paused
                          ? "apply its policy without 'paused: true' when that is over"
                          : "holdfast schedule resume " + name + ", when that is over");
    }
  }
  HF_TRY(const auto pending, approve::list(sql, "pending", "", 20));
  for (const approve::Approval& approval : pending) {
    doctor.find_out("info", "waits for a decision until " + to_rfc3339(approval.expires_at),
                    "approval " + approval.id, "holdfast approval approve " + approval.id);
  }
  HF_TRY_VOID(doctor.look_at_systems(sql));
  const auto chain = audit::verify(sql);
  if (!chain) {
    doctor.find_out("error", chain.error().to_string(), "audit log",
                    "find out who changed the state database");
  }
  return doctor.take();
}

}  // namespace

async::Co<Result<Json>> get_status(Call call) {
  const protect::Services* services = call.services;
  co_return co_await services->server.db.read(
      [services](db::Connection& sql) { return make_status(sql, *services); });
}

async::Co<Result<Json>> get_doctor(Call call) {
  const protect::Services* services = call.services;
  HF_CO_TRY(JsonArray findings, co_await services->server.db.read([services](db::Connection& sql) {
    return examine(sql, *services);
  }));
  const bool healthy = findings.empty();
  co_return Json(JsonObject{{"healthy", healthy},
                            {"version", HOLDFAST_VERSION},
                            {"items", std::move(findings)},
                            {"next_cursor", nullptr}});
}

async::Co<Result<Json>> list_audit(Call call) {
  HF_CO_TRY(const int limit, call.limit());
  audit::Query query;
  query.limit = limit;
  const std::string cursor = call.request->query_or("cursor", "");
  if (!cursor.empty()) {
    std::int64_t before = 0;
    std::from_chars(cursor.data(), cursor.data() + cursor.size(), before);
    query.before = before;
  }
  HF_CO_TRY(const auto entries, co_await call.server().db.read([query](db::Connection& sql) {
    return audit::list(sql, query);
  }));
  JsonArray items;
  for (const audit::Entry& entry : entries) {
    items.push_back(audit_view(entry));
  }
  const Json next =
      static_cast<int>(entries.size()) < limit ? Json() : Json(std::to_string(entries.back().id));
  co_return Json(JsonObject{{"items", std::move(items)}, {"next_cursor", next}});
}

async::Co<Result<Json>> list_keys(Call call) {
  HF_CO_TRY(const auto keys, co_await call.server().db.read(
                                 [](db::Connection& sql) { return access::list_keys(sql); }));
  JsonArray items;
  for (const access::ApiKey& key : keys) {
    items.push_back(key_view(key));
  }
  co_return plain_list(std::move(items));
}

async::Co<Result<Json>> add_key(Call call) {
  HF_CO_TRY_VOID(call.only_fields({"name", "scopes"}));
  std::vector<Problem> problems;
  ObjectReader reader(call.body, "", problems);
  access::ApiKey key;
  key.name = reader.string("name");
  const auto scopes = access::Scopes::from_names(reader.strings_or_empty("scopes"));
  if (!scopes) {
    reader.problem("scopes", scopes.error().message());
  } else if (scopes->names().empty() && problems.empty()) {
    reader.problem("scopes", "must name at least one scope");
  } else if (scopes->allows(access::Scope::kAgent)) {
    reader.problem("scopes", "agent is for agents: 'holdfast agent add NAME' makes their keys");
  }
  if (key.name.starts_with(access::kAgentKeyPrefix)) {
    reader.problem("name", "names that begin with agent: are kept for agents");
  }
  if (!problems.empty()) {
    co_return to_error(problems);
  }
  const protect::ServerContext* server = &call.server();
  key.id = server->new_id("key_");
  key.scopes = *scopes;
  key.created_at = server->clock.now();
  const SecretString text = access::make_key_text(server->random);
  HF_CO_TRY(const access::ApiKey made,
            co_await server->db.write([=](db::Connection& sql) -> Result<access::ApiKey> {
              HF_TRY_VOID(protect::note(sql, call.server(), call.caller,
                                        {.action = "key.created", .target = key.id}));
              return access::add_key(sql, key, text);
            }));
  Json view = key_view(made);
  view.get_object()["key"] = text.expose();
  co_return view;
}

async::Co<Result<Json>> revoke_key(Call call) {
  const UtcTime now = call.server().clock.now();
  HF_CO_TRY(const access::ApiKey key,
            co_await call.server().db.write([=](db::Connection& sql) -> Result<access::ApiKey> {
              HF_TRY(const access::ApiKey revoked,
                     access::revoke_key(sql, call.path_value("id"), now));
              HF_TRY_VOID(protect::note(sql, call.server(), call.caller,
                                        {.action = "key.revoked", .target = revoked.id}));
              return revoked;
            }));
  co_return key_view(key);
}

}  // namespace holdfast::api
