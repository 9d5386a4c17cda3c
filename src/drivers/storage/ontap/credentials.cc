#include "drivers/storage/ontap/credentials.h"

#include <fmt/core.h>

#include "core/base/bytes.h"
#include "core/net/url.h"

namespace holdfast::storage::ontap {
namespace {

constexpr Nanoseconds kMargin = std::chrono::seconds(30);
constexpr std::int64_t kUsualLifeSeconds = 300;

}  // namespace

Result<std::unique_ptr<Credentials>> Credentials::create(env::Clock& clock,
                                                         const Endpoint& endpoint) {
  std::unique_ptr<Credentials> made(new Credentials(clock, endpoint));
  if (endpoint.login == Login::kOAuth2) {
    net::ClientOptions options;
    options.tls.ca_file = endpoint.oauth2.ca_file;
    HF_TRY(made->token_client_, net::HttpClient::create(clock, options));
  }
  return made;
}

async::Co<Result<std::string>> Credentials::authorization() {
  switch (endpoint_.login) {
    case Login::kCertificate:
      co_return std::string();
    case Login::kBasic:
      co_return "Basic " + to_base64(as_bytes(endpoint_.user + ":" + endpoint_.password.expose()));
    case Login::kOAuth2:
      break;
  }
  {
    const std::lock_guard lock(mutex_);
    if (!token_.empty() && clock_.now() + kMargin < valid_until_) {
      co_return "Bearer " + token_;
    }
  }
  co_return co_await fetch_token();
}

bool Credentials::refused() {
  const std::lock_guard lock(mutex_);
  return !std::exchange(token_, std::string()).empty();
}

async::Co<Result<std::string>> Credentials::fetch_token() {
  const OAuth2& oauth2 = endpoint_.oauth2;
  net::ClientRequest request;
  request.method = "POST";
  request.url = oauth2.token_url;
  request.headers["content-type"] = "application/x-www-form-urlencoded";
  request.headers["accept"] = "application/json";
  // RFC 6749, 2.3.1: client id and secret are form-encoded before they become a user and password.
  const std::string login =
      net::url_encode(oauth2.client_id) + ":" + net::url_encode(oauth2.client_secret.expose());
  request.headers["authorization"] = "Basic " + to_base64(as_bytes(login));
  request.body = "grant_type=client_credentials";
  if (!oauth2.scope.empty()) {
    request.body += "&scope=" + net::url_encode(oauth2.scope);
  }
  HF_CO_TRY(const net::ClientResponse answer, co_await token_client_->send(std::move(request)));
  const auto body = parse_json(answer.body);
  const Json fields = body ? *body : Json();
  const std::string token = get_string(fields, "access_token");
  if (answer.status != 200 || token.empty()) {
    const bool later = net::is_transient_status(answer.status);
    co_return Error(
        later ? Code::kUnavailable : Code::kUnauthenticated,
        fmt::format("the authorization server gives no token for client '{}': {} (HTTP status {})",
                    oauth2.client_id, get_string(fields, "error", "no reason was given"),
                    answer.status),
        later ? Retry::kTransient : Retry::kPermanent);
  }
  const std::lock_guard lock(mutex_);
  token_ = token;
  valid_until_ =
      clock_.now() + std::chrono::seconds(get_int(fields, "expires_in", kUsualLifeSeconds));
  co_return "Bearer " + token;
}

}  // namespace holdfast::storage::ontap
