#include "core/net/byte_stream.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "core/env/posix/system_clock.h"
#include "core/net/testing/certificate.h"
#include "core/net/testing/scripted_peer.h"

namespace holdfast::net {
namespace {

using testing::PeerConnection;
using testing::ScriptedPeer;

std::string content(const std::string& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

// Everything until the other side ends.
std::string read_all(ByteStream& stream) {
  std::string all;
  std::array<char, 1000> buffer{};
  while (true) {
    pollfd entry{stream.descriptor(), POLLIN, 0};
    ::poll(&entry, 1, -1);
    const auto count = stream.read(buffer);
    if (!count) {
      return all;
    }
    all.append(buffer.data(), *count);
  }
}

class ByteStreamTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "hf_stream_XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  Result<std::unique_ptr<ByteStream>> connect(std::uint16_t port,
                                              const TlsIdentity* tls = nullptr) {
    DialOptions how;
    how.host = host;
    how.port = port;
    how.tls = tls;
    return dial(how, clock, stop.get_token());
  }

  env::SystemClock clock;
  std::stop_source stop;
  std::string host = "127.0.0.1";
  std::string folder;
};

TEST_F(ByteStreamTest, CarriesBytesBothWaysOverTcp) {
  ScriptedPeer peer({[](PeerConnection& connection) {
    EXPECT_EQ(connection.read_request(), "question\r\n\r\n");
    connection.send(std::string(300'000, 'a'));
  }});
  const auto stream = connect(peer.port());
  ASSERT_TRUE(stream) << stream.error().to_string();
  std::array<char, 10> buffer{};
  const auto nothing = (*stream)->read(buffer);
  ASSERT_TRUE(nothing);
  EXPECT_EQ(*nothing, 0u);
  const auto sent = (*stream)->write("question\r\n\r\n");
  ASSERT_TRUE(sent);
  EXPECT_EQ(*sent, 12u);
  EXPECT_EQ(read_all(**stream), std::string(300'000, 'a'));
  EXPECT_EQ((*stream)->read(buffer).error().code(), Code::kUnavailable);
}

TEST_F(ByteStreamTest, SaysWhenNobodyListens) {
  std::uint16_t port = 0;
  {
    const ScriptedPeer gone({});
    port = gone.port();
  }
  const auto stream = connect(port);
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().code(), Code::kUnavailable);
  EXPECT_EQ(stream.error().retry(), Retry::kTransient);
}

TEST_F(ByteStreamTest, SaysWhenANameIsUnknown) {
  host = "nobody.invalid";
  const auto stream = connect(1);
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().code(), Code::kUnavailable);
  EXPECT_NE(stream.error().to_string().find("nobody.invalid"), std::string::npos);
}

TEST_F(ByteStreamTest, EndsWhenItIsNoLongerWanted) {
  // Takes the connection and never answers the handshake.
  ScriptedPeer peer({[](PeerConnection& connection) { connection.wait_for_close(); }});
  TlsIdentity tls;
  tls.server_name = "127.0.0.1";
  stop.request_stop();
  const auto stream = connect(peer.port(), &tls);
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().code(), Code::kCancelled);
}

TEST_F(ByteStreamTest, SaysWhenTheServerDoesNotSpeakTls) {
  ScriptedPeer peer({[](PeerConnection& connection) {
    connection.send("HTTP/1.1 400 Bad Request\r\n\r\n");
    connection.wait_for_close();
  }});
  TlsIdentity tls;
  tls.server_name = "127.0.0.1";
  const auto stream = connect(peer.port(), &tls);
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().code(), Code::kUnavailable);
}

// Shakes hands with one client, says back what it said, and closes.
class TlsPeer {
 public:
  TlsPeer(const std::string& folder, std::string_view alpn)
      : context_(SSL_CTX_new(TLS_server_method())), alpn_(alpn) {
    SSL_CTX_use_certificate_file(context_, (folder + "/cert.pem").c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_use_PrivateKey_file(context_, (folder + "/key.pem").c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_set_alpn_select_cb(context_, &TlsPeer::choose, this);
    peer_.emplace(std::vector<ScriptedPeer::Script>{
        [this](PeerConnection& connection) { talk(connection.socket()); }});
  }
  ~TlsPeer() {
    peer_.reset();
    SSL_CTX_free(context_);
  }
  std::uint16_t port() const { return peer_->port(); }

 private:
  static int choose(SSL*, const unsigned char** out, unsigned char* size,
                    const unsigned char* offered, unsigned int offered_size, void* self) {
    const std::string_view ours = static_cast<TlsPeer*>(self)->alpn_;
    const std::string_view theirs(reinterpret_cast<const char*>(offered), offered_size);
    const std::size_t at = theirs.find(ours);
    if (ours.empty() || at == std::string_view::npos) {
      return SSL_TLSEXT_ERR_NOACK;
    }
    *out = offered + at;
    *size = static_cast<unsigned char>(ours.size());
    return SSL_TLSEXT_ERR_OK;
  }

  void talk(int socket) {
    sigset_t pipe;
    ::sigemptyset(&pipe);
    ::sigaddset(&pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);  // of this thread: the client must not need it
    SSL* tls = SSL_new(context_);
    SSL_set_fd(tls, socket);
    std::string heard(200'000, '\0');
    std::size_t filled = 0;
    if (SSL_accept(tls) == 1) {
      int count = 0;
      while (filled < heard.size() &&
             (count = SSL_read(tls, heard.data() + filled,
                               static_cast<int>(heard.size() - filled))) > 0) {
        filled += static_cast<std::size_t>(count);
      }
      if (filled > 0) {
        SSL_write(tls, heard.data(), static_cast<int>(filled));
        SSL_shutdown(tls);
      }
    }
    SSL_free(tls);
  }

  SSL_CTX* context_;
  const std::string alpn_;
  std::optional<ScriptedPeer> peer_;
};

TEST_F(ByteStreamTest, CarriesBytesBothWaysOverTls) {
  testing::write_certificate(folder, "IP:127.0.0.1");
  const TlsPeer peer(folder, "h2");
  TlsIdentity tls;
  tls.authorities = content(folder + "/cert.pem");
  tls.server_name = "127.0.0.1";
  tls.protocol = "h2";
  const auto stream = connect(peer.port(), &tls);
  ASSERT_TRUE(stream) << stream.error().to_string();
  const std::string question(200'000, 'q');
  std::size_t sent = 0;
  while (sent < question.size()) {
    const auto count = (*stream)->write(std::string_view(question).substr(sent));
    ASSERT_TRUE(count) << count.error().to_string();
    sent += *count;
    pollfd entry{(*stream)->descriptor(), POLLOUT, 0};
    ::poll(&entry, 1, -1);
  }
  EXPECT_EQ(read_all(**stream), question);
}

TEST_F(ByteStreamTest, TrustsOnlyTheAuthorityAndTheNameThatItWasTold) {
  testing::write_certificate(folder, "DNS:somebody.test");
  TlsIdentity tls;
  tls.authorities = content(folder + "/cert.pem");
  tls.server_name = "127.0.0.1";
  {
    const TlsPeer peer(folder, "");
    const auto stream = connect(peer.port(), &tls);
    ASSERT_FALSE(stream);
    EXPECT_NE(stream.error().to_string().find("IP address mismatch"), std::string::npos)
        << stream.error().to_string();
  }
  tls.server_name = "somebody.test";
  {
    const TlsPeer peer(folder, "");
    EXPECT_TRUE(connect(peer.port(), &tls));
  }
  tls.authorities.clear();
  const TlsPeer peer(folder, "");
  const auto stream = connect(peer.port(), &tls);
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().code(), Code::kUnavailable);
}

TEST_F(ByteStreamTest, WritesToAServerThatHasGoneWithoutASignal) {
  testing::write_certificate(folder, "IP:127.0.0.1");
  TlsIdentity tls;
  tls.authorities = content(folder + "/cert.pem");
  tls.server_name = "127.0.0.1";
  Result<std::unique_ptr<ByteStream>> stream = connect(1);
  {
    const TlsPeer peer(folder, "");
    stream = connect(peer.port(), &tls);
    ASSERT_TRUE(stream) << stream.error().to_string();
  }
  Result<std::size_t> sent = std::size_t{0};
  for (int i = 0; sent && i < 10'000; ++i) {
    sent = (*stream)->write("anybody there?");
  }
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code(), Code::kUnavailable);
}

TEST_F(ByteStreamTest, AsksForItsProtocol) {
  testing::write_certificate(folder, "IP:127.0.0.1");
  TlsIdentity tls;
  tls.authorities = content(folder + "/cert.pem");
  tls.server_name = "127.0.0.1";
  tls.protocol = "h2";
  const TlsPeer peer(folder, "");
  const auto stream = connect(peer.port(), &tls);
  ASSERT_FALSE(stream);
  EXPECT_NE(stream.error().to_string().find("h2"), std::string::npos);
}

TEST_F(ByteStreamTest, RefusesAnIdentityThatCannotBeRead) {
  testing::write_certificate(folder, "IP:127.0.0.1");
  TlsIdentity tls;
  tls.authorities = "no certificate";
  EXPECT_EQ(check_identity(tls).error().code(), Code::kInvalidArgument);
  tls.authorities.clear();
  tls.certificate = content(folder + "/cert.pem");
  tls.private_key = "no key";
  EXPECT_EQ(check_identity(tls).error().code(), Code::kInvalidArgument);
  testing::write_certificate(folder, "IP:127.0.0.1");
  tls.private_key = content(folder + "/key.pem");  // of the second certificate
  const Status mixed = check_identity(tls);
  ASSERT_FALSE(mixed);
  EXPECT_NE(mixed.error().message().find("not the client certificate's"), std::string::npos);
  tls.certificate = content(folder + "/cert.pem");
  EXPECT_TRUE(check_identity(tls));
}

}  // namespace
}  // namespace holdfast::net
