#include "core/net/tls_stream.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "core/base/check.h"

namespace holdfast::net {
namespace {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* thing) const {
    Free(thing);
  }
};
using Bio = std::unique_ptr<BIO, Freed<BIO_free>>;
using X509Ptr = std::unique_ptr<X509, Freed<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using SslPtr = std::unique_ptr<SSL, Freed<SSL_free>>;

Bio text_bio(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Error unreadable(std::string_view what) {
  ERR_clear_error();
  return Error(Code::kInvalidArgument, "a certificate or key is not PEM, or is damaged")
      .with("what", std::string(what));
}

Status add_authorities(SSL_CTX* context, const std::string& pem) {
  if (pem.empty()) {
    SSL_CTX_set_default_verify_paths(context);
    return {};
  }
  const Bio bio = text_bio(pem);
  int count = 0;
  while (const X509Ptr authority{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority.get());
    ++count;
  }
  ERR_clear_error();  // the end of the text is an error to it
  return count > 0 ? Status() : Status(unreadable("certificates of authorities"));
}

Status add_certificate(SSL_CTX* context, const TlsIdentity& tls) {
  const Bio bio = text_bio(tls.certificate);
  const X509Ptr own{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)};
  if (own == nullptr || SSL_CTX_use_certificate(context, own.get()) != 1) {
    return unreadable("client certificate");
  }
  while (X509* issuer = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    SSL_CTX_add0_chain_cert(context, issuer);
  }
  ERR_clear_error();
  const Bio key_bio = text_bio(tls.private_key);
  const KeyPtr key{PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr)};
  if (key == nullptr) {
    return unreadable("private key");
  }
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1) {
    ERR_clear_error();
    return Error(Code::kInvalidArgument, "the private key is not the client certificate's");
  }
  return {};
}

// "name" as ALPN wants it: its length, then its bytes.
std::string alpn_list(const std::string& protocol) {
  return std::string(1, static_cast<char>(protocol.size())) + protocol;
}

std::string reason_of(SSL* ssl) {
  const long verified = SSL_get_verify_result(ssl);
  if (verified != X509_V_OK) {
    ERR_clear_error();
    return X509_verify_cert_error_string(verified);
  }
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "the connection was closed" : reason;
}

class OpenSslStream final : public TlsStream {
 public:
  OpenSslStream(int socket, SslPtr ssl, std::string protocol)
      : socket_(socket), ssl_(std::move(ssl)), protocol_(std::move(protocol)) {}
  ~OpenSslStream() override {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());  // says goodbye, does not wait for the answer
    ERR_clear_error();
    ::close(socket_);
  }

  int descriptor() const override { return socket_; }

  Result<Wants> shake_hands() override {
    ERR_clear_error();
    const int done = SSL_connect(ssl_.get());
    if (done == 1) {
      return protocol_agreed();
    }
    switch (SSL_get_error(ssl_.get(), done)) {
      case SSL_ERROR_WANT_READ:
        return Wants::kInput;
      case SSL_ERROR_WANT_WRITE:
        return Wants::kOutput;
      default:
        return Error(Code::kUnavailable, "the TLS handshake failed", Retry::kTransient)
            .with("reason", reason_of(ssl_.get()));
    }
  }

  Result<std::size_t> read(std::span<char> into) override {
    std::size_t filled = 0;
    while (filled < into.size()) {  // a record after the other
      ERR_clear_error();
      std::size_t got = 0;
      const int done = SSL_read_ex(ssl_.get(), into.data() + filled, into.size() - filled, &got);
      if (done != 1) {
        return filled > 0 ? Result<std::size_t>(filled) : nothing_or_over(done);
      }
      filled += got;
    }
    return filled;
  }

  Result<std::size_t> write(std::string_view bytes) override {
    ERR_clear_error();
    std::size_t sent = 0;
    const int done = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &sent);
    return done == 1 ? Result<std::size_t>(sent) : nothing_or_over(done);
  }

 private:
  Result<std::size_t> nothing_or_over(int done) {
    const int what = SSL_get_error(ssl_.get(), done);
    if (what == SSL_ERROR_WANT_READ || what == SSL_ERROR_WANT_WRITE) {
      return std::size_t{0};
    }
    return Error(Code::kUnavailable, "the TLS connection is over", Retry::kTransient)
        .with("reason", reason_of(ssl_.get()));
  }

  Result<Wants> protocol_agreed() {
    const unsigned char* agreed = nullptr;
    unsigned int size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &agreed, &size);
    if (!protocol_.empty() &&
        std::string_view(reinterpret_cast<const char*>(agreed), size) != protocol_) {
      return Error(Code::kUnavailable, "the server does not speak the protocol over TLS",
                   Retry::kTransient)
          .with("protocol", protocol_);
    }
    return Wants::kNothing;
  }

  int socket_;
  SslPtr ssl_;
  std::string protocol_;
};

