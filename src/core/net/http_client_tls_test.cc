#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

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
    TlsOptions tls;
    tls.ca_file = ca_file;
    return get_with(url, tls);
  }
  Result<ClientResponse> get_with(const std::string& url, const TlsOptions& tls) {
    ClientOptions options;
    options.tls = tls;
    const auto client = HttpClient::create(clock_, options);
    if (!client) {
      return client.error();
    }
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

TlsOptions pinned(std::string pin, std::string ca_file = "") {
  TlsOptions tls;
  tls.pin = std::move(pin);
  tls.ca_file = std::move(ca_file);
  return tls;
}

TEST_F(HttpClientTlsTest, TrustsThePinnedCertificateWhoeverSignedIt) {
  const std::string url = serve("DNS:example.org");
  for (const bool of_key : {false, true}) {
    const auto answer = get_with(url, pinned(testing::fingerprint(folder_, of_key)));
    ASSERT_TRUE(answer) << answer.error().to_string();
    EXPECT_EQ(answer->body, "hello");
  }
}

TEST_F(HttpClientTlsTest, RefusesAnotherThanThePinnedCertificateAndTellsWhichItSaw) {
  const std::string url = serve("IP:127.0.0.1");
  TlsOptions tls = pinned(std::string(64, 'a'));
  for (const bool insecure : {false, true}) {
    tls.insecure = insecure;
    const auto answer = get_with(url, tls);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code(), Code::kFailedPrecondition);
    EXPECT_EQ(answer.error().context().front().second, testing::fingerprint(folder_, false));
  }
}

TEST_F(HttpClientTlsTest, WantsAuthorityAndPinWhereBothAreGiven) {
  const std::string url = serve("IP:127.0.0.1");
  const std::string pin = testing::fingerprint(folder_, false);
  EXPECT_TRUE(get_with(url, pinned(pin, folder_ + "/cert.pem")));
  const std::string other = folder_ + "/other";
  std::filesystem::create_directory(other);
  testing::write_certificate(other, "IP:127.0.0.1");
  const auto answer = get_with(url, pinned(pin, other + "/cert.pem"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), Code::kFailedPrecondition);
}

TEST_F(HttpClientTlsTest, RefusesAPinThatIsNone) {
  const auto answer = get_with("https://127.0.0.1:1/", pinned("abc"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), Code::kInvalidArgument);
}

TEST_F(HttpClientTlsTest, TrustsEverybodyWhenToldTo) {
  TlsOptions tls;
  tls.insecure = true;
  const auto answer = get_with(serve("DNS:example.org"), tls);
  ASSERT_TRUE(answer) << answer.error().to_string();
}

// A peer that answers one request of a client with a certificate; other clients fail in the
// handshake.
class DemandingPeer {
 public:
  explicit DemandingPeer(const std::string& folder) : context_(SSL_CTX_new(TLS_server_method())) {
    SSL_CTX_use_certificate_file(context_, (folder + "/cert.pem").c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_use_PrivateKey_file(context_, (folder + "/key.pem").c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_load_verify_locations(context_, (folder + "/cert.pem").c_str(), nullptr);
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener_, plain, size), 0);
    EXPECT_EQ(::listen(listener_, 1), 0);
    EXPECT_EQ(::getsockname(listener_, plain, &size), 0);
    url_ = "https://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/";
    thread_ = std::thread([this] { answer_one(); });
  }
  ~DemandingPeer() {
    thread_.join();
    ::close(listener_);
    SSL_CTX_free(context_);
  }
  const std::string& url() const { return url_; }

 private:
  void answer_one() {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    SSL* tls = SSL_new(context_);
    SSL_set_fd(tls, socket);
    char bytes[4096];
    if (SSL_accept(tls) == 1 && SSL_read(tls, bytes, sizeof(bytes)) > 0) {
      const std::string reply = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nknown";
      SSL_write(tls, reply.data(), static_cast<int>(reply.size()));
      SSL_shutdown(tls);
    }
    SSL_free(tls);
    ::close(socket);
  }

  SSL_CTX* context_;
  int listener_;
  std::string url_;
  std::thread thread_;
};

TEST_F(HttpClientTlsTest, ShowsItsOwnCertificateToAServerThatAsks) {
  testing::write_certificate(folder_, "IP:127.0.0.1");
  TlsOptions tls;
  tls.ca_file = folder_ + "/cert.pem";
  {
    const DemandingPeer peer(folder_);
    EXPECT_FALSE(get_with(peer.url(), tls));
  }
  tls.certificate_file = folder_ + "/cert.pem";
  tls.private_key_file = folder_ + "/key.pem";
  const DemandingPeer peer(folder_);
  const auto answer = get_with(peer.url(), tls);
  ASSERT_TRUE(answer) << answer.error().to_string();
  EXPECT_EQ(answer->body, "known");
}

TEST_F(HttpClientTlsTest, SaysWhenItsOwnCertificateCannotBeRead) {
  TlsOptions tls;
  tls.certificate_file = folder_ + "/nowhere.pem";
  tls.private_key_file = folder_ + "/nowhere.key";
  const auto answer = get_with(serve("IP:127.0.0.1"), tls);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), Code::kInvalidArgument);
}

TEST_F(HttpClientTlsTest, SaysWhenTheAuthorityFileCannotBeRead) {
  const auto answer = get(serve("IP:127.0.0.1"), folder_ + "/nowhere.pem");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace holdfast::net
