#include "domain/protect/run_service.h"

#include <fmt/core.h>

#include "domain/approve/approvals.h"
#include "domain/protect/noted.h"
#include "domain/protect/start_run.h"

namespace holdfast::protect {
namespace {

async::Co<Status> note_alone(const ServerContext* server, Caller caller, Noted what) {
  co_return co_await server->db.write(
      [=](db::Connection& sql) { return note(sql, *server, caller, what); });
}

async::Co<Result<flow::RunDescription>> find_run(const Services* services, std::string run_id) {
  auto run = co_await services->flow.describe(flow::ref(flow::WorkflowId(run_id)));
  if (!run && run.error().code() == Code::kNotFound) {
    co_return Error(Code::kNotFound,
                    fmt::format("there is no run '{}': see 'holdfast run list'", run_id));
  }
  co_return run;
}

async::Co<Result<flow::RunRef>> open_run(const Services* services, std::string run_id) {
  HF_CO_TRY(const auto run, co_await find_run(services, run_id));
  if (run.run.status != flow::RunStatus::kRunning) {
    co_return Error(Code::kFailedPrecondition,
                    fmt::format("run {} has ended already ({}): see 'holdfast run show {}'", run_id,
                                flow::status_name(run.run.status), run_id));
  }
  co_return flow::ref(flow::WorkflowId(run_id));
}

Status may_start(const Caller& caller, const flow::RunDescription& run) {
  if (run.run.type == "data_recovery" && !caller.principal.scopes.allows(access::Scope::kRecover)) {
    return Error(
        Code::kPermissionDenied,
        fmt::format("the key '{}' does not have the scope 'recover'", caller.principal.name));
  }
  return {};
}

Status may_retry(const Caller& caller, const flow::RunDescription& run, const std::string& run_id) {
  if (run.run.status == flow::RunStatus::kRunning) {
    return Error(Code::kFailedPrecondition,
                 fmt::format("run {} has not ended: wait for it, or 'holdfast run cancel {}' first",
                             run_id, run_id));
  }
  if (run.run.status == flow::RunStatus::kCompleted) {
    return Error(Code::kFailedPrecondition,
                 fmt::format("run {} has completed, so there is nothing to retry: start it anew "
                             "with 'holdfast run start {}'",
                             run_id, run.run.type));
  }
  if (!workflow_schemas().contains(run.run.type)) {
    return Error(
        Code::kFailedPrecondition,
        fmt::format("workflow '{}' is not started by people: retry the run that it is part "
                    "of",
                    run.run.type));
  }
  return may_start(caller, run);
}

}  // namespace

async::Co<Status> cancel_run(const Services& services, Caller caller, std::string run_id) {
  const Services* all = &services;
  HF_CO_TRY(const flow::RunRef run, co_await open_run(all, run_id));
  const Noted what{.action = "run.cancelled", .target = run_id};
  HF_CO_TRY_VOID(co_await note_alone(&all->server, caller, what));
  co_return co_await all->flow.cancel(run, "asked by " + caller.principal.name);
}

async::Co<Status> signal_run(const Services& services, Caller caller, std::string run_id,
                             std::string name, Json payload) {
  const Services* all = &services;
  HF_CO_TRY(const flow::RunRef run, co_await open_run(all, run_id));
  const Noted what{.action = "run.signalled",
                   .target = run_id,
                   .detail = name,
                   .payload_hash = hash_of(payload)};
  HF_CO_TRY_VOID(co_await note_alone(&all->server, caller, what));
  co_return co_await all->flow.signal(run, name, payload, caller.request_id);
}

async::Co<Status> terminate_run(const Services& services, Caller caller, std::string run_id,
                                std::string reason) {
  const Services* all = &services;
  HF_CO_TRY(const flow::RunRef run, co_await open_run(all, run_id));
  const Noted what{.action = "run.terminated",
                   .target = run_id,
                   .detail = reason,
                   .payload_hash = hash_of(Json(reason))};
  HF_CO_TRY_VOID(co_await note_alone(&all->server, caller, what));
  const std::string why = reason.empty() ? "asked by " + caller.principal.name
                                         : fmt::format("{}: {}", caller.principal.name, reason);
  HF_CO_TRY_VOID(co_await all->flow.terminate(run, why));
  const UtcTime now = all->server.clock.now();
  HF_CO_TRY_VOID(co_await all->server.db.write([run_id, now](db::Connection& sql) -> Status {
    HF_TRY(const auto approval, approve::of_run(sql, run_id));
    if (approval) {
      HF_TRY_VOID(status_of(
          approve::end_undecided(sql, approval->id, approve::ApprovalStatus::kWithdrawn, now)));
    }
    return {};
  }));
  all->server.wake->store(true);  // the ledger's row is closed by the next pass
  co_return Status();
}

async::Co<Result<std::string>> retry_run(const Services& services, Caller caller,
                                         std::string run_id) {
  const Services* all = &services;
  HF_CO_TRY(const auto old, co_await find_run(all, run_id));
  HF_CO_TRY_VOID(may_retry(caller, old, run_id));
  RunRequest request;
  request.workflow = old.run.type;
  request.run_id = caller.run_id.empty() ? all->server.new_id("run_") : caller.run_id;
  request.parameters = old.input;
  if (request.workflow == "data_recovery") {  // who asks now is who may not approve it alone
    request.parameters.get_object()["requested_by"] = caller.principal.id;
  }
  const Json attributes(old.run.search_attributes);
  request.resource_id = get_string(attributes, "resource_id");
  request.resource_name = get_string(attributes, "resource");
  request.trigger = "retry";
  request.traceparent = caller.traceparent;
  request.retry_of = run_id;
  const Noted what{.action = "run.retried",
                   .target = request.run_id,
                   .detail = "retry of " + run_id,
                   .payload_hash = hash_of(request.parameters)};
  HF_CO_TRY_VOID(co_await note_alone(&all->server, caller, what));
  HF_CO_TRY_VOID(status_of(co_await start_run(all->flow, request)));
  co_return request.run_id;
}

async::Co<Status> reset_run(const Services& services, Caller caller, std::string run_id,
                            std::int64_t event_id, std::string reason) {
  const Services* all = &services;
  HF_CO_TRY(const auto run, co_await find_run(all, run_id));
  HF_CO_TRY_VOID(may_start(caller, run));
  const Json payload = JsonObject{{"event_id", event_id}, {"reason", reason}};
  const Noted what{.action = "run.reset",
                   .target = run_id,
                   .detail = fmt::format("from event {}: {}", event_id, reason),
                   .payload_hash = hash_of(payload)};
  HF_CO_TRY_VOID(co_await note_alone(&all->server, caller, what));
  const std::string why = fmt::format("{}: {}", caller.principal.name, reason);
  co_return status_of(co_await all->flow.reset(flow::ref(flow::WorkflowId(run_id)), event_id, why,
                                               caller.request_id));
}

async::Co<Result<Json>> query_run(const Services& services, std::string run_id, std::string name,
                                  Json args) {
  const Services* all = &services;
  HF_CO_TRY_VOID(status_of(co_await find_run(all, run_id)));
  auto answer =
      co_await all->flow.query(flow::ref(flow::WorkflowId(run_id)), name, std::move(args));
  if (!answer && answer.error().code() == Code::kNotFound) {
    co_return Error(
        Code::kNotFound,
        fmt::format("run {} answers no query '{}': every run answers 'progress'", run_id, name));
  }
  co_return answer;
}

}  // namespace holdfast::protect
