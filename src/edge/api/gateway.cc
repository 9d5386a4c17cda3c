// The way of a request: route, key, scope, body, idempotency, handler, answer; one log line at the
// end with the trace id that the run's history and the drivers' log lines carry too.
#include "edge/api/gateway.h"

#include <fmt/core.h>

#include "core/audit/audit.h"
#include "core/base/log.h"
#include "core/base/metrics.h"
#include "domain/access/idempotency.h"
#include "domain/access/keys.h"
#include "edge/api/handlers.h"
#include "edge/api/problem.h"
#include "edge/api/run_events.h"

namespace holdfast::api {
namespace {

constexpr std::string_view kBearer = "Bearer ";

// W3C trace context: 00-<32 hex>-<16 hex>-<2 hex>.
bool is_traceparent(std::string_view text) {
  return text.size() == 55 && text.starts_with("00-") && text[35] == '-' && text[52] == '-' &&
         text.find_first_not_of("0123456789abcdef-") == std::string_view::npos;
}

std::string new_traceparent(env::Random& random) {
  const auto trace = random.bytes16();
  const auto span = random.bytes16();
  return fmt::format("00-{}-{}-01", to_hex(trace), to_hex(ByteSpan(span).first(8)));
}

net::HttpReply json_reply(int status, const Json& body) {
  net::HttpReply reply;
  reply.status = status;
  reply.headers["content-type"] = "application/json";
  reply.body = to_text(body);
  return reply;
}

// The scope of a request: starting a recovery needs the right to recover.
std::string_view scope_of(const Match& match) {
  const auto name = match.path.find("name");
  const bool recovery = match.route->operation == "startWorkflow" && name != match.path.end() &&
                        name->second == "data_recovery";
  return recovery ? "recover" : match.route->scope;
}

bool is_routine(std::string_view route) {
  return route == "/v1/agent/tasks/poll" || route == "/v1/agent/tasks/heartbeat";
}

Result<Json> parse_body(const net::HttpRequest& request) {
  if (request.body.empty()) {
    return Json(JsonObject{});
  }
  if (!request.header("content-type").starts_with("application/json")) {
    return Error(Code::kInvalidArgument,
                 "the body must be JSON: send content-type: application/json");
  }
  HF_TRY(Json body, parse_json(request.body));
  if (!body.is_object()) {
    return Error(Code::kInvalidArgument, "the body must be a JSON object");
  }
  return body;
}

}  // namespace

Gateway::Gateway(const protect::Services& services, notify::ChannelServices channels,
                 AgentTasks& agents)
    : services_(services), channels_(channels), agents_(agents) {}

async::Co<Result<access::Principal>> Gateway::authenticate(
    std::shared_ptr<const net::HttpRequest> request) {
  const std::string_view header = request->header("authorization");
  if (!header.starts_with(kBearer)) {
    co_return Error(Code::kUnauthenticated,
                    "an API key is needed: send 'Authorization: Bearer KEY' (the owner's lies in "
                    "DIR/admin.token)");
  }
  const std::string text(header.substr(kBearer.size()));
  co_return co_await services_.server.db.read(
      [text](db::Connection& sql) { return access::authenticate(sql, text); });
}

net::HttpReply Gateway::event_stream(const std::string& run_id) const {
  net::HttpReply reply;
  const protect::Services* services = &services_;
  reply.events = [services, run_id](std::shared_ptr<net::EventWriter> writer) {
    return stream_run(services, run_id, std::move(writer));
  };
  return reply;
}

async::Co<Result<net::HttpReply>> Gateway::run_handler(Call call, Match match) {
  const std::string_view operation = match.route->operation;
  if (operation == "getMetrics") {
    net::HttpReply reply;
    reply.headers["content-type"] = "text/plain; version=0.0.4";
    reply.body = metrics_text();
    co_return reply;
  }
  if (operation == "watchRun") {
    HF_CO_TRY_VOID(status_of(co_await load_run(&services_, call.path_value("id"))));
    co_return event_stream(call.path_value("id"));
  }
  const Handler handler = find_handler(operation);
  if (handler == nullptr) {
    co_return Error(Code::kInternal, fmt::format("the route {} has no handler", match.route->path));
  }
  HF_CO_TRY(const Json body, co_await handler(call));
  if (operation == "pollAgentTask" && body.is_null()) {
    net::HttpReply nothing;
    nothing.status = 204;
    co_return nothing;
  }
  co_return json_reply(match.route->status, body);
}

// Runs a POST at most once for its Idempotency-Key. The key is taken first, with the id of a run
// that it may start: when the server dies before it answers, the same request finds that run again.
async::Co<Result<net::HttpReply>> Gateway::run_once(Call call, Match match, std::string key) {
  const std::string principal = call.caller.principal.id;
  const std::string hash = audit::payload_hash(call.request->method + " " + call.request->path +
                                               "\n" + call.request->body);
  const std::string slot = principal + "/" + key;
  {
    const std::lock_guard lock(mutex_);
    if (!in_flight_.insert(slot).second) {
      co_return Error(Code::kConflict,
                      "a request with this Idempotency-Key is being worked on: repeat it later",
                      Retry::kTransient);
    }
  }
  const std::string token = services_.server.new_id("run_");
  const UtcTime now = services_.server.clock.now();
  const auto reserved = co_await services_.server.db.write([=](db::Connection& sql) {
    return access::reserve_key(sql, principal, key, hash, token, now);
  });
  Result<net::HttpReply> reply = net::HttpReply();
  if (!reserved) {
    reply = reserved.error();
  } else if (reserved->answer) {
    reply =
        json_reply(reserved->answer->status, parse_json(reserved->answer->body).value_or(Json()));
    reply->headers["idempotency-replayed"] = "true";
  } else {
    call.caller.run_id = reserved->token;
    reply = co_await run_handler(call, match);
    if (reply) {
      const access::StoredAnswer answer{reply->status, reply->body};
      const Status kept = co_await services_.server.db.write(
          [=](db::Connection& sql) { return access::store_answer(sql, principal, key, answer); });
      reply = kept ? std::move(reply) : Result<net::HttpReply>(kept.error());
    }
  }
  const std::lock_guard lock(mutex_);
  in_flight_.erase(slot);
  co_return reply;
}

async::Co<Result<net::HttpReply>> Gateway::answer(Call call, Match match) {
  if (match.route == nullptr) {
    if (match.allowed.empty()) {
      co_return Error(Code::kNotFound, fmt::format("there is no route {}", call.request->path));
    }
    net::HttpReply reply = problem_reply(
        Error(Code::kInvalidArgument, fmt::format("this route takes {}", match.allowed)),
        call.caller.request_id);
    reply.status = 405;
    reply.headers["allow"] = match.allowed;
    co_return reply;
  }
  if (match.route->scope.empty()) {
    co_return json_reply(200, JsonObject{{"status", "ok"}, {"version", HOLDFAST_VERSION}});
  }
  HF_CO_TRY(call.caller.principal, co_await authenticate(call.request));
  HF_CO_TRY(const access::Scope scope, access::scope_from_name(scope_of(match)));
  if (!call.caller.principal.scopes.allows(scope)) {
    co_return Error(Code::kPermissionDenied,
                    fmt::format("the key '{}' does not have the scope '{}'",
                                call.caller.principal.name, access::scope_name(scope)));
  }
  HF_CO_TRY(call.body, parse_body(*call.request));
  const std::string key(call.request->header("idempotency-key"));
  if (match.route->method == "POST" && !key.empty()) {
    co_return co_await run_once(std::move(call), std::move(match), key);
  }
  co_return co_await run_handler(std::move(call), std::move(match));
}

async::Co<net::HttpReply> Gateway::handle(std::shared_ptr<const net::HttpRequest> request) {
  env::Clock& clock = services_.server.clock;
  const MonoTime began = clock.mono();
  Call call;
  call.services = &services_;
  call.agents = &agents_;
  call.channels = channels_;
  call.request = request;
  call.caller.request_id = services_.server.new_id("req_");
  const std::string_view given = request->header("traceparent");
  call.caller.traceparent =
      is_traceparent(given) ? std::string(given) : new_traceparent(services_.server.random);
  const std::string request_id = call.caller.request_id;
  const std::string traceparent = call.caller.traceparent;
  Match match = match_route(request->method, request->path);
  call.path = match.path;
  const std::string route = match.route == nullptr ? "none" : std::string(match.route->path);

  Result<net::HttpReply> reply = co_await answer(std::move(call), std::move(match));
  net::HttpReply out = reply ? *std::move(reply) : problem_reply(reply.error(), request_id);
  out.headers["x-request-id"] = request_id;
  out.headers["traceparent"] = traceparent;
  out.headers["cache-control"] = "no-store";
  const auto took =
      std::chrono::duration_cast<std::chrono::microseconds>(clock.mono() - began).count();
  // A thousand agents that wait and beat would fill the log with what went well.
  const bool routine = out.status < 400 && is_routine(route);
  log_event(routine ? LogLevel::kDebug : LogLevel::kInfo, "http.request",
            {{"method", request->method},
             {"path", request->path},
             {"route", route},
             {"status", out.status},
             {"microseconds", static_cast<std::int64_t>(took)},
             {"request_id", request_id},
             {"traceparent", traceparent}});
  counter("holdfast_http_requests_total", "Requests by route and status",
          {{"route", route}, {"status", std::to_string(out.status)}})
      .add();
  co_return out;
}

}  // namespace holdfast::api
