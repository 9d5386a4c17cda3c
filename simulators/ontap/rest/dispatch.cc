// Order: an exact route, then the resources' own verbs, then the paths that nobody models but
// clients read (an empty list), then 404.
#include "simulators/ontap/rest/dispatch.h"

#include <fmt/core.h>

#include "core/base/log.h"
#include "core/net/url.h"
#include "simulators/ontap/model/job.h"
#include "simulators/ontap/model/volume.h"
#include "simulators/ontap/rest/collection.h"

namespace holdfast::ontap_sim {
namespace {

constexpr std::string_view kEmptyLists[] = {
    "network", "protocols", "name-services", "security",   "support",     "san",          "cloud",
    "storage", "cluster",   "svm",           "snapmirror", "application", "resource-tags"};

Outcome<JsonObject> parse_body(const net::HttpRequest& http, std::string_view method) {
  if (http.body.empty()) {
    return JsonObject();
  }
  if (http.header("content-type").starts_with("multipart/") ||
      http.header("content-type").starts_with("application/octet-stream")) {
    return JsonObject();
  }
  const auto parsed = parse_json(http.body);
  if (!parsed || !parsed->is_object()) {
    return bad(262199, "The body is not a JSON object.");
  }
  if ((method == "GET" || method == "HEAD") && !parsed->as_object().empty()) {
    return bad(262198, "A body is not allowed on GET and HEAD.");
  }
  return expand_dotted(parsed->as_object());
}

bool wants_links(const net::HttpRequest& http) {
  const std::string_view accept = http.header("accept");
  return accept.empty() || accept.find("*/*") != std::string_view::npos ||
         accept.find("hal+json") != std::string_view::npos;
}

// Every method that the path has, for OPTIONS and 405.
std::string allowed(const std::vector<std::string>& segments) {
  std::set<std::string> methods;
  for (const Route& route : ontap_table().routes()) {
    if (match_path(route.pattern, segments)) {
      methods.emplace(route.method);
    }
  }
  for (const Resource& resource : ontap_table().resources()) {
    add_methods(resource, segments, methods);
  }
  if (methods.contains("GET")) {
    methods.insert("HEAD");
  }
  methods.insert("OPTIONS");
  std::string out;
  for (const std::string& method : methods) {
    out += (out.empty() ? "" : ", ") + method;
  }
  return out;
}

Outcome<Answer> run_route(Call& call, const Route& route) {
  static const Schema kNoFields{};
  HF_TRY(call.query, parse_query(call.http.query, route.schema ? *route.schema : kNoFields,
                                 call.method, route.options, route.lenient));
  return route.handler(call);
}

// The routes whose pattern takes the rest of a path come last.
std::optional<Outcome<Answer>> try_routes(Call& call, const std::string& verb,
                                          const std::vector<std::string>& segments, bool open_end) {
  for (const Route& route : ontap_table().routes()) {
    if (route.method != verb || route.pattern.ends_with("...}") != open_end) {
      continue;
    }
    if (auto keys = match_path(route.pattern, segments)) {
      call.keys = *std::move(keys);
      return run_route(call, route);
    }
  }
  return std::nullopt;
}

Outcome<Answer> route_call(Call& call, const std::vector<std::string>& segments) {
  if (call.method == "OPTIONS") {
    Answer answer;
    answer.headers["allow"] = allowed(segments);
    return answer;
  }
  const std::string verb = call.method == "HEAD" ? "GET" : call.method;
  if (auto outcome = try_routes(call, verb, segments, false)) {
    return *std::move(outcome);
  }
  bool known = false;
  for (const Resource& resource : ontap_table().resources()) {
    if (auto outcome = try_resource(call, resource, verb, segments, known)) {
      return *std::move(outcome);
    }
  }
  if (auto outcome = try_routes(call, verb, segments, true)) {
    return *std::move(outcome);
  }
  if (known || allowed(segments) != "OPTIONS") {
    return Fault(405, 3, fmt::format("{} is not supported on /api{}.", call.method, call.path));
  }
  for (const std::string_view area : kEmptyLists) {
    if (verb == "GET" && !segments.empty() && segments.front() == area) {
      Answer answer;
      answer.body = {{"records", JsonArray()}, {"num_records", 0}};
      return answer;
    }
  }
  return Fault(404, 3, fmt::format("There is no API at /api{}.", call.path));
}

JsonArray with_links(const std::vector<JsonObject>& records) {
  JsonArray out;
  for (const JsonObject& record : records) {
    out.emplace_back(record);
  }
  return out;
}

JsonObject job_link(const std::string& base, const std::string& uuid) {
  return {{"uuid", uuid}, {"_links", {{"self", {{"href", base + "/cluster/jobs/" + uuid}}}}}};
}

// The body of a write that is not over, or is over without a word more.
JsonObject write_body(const Prepared& prepared, bool pending) {
  JsonObject body = prepared.answer.body;
  if (pending && prepared.jobs.size() == 1) {
    body["job"] = job_link(prepared.base, prepared.jobs.front());
  } else if (pending) {
    JsonArray jobs;
    for (const std::string& job : prepared.jobs) {
      jobs.emplace_back(job_link(prepared.base, job));
    }
    body["jobs"] = std::move(jobs);
    body["num_records"] = static_cast<std::int64_t>(prepared.jobs.size());
  }
  if (prepared.return_records) {
    body["num_records"] = static_cast<std::int64_t>(prepared.answer.records.size());
    body["records"] = with_links(prepared.answer.records);
  }
  return body;
}

}  // namespace

net::HttpReply json_reply(int status, const JsonObject& body) {
  net::HttpReply reply;
  reply.status = status;
  reply.headers["content-type"] = "application/hal+json";
  reply.headers["cache-control"] = "no-cache,no-store,must-revalidate";
  reply.headers["x-content-type-options"] = "nosniff";
  reply.headers["vary"] = "Accept-Encoding";
  reply.body = to_pretty_text(Json(body));
  return reply;
}

net::HttpReply fault_reply(const Fault& fault) { return json_reply(fault.status, fault.to_json()); }

Prepared dispatch(World& world, Cluster& cluster, const Dispatch& what) {
  Prepared out;
  out.base = what.base;
  std::string path;
  for (const std::string& segment : what.segments) {
    path += "/" + segment;
  }
  Locked lock(world);
  Call call{world, cluster, lock,      *what.http,   what.http->method,
            path,  {},      what.base, what.gateway, wants_links(*what.http),
            {},    {}};
  auto body = parse_body(*what.http, call.method);
  Outcome<Answer> answer = Fault(500, 65541, "");
  if (body) {
    call.body = *std::move(body);
    answer = route_call(call, what.segments);
  } else {
    answer = body.error();
  }
  if (const Status saved = lock.release(); !saved) {
    answer = Fault(saved.error());
  }
  if (!answer) {
    if (answer.error().status == 400) {
      log_info("sim.refused", {{"cluster", cluster.name},
                               {"method", call.method},
                               {"path", path},
                               {"code", answer.error().code},
                               {"message", answer.error().message}});
    }
    out.reply = fault_reply(answer.error());
    return out;
  }
  const bool read = call.method == "GET" || call.method == "HEAD" || call.method == "OPTIONS";
  if (!answer->created.empty()) {
    out.location = what.base + path + "/" + answer->created;
  }
  if (read || !answer->content_type.empty()) {
    out.reply = json_reply(answer->status == 0 ? 200 : answer->status, answer->body);
    if (!answer->content_type.empty()) {
      out.reply.body = std::move(answer->raw);
      out.reply.headers["content-type"] = answer->content_type;
    }
    for (const auto& [name, value] : answer->headers) {
      out.reply.headers[name] = value;
    }
    return out;
  }
  out.jobs = answer->jobs;
  out.wait = answer->forbid_wait ? 0 : call.query.return_timeout;
  out.return_records = call.query.return_records;
  out.answer = *std::move(answer);
  if (out.answer.status == 0) {
    out.answer.status = call.method == "POST" ? 201 : 200;
  }
  if (out.jobs.empty() || out.wait == 0) {
    out.reply = finish(world, cluster, out);
    out.jobs.clear();
  }
  return out;
}

bool jobs_ended(World& world, Cluster& cluster, const Prepared& prepared) {
  Locked lock(world);
  for (const std::string& id : prepared.jobs) {
    const JsonObject* job = cluster.find(kind::kJob, id);
    if (job != nullptr && !is_terminal(text_at(*job, "state"))) {
      return false;
    }
  }
  return true;
}

net::HttpReply finish(World& world, Cluster& cluster, Prepared prepared) {
  bool pending = false;
  {
    Locked lock(world);
    for (const std::string& id : prepared.jobs) {
      const JsonObject* job = cluster.find(kind::kJob, id);
      const std::string state = job ? text_at(*job, "state") : "success";
      pending = pending || !is_terminal(state) || prepared.wait == 0;
      if (state == "failure" && prepared.wait > 0) {
        const std::int64_t code = int_at(*job, "code");
        return fault_reply(Fault(code == 1245212 ? 500 : 400, code, text_at(*job, "message")));
      }
    }
  }
  net::HttpReply reply =
      json_reply(pending ? 202 : prepared.answer.status, write_body(prepared, pending));
  if (!prepared.location.empty()) {
    reply.headers["location"] = prepared.location;
  }
  for (const auto& [name, value] : prepared.answer.headers) {
    reply.headers[name] = value;
  }
  return reply;
}

}  // namespace holdfast::ontap_sim
