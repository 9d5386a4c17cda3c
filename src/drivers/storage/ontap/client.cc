#include "drivers/storage/ontap/client.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "core/async/trace.h"
#include "core/base/log.h"
#include "core/base/metrics.h"
#include "core/net/url.h"
#include "drivers/storage/ontap/errors.h"

namespace holdfast::storage::ontap {
namespace {

using async::Co;

constexpr int kMostAttempts = 4;
constexpr Nanoseconds kFirstDelay = std::chrono::milliseconds(250);
constexpr Nanoseconds kLongestRetryAfter = std::chrono::minutes(1);
constexpr Nanoseconds kRequestDeadline = std::chrono::seconds(60);
constexpr std::size_t kMostAnswerBytes = 64u << 20;
constexpr std::size_t kMostPages = 10'000;
constexpr std::string_view kPageSize = "500";
constexpr Nanoseconds kFirstPoll = std::chrono::milliseconds(100);
constexpr Nanoseconds kLongestPoll = std::chrono::seconds(5);
// A job may be asked for before every node knows it.
constexpr int kMostMissingJobs = 5;

void count(std::string_view outcome) {
  counter("holdfast_ontap_requests_total", "Requests to ONTAP and Unified Manager by outcome",
          {{"outcome", std::string(outcome)}})
      .add();
}

// Failures of the way there, or of a gateway in front: they say nothing about the request.
bool is_outage(const Result<net::ClientResponse>& answer) {
  if (!answer) {
    const Code code = answer.error().code();
    return code == Code::kUnavailable || code == Code::kDeadlineExceeded;
  }
  return answer->status == 502 || answer->status == 503 || answer->status == 504;
}

bool was_not_taken(const net::ClientResponse& answer) {
  return answer.status == 429 || answer.status == 503;
}

bool may_repeat(const std::string& method, const Result<net::ClientResponse>& answer) {
  if (!answer) {
    // Transient also means that nothing was sent, or that repeating is harmless.
    return answer.error().retry() == Retry::kTransient &&
           (method == "GET" || answer.error().code() == Code::kUnavailable);
  }
  return was_not_taken(*answer) || (method == "GET" && net::is_transient_status(answer->status));
}

// Up to `most`, so that those who were refused together do not come back together.
Nanoseconds jitter(env::Random* random, Nanoseconds most) {
  return random == nullptr
             ? Nanoseconds(0)
             : Nanoseconds(random->below(static_cast<std::uint64_t>(most.count()) + 1));
}

// What the system asks for is waited at least; our own delays, at least half of them.
Nanoseconds delay_before(int attempt, const Result<net::ClientResponse>& answer,
                         env::Random* random) {
  const Nanoseconds own = kFirstDelay * (1 << attempt);
  std::int64_t seconds = 0;
  if (answer) {
    const std::string_view asked = answer->header("retry-after");
    std::from_chars(asked.data(), asked.data() + asked.size(), seconds);
  }
  if (std::chrono::seconds(seconds) > own) {
    return std::min<Nanoseconds>(std::chrono::seconds(seconds), kLongestRetryAfter) +
           jitter(random, own);
  }
  return random == nullptr ? own : own / 2 + jitter(random, own / 2);
}

std::string job_of(const Json& body) {
  const Json* job = find(body, "job");
  return job == nullptr ? "" : get_string(*job, "uuid");
}

}  // namespace

Client::Client(Route route, ClientSettings settings)
    : route_(std::move(route)),
      settings_(std::move(settings)),
      gate_(settings_.max_requests),
      breaker_(settings_.peer) {}

std::string Client::target_of(const std::string& path, const Query& query) const {
  std::string target = settings_.prefix + path;
  char separator = path.find('?') == std::string::npos ? '?' : '&';
  for (const auto& [name, value] : query) {
    target += separator + net::url_encode(name) + '=' + net::url_encode(value);
    separator = '&';
  }
  return target;
}

Co<Result<net::ClientResponse>> Client::attempt(Call call) {
  const async::Trace trace = async::current_trace();
  HF_CO_TRY(const Gate::Pass pass, co_await gate_.enter());
  HF_CO_TRY(const std::string authorization, co_await route_.credentials->authorization());
  HF_CO_TRY_VOID(breaker_.admit(route_.clock.mono()));
  net::ClientRequest request;
  request.method = call.method;
  request.url = route_.base_url + call.target;
  request.headers["accept"] = "application/hal+json";
  request.headers["x-dot-client-app"] =
      settings_.application.empty() ? "Holdfast/" HOLDFAST_VERSION : settings_.application;
  if (!trace.parent.empty()) {
    request.headers["traceparent"] = trace.parent;
  }
  if (!trace.request.empty()) {
    request.headers["x-request-id"] = trace.request;
  }
  if (!authorization.empty()) {
    request.headers["authorization"] = authorization;
  }
  if (!call.body.empty()) {
    request.headers["content-type"] = "application/json";
    request.body = std::move(call.body);
  }
  request.deadline = kRequestDeadline;
  request.max_response_bytes = kMostAnswerBytes;
  ++requests_;
  auto answer = co_await route_.http->send(std::move(request));
  if (is_outage(answer)) {
    breaker_.failed(route_.clock.mono(), answer ? fmt::format("HTTP status {}", answer->status)
                                                : answer.error().message());
  } else if (!answer && answer.error().code() == Code::kCancelled) {
    breaker_.abandoned();
  } else {
    breaker_.succeeded();
  }
  co_return answer;
}

Co<Result<Client::Answer>> Client::send(Call call) {
  bool renewed = false;
  for (int attempts = 0;; ++attempts) {
    const MonoTime begun = route_.clock.mono();
    const auto response = co_await attempt(call);
    log_debug("ontap.call", {{"system", settings_.peer},
                             {"method", call.method},
                             {"target", call.target.substr(0, call.target.find('?'))},
                             {"status", response ? response->status : 0},
                             {"microseconds", std::chrono::duration_cast<std::chrono::microseconds>(
                                                  route_.clock.mono() - begun)
                                                  .count()}});
    if (response && response->status == 401 && !renewed && route_.credentials->refused()) {
      renewed = true;
      continue;
    }
    if (attempts + 1 < kMostAttempts && may_repeat(call.method, response)) {
      count("repeated");
      const Nanoseconds delay = delay_before(attempts, response, route_.random);
      const bool awake = co_await async::sleep_for(route_.clock, delay);
      if (awake) {
        continue;
      }
    }
    if (!response) {
      count("failed");
      co_return Error(response.error()).with("system", settings_.peer);
    }
    const auto body = response->body.empty() ? Result<Json>(Json(JsonObject{}))
                                             : parse_json(response->body, kMostAnswerBytes);
    if (response->status >= 400) {
      count("refused");
      co_return answer_error(response->status, body ? *body : Json(), call.what)
          .with("system", settings_.peer);
    }
    if (!body) {
      count("failed");
      co_return Error(Code::kUnavailable,
                      fmt::format("{} answers no JSON: is this the address of an ONTAP cluster or "
                                  "of Unified Manager?",
                                  settings_.peer));
    }
    count("done");
    co_return Answer{response->status, *body, std::string(response->header("location"))};
  }
}

Co<Result<Json>> Client::get(std::string path, Query query, std::string what) {
  HF_CO_TRY(Answer answer, co_await send({"GET", target_of(path, query), "", std::move(what)}));
  co_return std::move(answer.body);
}

// The next page as a target on the same host: an opaque path, or a whole address that must be ours.
Result<std::string> Client::next_target(const Json& page) const {
  const Json* links = find(page, "_links");
  const Json* next = links == nullptr ? nullptr : find(*links, "next");
  std::string href = next == nullptr ? "" : get_string(*next, "href");
  if (href.starts_with(route_.base_url + "/")) {
    href.erase(0, route_.base_url.size());
  }
  if (!href.empty() && (!href.starts_with('/') || href.starts_with("//"))) {
    return Error(Code::kUnavailable,
                 fmt::format("{} links the next page of a list to another host", settings_.peer));
  }
  return href;
}

Co<Result<JsonArray>> Client::list(std::string path, Query query, std::string what) {
  query.emplace_back("max_records", kPageSize);
  JsonArray all;
  std::set<std::string> seen;
  std::string target = target_of(path, query);
  while (!target.empty()) {
    if (!seen.insert(target).second || seen.size() > kMostPages) {
      co_return Error(Code::kUnavailable,
                      fmt::format("cannot {}: the pages of the list go in a circle", what),
                      Retry::kUnknown)
          .with("system", settings_.peer);
    }
    HF_CO_TRY(const Answer page, co_await send({"GET", target, "", what}));
    const Json* records = find(page.body, "records");
    if (records == nullptr || !records->is_array()) {
      co_return Error(Code::kUnavailable, fmt::format("cannot {}: the answer is no list", what))
          .with("system", settings_.peer);
    }
    all.insert(all.end(), records->get_array().begin(), records->get_array().end());
    HF_CO_TRY(target, next_target(page.body));
  }
  co_return all;
}

Co<Result<std::optional<Json>>> Client::find_one(std::string path, Query query, std::string what) {
  HF_CO_TRY(const JsonArray records, co_await list(std::move(path), std::move(query), what));
  if (records.size() > 1) {
    co_return Error(Code::kConflict, fmt::format("cannot {}: there are several of it", what))
        .with("system", settings_.peer);
  }
  co_return records.empty() ? std::nullopt : std::optional<Json>(records.front());
}

Co<Result<Written>> Client::write(Write write) {
  const MonoTime until = route_.clock.mono() + write.deadline;
  if (write.wait_briefly) {
    write.query.emplace_back("return_timeout", std::to_string(settings_.return_timeout));
  }
  Call call{write.method, target_of(write.path, write.query),
            write.body.is_null() ? "" : to_text(write.body), write.what};
  HF_CO_TRY(Answer answer, co_await send(std::move(call)));
  Written written;
  written.job = job_of(answer.body);
  written.body = std::move(answer.body);
  std::string location = answer.location.substr(0, answer.location.find('?'));
  written.key = location.substr(location.rfind('/') + 1);
  if (!written.job.empty() && write.wait_for_job) {
    const Nanoseconds left = std::max<Nanoseconds>(until - route_.clock.mono(), Nanoseconds(0));
    HF_CO_TRY_VOID(status_of(co_await wait_job(written.job, write.what, left)));
  }
  co_return written;
}

Co<Result<Json>> Client::wait_job(std::string uuid, std::string what, Nanoseconds deadline) {
  const MonoTime until = route_.clock.mono() + deadline;
  Nanoseconds delay = kFirstPoll;
  int missing = 0;
  while (true) {
    const auto job = co_await get("/cluster/jobs/" + net::url_encode(uuid),
                                  {{"fields", "state,message,code,error"}}, what);
    const bool not_yet = !job && job.error().code() == Code::kNotFound;
    if (!job && !(not_yet && ++missing <= kMostMissingJobs)) {
      co_return Error(job.error()).with("job", uuid);
    }
    const std::string state = job ? get_string(*job, "state") : "queued";
    if (state == "success") {
      co_return *job;
    }
    if (state == "failure" || state == "error" || state == "cancelled" || state == "expired") {
      co_return job_error(*job, what).with("job", uuid).with("system", settings_.peer);
    }
    if (route_.clock.mono() + delay > until) {
      co_return Error(Code::kDeadlineExceeded,
                      fmt::format("cannot {} in time: its job is still {}", what, state),
                      Retry::kTransient)
          .with("job", uuid)
          .with("system", settings_.peer);
    }
    const bool awake = co_await async::sleep_for(route_.clock, delay);
    if (!awake) {
      co_return Error(Code::kCancelled, "the wait for a job was cancelled").with("job", uuid);
    }
    delay = std::min<Nanoseconds>(delay * 3 / 2, kLongestPoll);
  }
}

std::string encode_file_path(std::string_view path) {
  std::string encoded;
  for (const char c : net::url_encode(path)) {
    encoded += c == '.' ? "%2E" : std::string(1, c);
  }
  return encoded;
}

std::string exactly(std::string_view value) {
  constexpr std::string_view kSpecial = "*<>!|.,{}\" ";
  if (!value.empty() && value != "null" &&
      value.find_first_of(kSpecial) == std::string_view::npos) {
    return std::string(value);
  }
  std::string quoted = "\"";
  for (const char c : value) {
    quoted += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  }
  return quoted + '"';
}

}  // namespace holdfast::storage::ontap
