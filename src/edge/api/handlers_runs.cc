// Handlers of workflows, runs and approvals.
#include <fmt/core.h>

#include "domain/approve/approvals.h"
#include "domain/inventory/catalog.h"
#include "domain/protect/run_service.h"
#include "domain/recover/approvals_service.h"
#include "edge/api/agent_view.h"
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
  query.filter = call.request->query_or("filter", "");
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

// Says of each task that waits for an agent why, and answers the first reason (empty: none).
async::Co<Result<std::string>> explain_waiting(const protect::Services* services,
                                               flow::RunDescription& run) {
  std::string first;
  for (flow::PendingActivity& activity : run.activities) {
    const auto name = awaited_agent(activity);
    if (!name) {
      continue;
    }
    const auto agent = co_await services->server.db.read(
        [name = *name](db::Connection& sql) { return access::find_agent(sql, name); });
    if (!agent && agent.error().code() != Code::kNotFound) {
      co_return agent.error();
    }
    const bool asks = agent && services->agent_asks_now && services->agent_asks_now(agent->id);
    activity.waiting_for = why_agent_waits(*name, agent ? std::optional(*agent) : std::nullopt,
                                           asks, services->server.clock.now());
    first = first.empty() ? activity.waiting_for : first;
  }
  co_return first;
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
  HF_CO_TRY(const std::string waiting, co_await explain_waiting(services, *run));
  Json view = run_view(*run, approval);
  if (!waiting.empty()) {
    view.get_object()["waiting_for"] = waiting;
  }
  co_return view;
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

async::Co<Result<Json>> count_runs(Call call) {
  HF_CO_TRY(const flow::ListQuery query, run_query(call, 1));
  if (call.request->query_or("status", "") == "waiting") {
    co_return Error(Code::kInvalidArgument,
                    "waiting runs are counted as running ones; list them with status=waiting");
  }
  HF_CO_TRY(const std::int64_t count, co_await call.services->flow.count(query));
  co_return Json(JsonObject{{"count", count}});
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

async::Co<Result<Json>> query_run(Call call) {
  HF_CO_TRY(Json answer, co_await protect::query_run(*call.services, call.path_value("id"),
                                                     call.path_value("name"), call.body));
  co_return Json(JsonObject{{"answer", std::move(answer)}});
}

async::Co<Result<Json>> terminate_run(Call call) {
  HF_CO_TRY_VOID(call.only_fields({"reason"}));
  const std::string id = call.path_value("id");
  HF_CO_TRY_VOID(co_await protect::terminate_run(*call.services, call.caller, id,
                                                 get_string(call.body, "reason")));
  co_return co_await load_run(call.services, id);
}

async::Co<Result<Json>> retry_run(Call call) {
  HF_CO_TRY_VOID(call.only_fields({}));
  HF_CO_TRY(const std::string id,
            co_await protect::retry_run(*call.services, call.caller, call.path_value("id")));
  co_return co_await load_run(call.services, id);
}

async::Co<Result<Json>> reset_run(Call call) {
  HF_CO_TRY_VOID(call.only_fields({"event_id", "reason"}));
  const Json* event = find(call.body, "event_id");
  if (event != nullptr && (!event->is_int64() || event->get_int64() < 0)) {
    co_return Error(Code::kInvalidArgument,
                    "event_id must be the number of an event of the run's history: see 'holdfast "
                    "run history'");
  }
  const std::string id = call.path_value("id");
  HF_CO_TRY_VOID(co_await protect::reset_run(*call.services, call.caller, id,
                                             get_int(call.body, "event_id"),
                                             get_string(call.body, "reason")));
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

}  // namespace holdfast::api
