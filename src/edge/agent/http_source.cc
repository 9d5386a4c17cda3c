#include "edge/agent/http_source.h"

#include "core/crypto/digest.h"

namespace holdfast::agent {
namespace {

// How much longer than the server promises an agent waits for the answer of its poll.
constexpr Nanoseconds kSlack = std::chrono::seconds(20);
constexpr Nanoseconds kBeatDeadline = std::chrono::seconds(10);
constexpr Nanoseconds kOutcomeDeadline = std::chrono::seconds(30);

class HttpSource final : public TaskSource {
 public:
  HttpSource(net::HttpClient& client, std::string server, SecretString token)
      : client_(client), server_(std::move(server)), token_(std::move(token)) {}

  Co<Result<std::optional<wire::TaskOffer>>> poll(wire::PollRequest request) override {
    const Nanoseconds deadline = request.patience + kSlack;
    HF_CO_TRY(const Json answer, co_await post("poll", wire::encode(request), deadline, ""));
    if (answer.is_null()) {
      co_return std::optional<wire::TaskOffer>();
    }
    HF_CO_TRY(wire::TaskOffer task, wire::decode_task(answer));
    co_return std::optional(std::move(task));
  }

  Co<Result<flow::StopReason>> heartbeat(std::string token, Json details) override {
    Json body = JsonObject{{"token", std::move(token)}, {"details", std::move(details)}};
    HF_CO_TRY(const Json answer, co_await post("heartbeat", std::move(body), kBeatDeadline, ""));
    co_return get_string(answer, "stop").empty() ? flow::StopReason::kNone
                                                 : flow::StopReason::kCancelled;
  }

  Co<Status> complete(wire::Outcome outcome) override {
    // A repeated report finds the answer to the first one.
    std::string key = "complete/" + crypto::sha256_hex(as_bytes(outcome.token));
    co_return status_of(
        co_await post("complete", wire::encode(outcome), kOutcomeDeadline, std::move(key)));
  }

 private:
  // The answer's JSON; null for one without a body.
  Co<Result<Json>> post(std::string verb, Json body, Nanoseconds deadline, std::string key) {
    net::ClientRequest request;
    request.method = "POST";
    request.url = server_ + "/v1/agent/tasks/" + verb;
    request.headers["authorization"] = "Bearer " + token_.expose();
    request.headers["accept"] = "application/json";
    request.headers["content-type"] = "application/json";
    if (!key.empty()) {
      request.headers["idempotency-key"] = key;
    }
    request.body = to_text(body);
    request.deadline = deadline;
    HF_CO_TRY(const net::ClientResponse response, co_await client_.send(std::move(request)));
    if (response.status >= 400) {
      co_return wire::error_from_problem(response.status, response.body);
    }
    if (response.body.empty()) {
      co_return Json();
    }
    co_return parse_json(response.body);
  }

  net::HttpClient& client_;
  const std::string server_;
  const SecretString token_;
};

}  // namespace

std::unique_ptr<TaskSource> make_http_source(net::HttpClient& client, std::string server,
                                             SecretString token) {
  return std::make_unique<HttpSource>(client, std::move(server), std::move(token));
}

}  // namespace holdfast::agent
