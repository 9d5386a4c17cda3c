// The server's TLS side: certificates that net/certificate.h makes, and clients that show one.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "core/async/run.h"
#include "core/env/posix/process.h"
#include "core/env/posix/system_clock.h"
#include "core/env/posix/system_random.h"
#include "core/net/certificate.h"
#include "core/net/http_client.h"
#include "core/net/server.h"

namespace holdfast::net {
namespace {

// Answers with what the server says about the request; /cut is cut off.
async::Co<HttpReply> tell(std::shared_ptr<const HttpRequest> request) {
  HttpReply reply;
  reply.body = request->client_name + " " + request->target + " " + request->path;
  if (request->path == "/cut") {
    reply.cut_after = 3;
  }
  co_return reply;
}

class ServerTlsTest : public ::testing::Test {
 protected:
  ServerTlsTest() {
    std::string pattern = ::testing::TempDir() + "/holdfast-server-tls-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    CertificateSubject subject{"test authority", {}, false, clock_.now() - std::chrono::hours(1)};
    authority_ = make_authority(subject, random_).value();
    write("ca", authority_);
    subject.common_name = "server";
    subject.names = {"IP:127.0.0.1", "DNS:localhost"};
    write("server", issue_certificate(authority_, subject, random_).value());
    ServerOptions options;
    options.certificate_file = folder_ + "/server.pem";
    options.private_key_file = folder_ + "/server.key";
    options.client_ca_file = folder_ + "/ca.pem";
    options.server_name = "tester";
    server_ = HttpServer::start(pool_.executor(), clock_, options, &tell).value();
  }
  ~ServerTlsTest() override {
    server_->stop();
    std::filesystem::remove_all(folder_);
  }

  void write(const std::string& name, const Certificate& made) {
    std::ofstream(folder_ + "/" + name + ".pem") << made.certificate;
    std::ofstream(folder_ + "/" + name + ".key") << made.private_key;
  }
  Result<ClientResponse> get(const std::string& path) {
    ClientOptions options;
    options.tls.ca_file = folder_ + "/ca.pem";
    const auto client = HttpClient::create(clock_, options);
    ClientRequest request;
    request.url = "https://127.0.0.1:" + std::to_string(server_->port()) + path;
    return async::block_on(pool_.executor(), (*client)->send(request));
  }
  // What openssl's own client hears when it shows the certificate `name`.
  std::string show(const std::string& name) {
    const auto run = env::run_shell(
        "printf 'GET /x HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n' | openssl "
        "s_client -quiet -connect 127.0.0.1:" +
            std::to_string(server_->port()) + " -CAfile " + folder_ + "/ca.pem -cert " + folder_ +
            "/" + name + ".pem -key " + folder_ + "/" + name + ".key 2>&1",
        {});
    return run ? run->output : run.error().to_string();
  }

  std::string folder_;
  env::SystemClock clock_;
  env::SystemRandom random_;
  async::Pool pool_{"test", 2};
  Certificate authority_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(ServerTlsTest, AnIssuedCertificateVerifiesAgainstItsAuthority) {
  const auto reply = get("/a%2Fb//c?x=%20");
  ASSERT_TRUE(reply) << reply.error().to_string();
  EXPECT_EQ(reply->body, " /a%2Fb//c?x=%20 /a/b//c");  // the target as it was sent
  EXPECT_EQ(reply->header("server"), "tester");
}

TEST_F(ServerTlsTest, ABodyThatIsCutOffIsAnErrorForTheClient) {
  EXPECT_FALSE(get("/cut"));
  EXPECT_TRUE(get("/whole"));
}

TEST_F(ServerTlsTest, TellsTheNameOfAClientThatShowsACertificate) {
  CertificateSubject subject{"alice", {}, true, clock_.now() - std::chrono::hours(1)};
  write("alice", issue_certificate(authority_, subject, random_).value());
  EXPECT_NE(show("alice").find("alice /x"), std::string::npos);
  const Certificate other = make_authority({"other", {}, false, clock_.now()}, random_).value();
  write("mallory", issue_certificate(other, subject, random_).value());
  EXPECT_EQ(show("mallory").find("/x"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::net
