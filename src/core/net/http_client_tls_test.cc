#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "core/async/run.h"
#include "core/env/sim/manual_clock.h"
#include "core/net/http_client.h"
#include "core/net/server.h"
#include "core/net/testing/certificate.h"

namespace holdfast::net {
namespace {

async::Co<HttpReply> greet(std::shared_ptr<const HttpRequest>) {
  HttpReply reply;
  reply.body = "hello";
  co_return reply;
}

class HttpClientTlsTest : public ::testing::Test {
 protected:
  HttpClientTlsTest() {
    std::string pattern = ::testing::TempDir() + "/holdfast-tls-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~HttpClientTlsTest() override {
    if (server_) {
      server_->stop();
    }
    std::filesystem::remove_all(folder_);
  }

  // A server with a certificate for `name`; the address to call it by.
  std::string serve(const std::string& name) {
    testing::write_certificate(folder_, name);
    ServerOptions options;
    options.certificate_file = folder_ + "/cert.pem";
    options.private_key_file = folder_ + "/key.pem";
    auto started = HttpServer::start(pool_.executor(), clock_, options, &greet);
    EXPECT_TRUE(started) << started.error().to_string();
    server_ = *std::move(started);
    return "https://127.0.0.1:" + std::to_string(server_->port()) + "/";
  }

  Result<ClientResponse> get(const std::string& url, const std::string& ca_file) {
    ClientOptions options;
    options.ca_file = ca_file;
    const auto client = HttpClient::create(clock_, options);
    EXPECT_TRUE(client) << client.error().to_string();
    ClientRequest request;
    request.url = url;
    return async::block_on(pool_.executor(), (*client)->send(request));
  }

  std::string folder_;
  env::ManualClock clock_{UtcTime(std::chrono::seconds(1'800'000'000))};
  async::Pool pool_{"test", 2};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpClientTlsTest, TrustsTheAuthorityItWasGiven) {
  const auto answer = get(serve("IP:127.0.0.1"), folder_ + "/cert.pem");
  ASSERT_TRUE(answer) << answer.error().to_string();
  EXPECT_EQ(answer->body, "hello");
}

TEST_F(HttpClientTlsTest, RefusesACertificateOfAnUnknownAuthority) {
  const auto answer = get(serve("IP:127.0.0.1"), "");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(answer.error().retry(), Retry::kPermanent);
}

TEST_F(HttpClientTlsTest, RefusesACertificateOfAnotherHost) {
  const auto answer = get(serve("DNS:example.org"), folder_ + "/cert.pem");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), Code::kFailedPrecondition);
}

TEST_F(HttpClientTlsTest, SaysWhenTheAuthorityFileCannotBeRead) {
  const auto answer = get(serve("IP:127.0.0.1"), folder_ + "/nowhere.pem");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace holdfast::net