// A socket below TLS. OpenSSL's own raises a signal when it writes to a closed one.
int socket_of(BIO* bio) { return *static_cast<int*>(BIO_get_data(bio)); }

int forget_socket(BIO* bio) {
  delete static_cast<int*>(BIO_get_data(bio));
  return 1;
}

int write_socket(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  const auto sent =
      static_cast<int>(::send(socket_of(bio), bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL));
  if (sent <= 0 && BIO_sock_should_retry(sent) != 0) {
    BIO_set_retry_write(bio);
  }
  return sent;
}

int read_socket(BIO* bio, char* into, int size) {
  BIO_clear_retry_flags(bio);
  const auto got =
      static_cast<int>(::recv(socket_of(bio), into, static_cast<std::size_t>(size), 0));
  if (got == 0) {
    BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  } else if (got < 0 && BIO_sock_should_retry(got) != 0) {
    BIO_set_retry_read(bio);
  }
  return got;
}

long control_socket(BIO* bio, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1
         : command == BIO_CTRL_EOF ? BIO_test_flags(bio, BIO_FLAGS_IN_EOF)
                                   : 0;
}

const BIO_METHOD* quiet_socket() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* made =
        BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket without signals");
    BIO_meth_set_write(made, &write_socket);
    BIO_meth_set_read(made, &read_socket);
    BIO_meth_set_ctrl(made, &control_socket);
    BIO_meth_set_destroy(made, &forget_socket);
    return made;
  }();
  return method;
}

// `ssl` reads and writes `socket`, which stays the caller's.
bool use_socket(SSL* ssl, int socket) {
  BIO* bio = BIO_new(quiet_socket());
  if (bio == nullptr) {
    return false;
  }
  BIO_set_data(bio, new int(socket));
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl, bio, bio);
  return true;
}

bool is_address(const std::string& name) {
  std::array<unsigned char, sizeof(in6_addr)> parsed{};
  return ::inet_pton(AF_INET, name.c_str(), parsed.data()) == 1 ||
         ::inet_pton(AF_INET6, name.c_str(), parsed.data()) == 1;
}

bool expect_server(SSL* ssl, const std::string& name) {
  if (is_address(name)) {  // no server name indication for addresses (RFC 6066)
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str()) == 1;
  }
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return SSL_set1_host(ssl, name.c_str()) == 1 && SSL_set_tlsext_host_name(ssl, name.c_str()) == 1;
}

}  // namespace

void FreeContext::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

Result<TlsContext> tls_context(const TlsIdentity& tls) {
  TlsContext context(SSL_CTX_new(TLS_client_method()));
  HF_CHECK(context != nullptr, "no memory for TLS");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  HF_TRY_VOID(add_authorities(context.get(), tls.authorities));
  if (!tls.certificate.empty()) {
    HF_TRY_VOID(add_certificate(context.get(), tls));
  }
  return context;
}

Status check_identity(const TlsIdentity& tls) { return status_of(tls_context(tls)); }

Result<std::unique_ptr<TlsStream>> tls_over(int socket, const TlsIdentity& tls) {
  const auto context = tls_context(tls);
  if (!context) {
    ::close(socket);
    return context.error();
  }
  SslPtr ssl(SSL_new(context->get()));
  const std::string protocols = alpn_list(tls.protocol);
  if (ssl == nullptr || !use_socket(ssl.get(), socket) ||
      !expect_server(ssl.get(), tls.server_name) ||
      (!tls.protocol.empty() &&
       SSL_set_alpn_protos(ssl.get(), reinterpret_cast<const unsigned char*>(protocols.data()),
                           static_cast<unsigned>(protocols.size())) != 0)) {
    ERR_clear_error();
    ::close(socket);
    return Error(Code::kInvalidArgument, "TLS cannot be set up for this server name")
        .with("server", tls.server_name);
  }
  return std::make_unique<OpenSslStream>(socket, std::move(ssl), tls.protocol);
}

}  // namespace holdfast::net
