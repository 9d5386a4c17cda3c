#include "core/net/server_parts.h"

#include <openssl/x509.h>

#include <array>

namespace holdfast::net {

namespace ssl = boost::asio::ssl;

Result<std::unique_ptr<ssl::context>> make_tls_context(const ServerOptions& options) {
  auto tls = std::make_unique<ssl::context>(ssl::context::tls_server);
  boost::system::error_code failure;
  tls->set_options(ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1, failure);
  tls->use_certificate_chain_file(options.certificate_file, failure);
  if (!failure) {
    tls->use_private_key_file(options.private_key_file, ssl::context::pem, failure);
  }
  if (!failure && !options.client_ca_file.empty()) {
    tls->load_verify_file(options.client_ca_file, failure);
    tls->set_verify_mode(ssl::verify_peer);
  }
  if (failure) {
    return Error(Code::kInvalidArgument,
                 "cannot read the TLS certificate and key: " + failure.message())
        .with("certificate", options.certificate_file);
  }
  return tls;
}

std::string peer_name(ssl::stream<boost::asio::ip::tcp::socket>& stream) {
  X509* certificate = SSL_get0_peer_certificate(stream.native_handle());
  if (certificate == nullptr) {
    return "";
  }
  std::array<char, 256> name{};
  const int size = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName,
                                             name.data(), static_cast<int>(name.size()));
  return size > 0 ? std::string(name.data(), static_cast<size_t>(size)) : "";
}

}  // namespace holdfast::net
