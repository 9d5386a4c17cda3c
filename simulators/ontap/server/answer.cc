// How the service answers one call: faults first, then who calls, then what is asked, then the log.
#include <fmt/core.h>

#include "core/async/run.h"
#include "core/base/log.h"
#include "simulators/ontap/server/login.h"
#include "simulators/ontap/server/port.h"
#include "simulators/ontap/server/token.h"
#include "simulators/ontap/um/manager.h"

namespace holdfast::ontap_sim {
namespace {

constexpr auto kJobPoll = std::chrono::milliseconds(15);

std::string joined(const std::vector<std::string>& segments, size_t first) {
  std::string out;
  for (size_t i = first; i < segments.size(); ++i) {
    out += "/" + segments[i];
  }
  return out;
}

std::string error_code(const net::HttpReply& reply) {
  if (reply.status < 400) {
    return "";
  }
  const auto parsed = parse_json(reply.body);
  return parsed && parsed->is_object() ? text_at(parsed->as_object(), "error.code") : "";
}

// A list that ends after its first record.
std::shared_ptr<const net::HttpRequest> first_record_only(const net::HttpRequest& request) {
  auto changed = std::make_shared<net::HttpRequest>(request);
  changed->query["max_records"] = "1";
  return changed;
}

}  // namespace

Service::Handled Service::place(Port& port,
                                const std::shared_ptr<const net::HttpRequest>& request) {
  Handled out{.cluster = port.cluster,
              .what = Dispatch{.http = request, .segments = split_path(request->target)}};
  out.name = port.cluster ? port.cluster->name : "um";
  out.route = port.cluster ? "direct" : "manager";
  std::vector<std::string>& segments = out.what.segments;
  size_t first = !segments.empty() && segments.front() == "api" ? 1 : 0;
  if (port.cluster == nullptr && segments.size() > first && segments[first] == "v2") {
    ++first;
  }
  if (port.cluster == nullptr && segments.size() > first + 2 && segments[first] == "gateways") {
    out.route = "gateway";
    Locked lock(*world_);
    const Cluster* cluster = world_->cluster_by_uuid(segments[first + 1]);
    out.name = cluster ? cluster->name : "um";
    first += 2;
  }
  out.path = joined(segments, first);
  return out;
}

void Service::handle(Port& port, Handled& call) {
  const net::HttpRequest& request = *call.what.http;
  std::vector<std::string>& segments = call.what.segments;
  if (port.cluster == nullptr && !segments.empty() && segments.front() == "sim") {
    segments.erase(segments.begin());
    call.prepared.reply = answer_control(request, segments);
    return;
  }
  if (request.method == "POST" && segments == std::vector<std::string>{"oauth2", "token"}) {
    call.prepared.reply = give_token(*world_, request);
    return;
  }
  const auto login = check_login(*world_, port.cluster, request);
  if (!login) {
    call.prepared.reply = fault_reply(login.error());
    call.prepared.reply.headers["www-authenticate"] = "Basic realm=\"ONTAP\"";
    return;
  }
  if (segments.empty() || segments.front() != "api") {
    call.prepared.reply =
        fault_reply(Fault(404, 3, "There is nothing at this address: the API is under /api."));
    return;
  }
  segments.erase(segments.begin());
  const bool reads =
      request.method == "GET" || request.method == "HEAD" || request.method == "OPTIONS";
  if (login->paths != nullptr) {
    if (const Done allowed = check_privilege(*login->paths, "/api" + call.path, request.method);
        !allowed) {
      call.prepared.reply = fault_reply(allowed.error());
      return;
    }
  } else if (port.cluster != nullptr && !login->administrator && !reads) {
    call.prepared.reply = fault_reply(Fault(403, 6, "not authorized for that command"));
    return;
  }
  if (port.cluster == nullptr) {
    if (!segments.empty() && segments.front() == "v2") {
      segments.erase(segments.begin());
    }
    Locked lock(*world_);
    auto target = gateway_target(*world_, segments, request.method, login->administrator);
    if (!target || !*target) {
      call.prepared.reply =
          target ? fault_reply(target->error())
                 : um_answer(*world_, request, segments, login->user, login->administrator);
      return;
    }
    call.cluster = (*target)->cluster;
    call.what.base = "/api/gateways/" + call.cluster->uuid;
    call.what.gateway = true;
    segments = (*target)->segments;
    if (world_->faults().peek("down", call.cluster->name)) {
      call.prepared.reply = fault_reply(
          um_fault(503, fmt::format("The cluster \"{}\" does not answer.", call.cluster->name)));
      return;
    }
  }
  call.prepared = dispatch(*world_, *call.cluster, call.what);
}

net::HttpReply Service::answer_control(const net::HttpRequest& request,
                                       const std::vector<std::string>& segments) {
  if (request.header("authorization") != "Bearer " + control_token_) {
    return fault_reply(Fault(401, 6691623, "The control API takes the token of control.json."));
  }
  // What stops a server waits for its connections, of which this may be one: after the answer.
  ControlHooks hooks;
  hooks.set_reachable = [this](const std::string& name, bool reachable) {
    world_->later(Nanoseconds(0), [this, name, reachable] {
      if (const Status done = set_reachable(name, reachable); !done) {
        log_error("sim.port_failed", {{"error", done.error().to_string()}});
      }
    });
  };
  hooks.change_certificates = [this] {
    world_->later(std::chrono::milliseconds(50), [this] {
      if (const Status done = change_certificates(); !done) {
        log_error("sim.port_failed", {{"error", done.error().to_string()}});
      }
    });
  };
  hooks.endpoints_changed = [this] {
    if (const Status done = write_endpoints(); !done) {
      log_error("sim.endpoints_failed", {{"error", done.error().to_string()}});
    }
  };
  const auto answer = control(*world_, *log_, hooks, request, segments);
  return answer ? json_reply(200, *answer) : fault_reply(answer.error());
}

void Service::log_call(const Handled& call, const net::HttpReply& reply, const std::string& fault,
                       MonoTime started) {
  const net::HttpRequest& request = *call.what.http;
  if (request.target.starts_with("/sim/")) {
    return;
  }
  const size_t question = request.target.find('?');
  CallEntry entry{.time = to_time_text(clock_.now()),
                  .cluster = call.name,
                  .route = call.route,
                  .method = request.method};
  entry.path = call.path + (question == std::string::npos ? "" : request.target.substr(question));
  const std::string_view app = request.header("x-dot-client-app");
  entry.client = std::string(app.empty() ? request.header("user-agent") : app);
  entry.request = std::string(request.header("x-request-id"));
  entry.trace = std::string(request.header("traceparent"));
  entry.status = reply.status;
  entry.code = error_code(reply);
  entry.fault = fault;
  entry.milliseconds =
      std::chrono::round<std::chrono::milliseconds>(clock_.mono() - started).count();
  log_->add(std::move(entry));
}

async::Co<net::HttpReply> Service::carry_out(Port* port, std::shared_ptr<Handled> call) {
  co_await async::run_on(*handlers_, [this, port, call] {
    handle(*port, *call);
    return true;
  });
  if (call->prepared.jobs.empty()) {
    co_return std::move(call->prepared.reply);
  }
  const MonoTime until = clock_.mono() + std::chrono::seconds(call->prepared.wait);
  while (!jobs_ended(*world_, *call->cluster, call->prepared) && clock_.mono() < until &&
         !world_->faults().peek("down", call->cluster->name)) {
    co_await async::sleep_for(clock_, kJobPoll);
  }
  co_return co_await async::run_on(
      *handlers_, [this, call] { return finish(*world_, *call->cluster, call->prepared); });
}

async::Co<net::HttpReply> Service::answer(Port* port,
                                          std::shared_ptr<const net::HttpRequest> request) {
  const MonoTime started = clock_.mono();
  auto call = std::make_shared<Handled>(
      co_await async::run_on(*handlers_, [this, port, request] { return place(*port, request); }));
  const bool controls = request->target.starts_with("/sim/");
  Bite bite = controls ? Bite()
                       : take_bite(*world_, {call->name, request->method, call->path, call->route});
  if (bite.delay > Nanoseconds(0)) {
    co_await async::sleep_for(clock_, bite.delay);
  }
  const std::int64_t most = port->cluster ? world_->config().max_requests : 0;
  if (!bite.instead && most > 0 && port->active >= most) {
    bite.instead = fault_reply(Fault(429, 262160, "Too many requests."));
    bite.instead->headers["retry-after"] = "1";
  }
  net::HttpReply reply;
  if (bite.instead) {
    reply = *std::move(bite.instead);
  } else {
    if (bite.partial) {
      call->what.http = first_record_only(*request);
    }
    ++port->active;
    reply = co_await carry_out(port, call);
    --port->active;
  }
  mangle(bite, request->target, reply);
  log_call(*call, reply, bite.kind, started);
  co_return reply;
}

}  // namespace holdfast::ontap_sim
