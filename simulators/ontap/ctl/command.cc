#include "simulators/ontap/ctl/command.h"

#include <fmt/core.h>

#include <charconv>

#include "core/async/run.h"
#include "core/base/bytes.h"
#include "core/env/posix/atomic_file.h"
#include "core/env/posix/system_clock.h"
#include "core/net/http_client.h"
#include "core/net/url.h"
#include "simulators/ontap/rest/json_path.h"

namespace holdfast::ontap_sim {
namespace {

struct Request {
  std::string method;
  std::string path;
  JsonObject body;
};

// key=value words as an object; whole numbers, true and false become what they look like.
Result<JsonObject> pairs(const std::vector<std::string>& words, size_t first) {
  JsonObject out;
  for (size_t i = first; i < words.size(); ++i) {
    const size_t equals = words[i].find('=');
    if (equals == std::string::npos) {
      return Error(Code::kInvalidArgument, fmt::format("'{}' is no key=value", words[i]));
    }
    const std::string value = words[i].substr(equals + 1);
    std::int64_t number = 0;
    const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (failure == std::errc() && end == value.data() + value.size() && !value.empty()) {
      out[words[i].substr(0, equals)] = number;
    } else {
      out[words[i].substr(0, equals)] = value;
    }
  }
  return out;
}

Result<Request> fault_request(const std::vector<std::string>& words) {
  if (words.size() < 2 || words[1] == "list") {
    return Request{"GET", "/sim/faults", {}};
  }
  if (words[1] == "clear") {
    return Request{"DELETE", "/sim/faults", {}};
  }
  if (words[1] == "remove" && words.size() == 3) {
    return Request{"DELETE", "/sim/faults/" + words[2], {}};
  }
  if (words[1] == "add" && words.size() > 2) {
    HF_TRY(JsonObject body, pairs(words, 3));
    body["kind"] = words[2];
    return Request{"POST", "/sim/faults", std::move(body)};
  }
  return Error(Code::kInvalidArgument,
               "ctl faults takes list, add KIND [key=value...], remove ID or clear");
}

Result<Request> request_of(const std::vector<std::string>& words) {
  const std::string what = words.empty() ? "" : words.front();
  if (what == "faults") {
    return fault_request(words);
  }
  if (what == "count") {
    return Request{"GET", "/sim/count", {}};
  }
  if (what == "log") {
    HF_TRY(const JsonObject options, pairs(words, 1));
    return Request{"GET", fmt::format("/sim/log?since={}", int_at(options, "since")), {}};
  }
  if (what == "token") {
    HF_TRY(const JsonObject options, pairs(words, 1));
    return Request{
        "GET",
        "/sim/token?scope=" + net::url_encode(text_at(options, "scope", "ontap:*::*:*:*")),
        {}};
  }
  if (what == "certificate") {
    return Request{"POST", "/sim/certificate", {}};
  }
  if (what == "gateway" && words.size() == 2 && (words[1] == "on" || words[1] == "off")) {
    return Request{"POST", "/sim/gateway", {{"on", words[1] == "on"}}};
  }
  if (what == "poll") {
    return Request{"POST", "/sim/poll", {}};
  }
  if (what == "password" && words.size() == 3) {
    return Request{"POST", "/sim/password", {{"cluster", words[1]}, {"password", words[2]}}};
  }
  if (what == "attack") {
    HF_TRY(JsonObject body, pairs(words, 1));
    return Request{"POST", "/sim/attack", std::move(body)};
  }
  return Error(Code::kInvalidArgument,
               fmt::format("there is no 'ctl {}'; ontap-sim ctl --help lists what there is", what));
}

Result<JsonObject> call(const std::string& folder, const Request& request) {
  HF_TRY(const std::string text, env::read_small_file(folder + "/control.json"));
  HF_TRY(const Json access, parse_json(text));
  env::SystemClock clock;
  net::ClientOptions options;
  options.tls.ca_file = folder + "/ca.pem";
  HF_TRY(const auto client, net::HttpClient::create(clock, options));
  async::Pool pool("ctl", 1);
  net::ClientRequest out;
  out.method = request.method;
  out.url = get_string(access, "base_url") + request.path;
  out.max_response_bytes = 256u << 20;
  out.headers["authorization"] = "Bearer " + get_string(access, "token");
  out.headers["content-type"] = "application/json";
  if (request.method == "POST") {
    out.body = to_text(Json(request.body));
  }
  HF_TRY(const net::ClientResponse answer,
         async::block_on(pool.executor(), client->send(std::move(out))));
  HF_TRY(const Json body, parse_json(answer.body, 256u << 20));
  if (answer.status != 200 || !body.is_object()) {
    return Error(Code::kInvalidArgument, text_at(body.is_object() ? body.as_object() : JsonObject(),
                                                 "error.message", "the simulator refused"));
  }
  return body.as_object();
}

}  // namespace

std::string ctl_usage() {
  return "ontap-sim ctl COMMAND --data DIR\n"
         "  faults list | add KIND [key=value...] | remove ID | clear\n"
         "      KIND: slow milliseconds= | throttle retry_after= | error status= code= message= | "
         "cut bytes= |\n"
         "            down cluster= | unauthorized | job_failure code= message= | slow_job "
         "milliseconds= |\n"
         "            stuck_job | transfer_failure code= message= | split_failure code= message= "
         "|\n"
         "            stale_lag seconds= | next_loop | partial_list\n"
         "      where: cluster= (um: the manager) method= path= (with *, without /api) "
         "route=direct|gateway|manager\n"
         "      when:  skip= (calls that pass first) times= (how often; else until cleared)\n"
         "  count                       volumes, clones, snapshots, relationships, objects ... of "
         "each cluster\n"
         "  log [since=N]               every call, one JSON object a line\n"
         "  certificate                 new certificates of a new authority\n"
         "  gateway on|off              the manager's API gateway\n"
         "  poll                        the manager asks its clusters anew at the next question\n"
         "  password CLUSTER|um WORD    a new password; the old one is refused\n"
         "  token [scope=...]           an OAuth 2.0 bearer token\n"
         "  attack cluster= svm= volume= [probability=none|low|moderate|high]\n";
}

int run_ctl(const std::string& folder, const std::vector<std::string>& words) {
  const auto request = request_of(words);
  const auto answer = request ? call(folder, *request) : Result<JsonObject>(request.error());
  if (!answer) {
    fmt::print(stderr, "ontap-sim: {}\n", answer.error().to_string());
    return 2;
  }
  if (words.front() == "log") {
    for (const JsonObject& line : objects_at(*answer, "calls")) {
      fmt::print("{}\n", to_text(Json(line)));
    }
  } else if (words.front() == "token") {
    fmt::print("{}\n", text_at(*answer, "token"));
  } else {
    fmt::print("{}", to_pretty_text(Json(*answer)));
  }
  return 0;
}

}  // namespace holdfast::ontap_sim
