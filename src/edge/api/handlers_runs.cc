// Handlers of workflows, runs, approvals, schedules and the ledger.
#include <fmt/core.h>

#include <charconv>

#include "domain/approve/approvals.h"
#include "domain/inventory/catalog.h"
#include "domain/protect/ledger.h"
#include "domain/protect/policy_store.h"
#include "domain/recover/approvals_service.h"
#include "edge/api/handlers.h"

namespace holdfast::api {
namespace {

Json plain_list(JsonArray items) {
  return JsonObject{{"items", std::move(items)}, {"next_cursor", nullptr}};
}

// The engine's statuses behind one of the API's; empty: all. kInvalidArgument for another word.
Result<std::vector<flow::RunStatus>> statuses_of(const std::string& status) {
  using flow::RunStatus;
  if (status.empty()) {
    return std::vector<RunStatus>();
  }
  if (status == "running" || status == "waiting") {
    return std::vector{RunStatus::kRunning};
  }
  if (status == "completed") {
    return std::vector{RunStatus::kCompleted, RunStatus::kContinuedAsNew};
  }
  if (status == "failed") {
    return std::vector{RunStatus::kFailed, RunStatus::kTimedOut};
  }
  if (status == "cancelled") {
    return std::vector{RunStatus::kCanceled, RunStatus::kTerminated};
  }
  return Error(
      Code::kInvalidArgument,
      fmt::format("'{}' is no status: use running, waiting, completed, failed or cancelled",
                  status));
}

Result<std::optional<UtcTime>> time_query(const Call& call, std::string_view name) {
  const std::string text = call.request->query_or(name, "");
  if (text.empty()) {
    return std::optional<UtcTime>();
  }
  HF_TRY(const UtcTime time, parse_rfc3339(text, /*assume_utc=*/true));
  return std::optional(time);
}

Result<flow::ListQuery> run_query(const Call& call, int limit) {
  flow::ListQuery query;
  query.limit = limit;
  query.page_key = call.request->query_or("cursor", "");
  query.type = call.request->query_or("workflow", "");
  HF_TRY(query.statuses, statuses_of(call.request->query_or("status", "")));
  HF_TRY(query.started_after, time_query(call, "since"));
  HF_TRY(query.started_before, time_query(call, "until"));
  const std::string resource = call.request->query_or("resource", "");
  if (!resource.empty()) {
    query.attributes.emplace_back(resource.starts_with("res_") ? "resource_id" : "resource",
                                  Json(resource));
  }
  return query;
}

}  // namespace

async::Co<Result<Json>> load_run(const protect::Services* services, std::string id) {
  auto run = co_await services->flow.describe(flow::ref(flow::WorkflowId(id)));
  if (!run && run.error().code() == Code::kNotFound) {
    co_return Error(Code::kNotFound,
                    fmt::format("there is no run '{}': see 'holdfast run list'", id));
  }
  HF_CO_TRY_VOID(status_of(run));
  HF_CO_TRY(const auto approval, co_await services->server.db.read([id](db::Connection& sql) {
    return approve::of_run(sql, id);
  }));
  co_return run_view(*run, approval);
}

async::Co<Result<Json>> list_workflows(Call) {
  JsonArray items;
  for (const auto& schema : protect::workflow_schemas()) {
    items.push_back(
        JsonObject{{"id", schema.key()}, {"name", schema.key()}, {"parameters", schema.value()}});
  }
  co_return plain_list(std::move(items));
}

async::Co<Result<Json>> start_workflow(Call call) {
  HF_CO_TRY_VOID(call.only_fields({"parameters", "auto_approve"}));
  const Json* parameters = find(call.body, "parameters");
  HF_CO_TRY(const std::string id, co_await protect::start_workflow(
                                      *call.services, call.caller, call.path_value("name"),
                                      parameters == nullptr ? Json(JsonObject{}) : *parameters));
  co_return co_await load_run(call.services, id);
}

async::Co<Result<Json>> list_runs(Call call) {
  HF_CO_TRY(const int limit, call.limit());
  HF_CO_TRY(const flow::ListQuery query, run_query(call, limit));
  const std::string status = call.request->query_or("status", "");
  HF_CO_TRY(const flow::RunPage found, co_await call.services->flow.list(query));
  JsonArray items;
  for (const flow::RunSummary& run : found.runs) {
    if (status.empty() || run_status(run) == status) {
      items.push_back(run_summary_view(run));
    }
  }
  co_return Json(JsonObject{
      {"items", std::move(items)},
      {"next_cursor", found.next_page_key.empty() ? Json() : Json(found.next_page_key)}});
}

async::Co<Result<Json>> get_run(Call call) {
  return load_run(call.services, call.path_value("id"));
}

async::Co<Result<Json>> run_history(Call call) {
  co_return co_await call.services->flow.history_json(
      flow::ref(flow::WorkflowId(call.path_value("id"))));
}

async::Co<Result<Json>> cancel_run(Call call) {
  const std::string id = call.path_value("id");
  HF_CO_TRY_VOID(co_await protect::cancel_run(*call.services, call.caller, id));
  co_return co_await load_run(call.services, id);
}

async::Co<Result<Json>> signal_run(Call call) {
  const std::string id = call.path_value("id");
  const std::string name = call.path_value("name");
  if (name == "decision") {
    co_return Error(Code::kPermissionDenied,
                    "a decision is made by approving or denying the approval");
  }
  HF_CO_TRY_VOID(co_await protect::signal_run(*call.services, call.caller, id, name, call.body));
  co_return co_await load_run(call.services, id);
}

async::Co<Result<Json>> list_approvals(Call call) {
  HF_CO_TRY(const int limit, call.limit());
  const std::string status = call.request->query_or("status", "");
  const std::string cursor = call.request->query_or("cursor", "");
  HF_CO_TRY(const auto rows, co_await call.server().db.read([=](db::Connection& sql) {
    return approve::list(sql, status, cursor, limit);
  }));
  JsonArray items;
  for (const approve::Approval& row : rows) {
    items.push_back(approval_view(row));
  }
  co_return page(std::move(items), limit);
}

async::Co<Result<Json>> get_approval(Call call) {
  HF_CO_TRY(const auto row,
            co_await call.server().db.read([id = call.path_value("id")](db::Connection& sql) {
              return approve::find(sql, id);
            }));
  co_return approval_view(row);
}

namespace {

async::Co<Result<Json>> decide(Call call, bool approved) {
  HF_CO_TRY_VOID(call.only_fields({"comment"}));
  approve::Decision decision{approved, get_string(call.body, "comment")};
  HF_CO_TRY(const approve::Approval decided,
            co_await recover::decide_approval(*call.services, call.caller, call.path_value("id"),
                                              decision));
  co_return approval_view(decided);
}

}  // namespace

async::Co<Result<Json>> approve_approval(Call call) { return decide(std::move(call), true); }
async::Co<Result<Json>> deny_approval(Call call) { return decide(std::move(call), false); }

namespace {

Result<JsonArray> schedule_rows(db::Connection& sql, const protect::ServerContext& server) {
  JsonArray rows;
  HF_TRY(const auto resources, inventory::list_resources(sql));
  for (const inventory::Resource& resource : resources) {
    HF_TRY(const protect::Policy policy, protect::policy_of(sql, resource, server.timezone));
    HF_TRY(const schedule::Zone zone, schedule::find_zone(policy.timezone));
    for (const protect::ScheduleEntry& entry : policy.schedules) {
      const auto next = schedule::next_after(entry.rule, zone, server.clock.now());
      rows.push_back(JsonObject{{"id", resource.name + "/" + entry.label},
                                {"resource", resource.name},
                                {"policy", policy.name},
                                {"label", entry.label},
                                {"schedule", entry.rule.description},
                                {"retention", entry.retention},
                                {"timezone", policy.timezone},
                                {"next", next ? Json(to_rfc3339(*next)) : Json()},
                                {"next_local", next ? Json(zone.text(*next)) : Json()}});
    }
  }
  return rows;
}

// The next occurrences of every schedule of a resource (or of all), soonest first.
Result<JsonArray> next_rows(db::Connection& sql, const protect::ServerContext& server,
                            const std::string& only, size_t count) {
  std::multimap<UtcTime, JsonObject> soonest;
  HF_TRY(const auto resources, inventory::list_resources(sql));
  for (const inventory::Resource& resource : resources) {
    if (!only.empty() && only != resource.name && only != resource.id.text()) {
      continue;
    }
    HF_TRY(const protect::Policy policy, protect::policy_of(sql, resource, server.timezone));
    HF_TRY(const schedule::Zone zone, schedule::find_zone(policy.timezone));
    for (const protect::ScheduleEntry& entry : policy.schedules) {
      auto next = schedule::next_after(entry.rule, zone, server.clock.now());
      for (size_t i = 0; i < count && next; ++i) {
        soonest.emplace(*next, JsonObject{{"id", fmt::format("{}/{}/{}", resource.name, entry.label,
                                                             to_rfc3339(*next))},
                                          {"resource", resource.name},
                                          {"policy", policy.name},
                                          {"label", entry.label},
                                          {"due_at", to_rfc3339(*next)},
                                          {"local", zone.text(*next)},
                                          {"timezone", policy.timezone},
                                          {"status", "expected"}});
        next = schedule::next_after(entry.rule, zone, *next);
      }
    }
  }
  JsonArray rows;
  for (auto& [due, row] : soonest) {
    if (rows.size() < count) {
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

}  // namespace

async::Co<Result<Json>> list_schedules(Call call) {
  const protect::ServerContext* server = &call.server();
  HF_CO_TRY(JsonArray rows, co_await server->db.read([server](db::Connection& sql) {
    return schedule_rows(sql, *server);
  }));
  co_return plain_list(std::move(rows));
}

async::Co<Result<Json>> next_runs(Call call) {
  const protect::ServerContext* server = &call.server();
  const std::string text = call.request->query_or("count", "10");
  size_t count = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (failure != std::errc() || end != text.data() + text.size() || count < 1 || count > 100) {
    co_return Error(Code::kInvalidArgument, "count must be a number from 1 to 100");
  }
  const std::string resource = call.request->query_or("resource", "");
  HF_CO_TRY(JsonArray rows, co_await server->db.read([=](db::Connection& sql) {
    return next_rows(sql, *server, resource, count);
  }));
  co_return plain_list(std::move(rows));
}

async::Co<Result<Json>> list_expected_runs(Call call) {
  HF_CO_TRY(const int limit, call.limit());
  protect::LedgerQuery query;
  query.limit = limit;
  query.status = call.request->query_or("status", "");
  query.resource = call.request->query_or("resource", "");
  query.after_id = call.request->query_or("cursor", "");
  HF_CO_TRY(const auto rows, co_await call.server().db.read([query](db::Connection& sql) {
    return protect::list_expected(sql, query);
  }));
  JsonArray items;
  for (const protect::ExpectedRun& row : rows) {
    items.push_back(expected_run_view(row));
  }
  co_return page(std::move(items), limit);
}

}  // namespace holdfast::api
