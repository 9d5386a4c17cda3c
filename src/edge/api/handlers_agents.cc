// Handlers of agents: what people see and change, and the three routes of the task protocol.
#include <fmt/core.h>

#include "domain/access/agents.h"
#include "domain/inventory/catalog.h"
#include "domain/protect/noted.h"
#include "domain/protect/repositories.h"
#include "edge/api/agent_tasks.h"
#include "edge/api/agent_view.h"
#include "edge/api/handlers.h"

namespace holdfast::api {
namespace {

Result<Json> row_of(db::Connection& sql, const Call& call, const access::Agent& agent) {
  HF_TRY(const auto resources, inventory::list_resources(sql));
  return agent_view(agent, resources, call.agents->asks_now(agent.id), call.server().clock.now());
}

// The agent whose key this request carries.
async::Co<Result<access::Agent>> agent_of(Call call) {
  co_return co_await call.server().db.read([key = call.caller.principal.id](db::Connection& sql) {
    return access::agent_of_key(sql, key);
  });
}

}  // namespace

async::Co<Result<Json>> list_agents(Call call) {
  co_return co_await call.server().db.read([call](db::Connection& sql) -> Result<Json> {
    HF_TRY(const auto agents, access::list_agents(sql));
    JsonArray items;
    for (const access::Agent& agent : agents) {
      HF_TRY(Json row, row_of(sql, call, agent));
      items.push_back(std::move(row));
    }
    return Json(JsonObject{{"items", std::move(items)}, {"next_cursor", nullptr}});
  });
}

async::Co<Result<Json>> get_agent(Call call) {
  co_return co_await call.server().db.read([call](db::Connection& sql) -> Result<Json> {
    HF_TRY(const access::Agent agent, access::find_agent(sql, call.path_value("id")));
    return row_of(sql, call, agent);
  });
}

async::Co<Result<Json>> add_agent(Call call) {
  HF_CO_TRY_VOID(call.only_fields({"name", "labels"}));
  std::vector<Problem> problems;
  ObjectReader reader(call.body, "", problems);
  access::Agent agent;
  agent.name = reader.string("name");
  if (const Json* labels = reader.value("labels"); labels != nullptr && labels->is_object()) {
    for (const auto& label : labels->get_object()) {
      agent.labels[label.key()] = get_string(*labels, label.key());
    }
  }
  if (!problems.empty()) {
    co_return to_error(problems);
  }
  HF_CO_TRY_VOID(protect::check_name("agent", agent.name));
  const protect::ServerContext& server = call.server();
  agent.id = server.new_id("agt_");
  agent.key_id = server.new_id("key_");
  agent.created_at = server.clock.now();
  const SecretString key = access::make_key_text(server.random);
  HF_CO_TRY(Json view, co_await server.db.write([=](db::Connection& sql) -> Result<Json> {
    HF_TRY_VOID(access::add_agent(sql, agent, key));
    HF_TRY_VOID(protect::note(sql, call.server(), call.caller,
                              {.action = "agent.created", .target = agent.id}));
    return row_of(sql, call, agent);
  }));
  view.get_object()["key"] = key.expose();
  co_return view;
}

async::Co<Result<Json>> remove_agent(Call call) {
  const UtcTime now = call.server().clock.now();
  co_return co_await call.server().db.write([=](db::Connection& sql) -> Result<Json> {
    HF_TRY(const access::Agent agent, access::remove_agent(sql, call.path_value("id"), now));
    HF_TRY_VOID(protect::note(sql, call.server(), call.caller,
                              {.action = "agent.removed", .target = agent.id}));
    return row_of(sql, call, agent);
  });
}

async::Co<Result<Json>> poll_agent_task(Call call) {
  HF_CO_TRY(wire::PollRequest request, wire::decode_poll(call.body));
  HF_CO_TRY(access::Agent agent, co_await agent_of(call));
  HF_CO_TRY(const auto task,
            co_await call.agents->poll(std::move(agent), std::move(request), call.request->peer,
                                       call.request->connected));
  co_return task ? wire::encode(*task) : Json();
}

async::Co<Result<Json>> heartbeat_agent_task(Call call) {
  HF_CO_TRY_VOID(call.only_fields({"token", "details"}));
  HF_CO_TRY(access::Agent agent, co_await agent_of(call));
  const Json* details = find(call.body, "details");
  HF_CO_TRY(const flow::StopReason stop,
            co_await call.agents->heartbeat(std::move(agent), get_string(call.body, "token"),
                                            details == nullptr ? Json() : *details));
  co_return Json(
      JsonObject{{"stop", stop == flow::StopReason::kNone ? Json() : Json("cancelled")}});
}

async::Co<Result<Json>> complete_agent_task(Call call) {
  HF_CO_TRY(wire::Outcome outcome, wire::decode_outcome(call.body));
  HF_CO_TRY(access::Agent agent, co_await agent_of(call));
  HF_CO_TRY_VOID(co_await call.agents->complete(std::move(agent), std::move(outcome)));
  co_return Json(JsonObject{{"taken", true}});
}

}  // namespace holdfast::api
