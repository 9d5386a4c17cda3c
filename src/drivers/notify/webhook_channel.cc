// Webhooks, signed as Standard Webhooks 1.0 describes: https://www.standardwebhooks.com.
//
// The id of a message is its dedup key, so that a receiver recognises repetitions; the timestamp is
// that of the try, so that a receiver can refuse old ones. Redirects are not followed: a message
// goes where the document says and nowhere else.

#include <fmt/core.h>

#include <fstream>
#include <sstream>

#include "core/async/run.h"
#include "core/base/bytes.h"
#include "core/base/secret.h"
#include "core/crypto/hmac.h"
#include "core/net/url.h"
#include "drivers/notify/channel.h"

namespace holdfast::notify {
namespace {

constexpr std::size_t kMaxAnswerBytes = 64u << 10;
constexpr std::string_view kEncodedSecret = "whsec_";

Result<SecretString> read_secret(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) {
    return Error(Code::kFailedPrecondition,
                 "cannot read the webhook's secret: give a readable file that is not empty")
        .with("secret_file", path);
  }
  std::string secret = std::move(text).str();
  while (secret.ends_with('\n') || secret.ends_with('\r')) {
    secret.pop_back();
  }
  if (!secret.starts_with(kEncodedSecret)) {
    return SecretString(std::move(secret));
  }
  HF_TRY(const Buffer bytes, from_base64(std::string_view(secret).substr(kEncodedSecret.size())));
  return SecretString(std::string(as_text(bytes)));
}

std::string signature(const SecretString& secret, std::string_view id, std::string_view timestamp,
                      std::string_view body) {
  const std::string signed_text = fmt::format("{}.{}.{}", id, timestamp, body);
  return "v1," + to_base64(crypto::hmac_sha256(as_bytes(secret.expose()), as_bytes(signed_text)));
}

class WebhookChannel final : public Channel {
 public:
  WebhookChannel(ChannelConfig config, ChannelServices services)
      : config_(std::move(config)), services_(services) {}

  const std::string& name() const override { return config_.name; }
  std::string_view kind() const override { return "webhook"; }

  async::Co<DeliveryRecord> send(Notification notification) override {
    DeliveryRecord record{.channel = config_.name,
                          .kind = "webhook",
                          .dedup_key = notification.dedup_key,
                          .outcome = DeliveryRecord::Outcome::kFailed,
                          .retry = Retry::kPermanent,
                          .detail = "",
                          .time = services_.clock->now()};
    auto request = co_await make_request(std::move(notification), record.time);
    if (!request) {
      record.detail = request.error().to_string();
      co_return record;
    }
    const auto answer = co_await services_.http->send(*std::move(request));
    if (!answer) {
      record.retry = answer.error().retry();
      record.detail = answer.error().to_string();
      co_return record;
    }
    const auto url = net::parse_url(config_.url);
    record.detail =
        fmt::format("{} answered {}", url ? url->authority() : config_.name, answer->status);
    if (answer->status >= 200 && answer->status < 300) {
      record.outcome = DeliveryRecord::Outcome::kDelivered;
    } else if (net::is_transient_status(answer->status)) {
      record.retry = Retry::kTransient;
    }
    co_return record;
  }

 private:
  async::Co<Result<net::ClientRequest>> make_request(Notification notification, UtcTime now) {
    net::ClientRequest request;
    request.method = "POST";
    request.url = config_.url;
    request.body = to_text(to_json(notification));
    request.traceparent = notification.traceparent;
    request.max_response_bytes = kMaxAnswerBytes;
    const auto seconds = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count();
    const std::string timestamp = std::to_string(seconds);
    request.headers = {{"content-type", "application/json"},
                       {"webhook-id", notification.dedup_key},
                       {"webhook-timestamp", timestamp}};
    if (!config_.secret_file.empty()) {
      auto read = [path = config_.secret_file] { return read_secret(path); };
      HF_CO_TRY(const auto secret, co_await async::run_on(*services_.files, std::move(read)));
      if (secret.empty()) {
        co_return Error(Code::kFailedPrecondition, "the webhook's secret file is empty")
            .with("secret_file", config_.secret_file);
      }
      request.headers["webhook-signature"] =
          signature(secret, notification.dedup_key, timestamp, request.body);
    }
    co_return request;
  }

  ChannelConfig config_;
  ChannelServices services_;
};

}  // namespace

std::unique_ptr<Channel> make_webhook_channel(ChannelConfig config, ChannelServices services) {
  return std::make_unique<WebhookChannel>(std::move(config), services);
}

}  // namespace holdfast::notify
