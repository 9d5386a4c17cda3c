// How a transfer judges the certificate that it is shown.
//
// A pin is judged inside OpenSSL's verification, before any byte of the request is sent: SHA-256 of
// the certificate (DER) or of its public key (SubjectPublicKeyInfo, RFC 7469) must be the pinned
// one. Without a CA file the pin is all that counts, so that self-signed certificates of storage
// systems can be trusted without trusting everybody. TLS 1.2 is the least.

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>

#include "core/base/bytes.h"
#include "core/net/http_transfer.h"

namespace holdfast::net {
namespace {

using Sha256 = std::array<std::uint8_t, 32>;

std::string certificate_pin(const X509* certificate) {
  Sha256 digest{};
  unsigned int size = digest.size();
  return X509_digest(certificate, EVP_sha256(), digest.data(), &size) == 1 ? to_hex(digest) : "";
}

std::string key_pin(X509* certificate) {
  unsigned char* der = nullptr;
  const int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (length <= 0) {
    return {};
  }
  Sha256 digest{};
  unsigned int size = digest.size();
  const int hashed =
      EVP_Digest(der, static_cast<size_t>(length), digest.data(), &size, EVP_sha256(), nullptr);
  OPENSSL_free(der);
  return hashed == 1 ? to_hex(digest) : "";
}

int judge(X509_STORE_CTX* context, void* user) {
  Transfer& transfer = *static_cast<Transfer*>(user);
  if (transfer.verify_authority && X509_verify_cert(context) != 1) {
    return 0;
  }
  X509* certificate = X509_STORE_CTX_get0_cert(context);
  const std::string shown = certificate == nullptr ? "" : certificate_pin(certificate);
  if (shown.empty() ||
      (shown != transfer.expected_pin && key_pin(certificate) != transfer.expected_pin)) {
    transfer.shown_pin = shown;
    X509_STORE_CTX_set_error(context, X509_V_ERR_CERT_REJECTED);
    return 0;
  }
  X509_STORE_CTX_set_error(context, X509_V_OK);
  return 1;
}

CURLcode on_context(CURL*, void* context, void* user) {
  auto* settings = static_cast<SSL_CTX*>(context);
  // The connection outlives this transfer, and only its first handshake may ask it.
  SSL_CTX_set_options(settings, SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_cert_verify_callback(settings, &judge, user);
  return CURLE_OK;
}

}  // namespace

Result<std::string> normal_pin(std::string_view pin) {
  std::string digits;
  for (const char c : pin) {
    if (c != ':' && c != ' ') {
      digits += c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c;
    }
  }
  constexpr size_t kDigits = 64;
  if (!digits.empty() && (digits.size() != kDigits || !from_hex(digits))) {
    return Error(Code::kInvalidArgument,
                 "a pin is the SHA-256 of a certificate or of its public key: 64 hexadecimal "
                 "digits, as 'openssl x509 -noout -fingerprint -sha256' prints them");
  }
  return digits;
}

void prepare_tls(Transfer& transfer, const TlsOptions& tls) {
  CURL* easy = transfer.easy.get();
  const bool pinned = !tls.pin.empty();
  transfer.expected_pin = tls.pin;
  transfer.verify_authority = !tls.insecure && (!pinned || !tls.ca_file.empty());
  const bool judged = pinned || !tls.insecure;
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, judged ? 1L : 0L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, transfer.verify_authority ? 2L : 0L);
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (pinned) {
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, &on_context);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, &transfer);
  }
  if (!tls.ca_file.empty()) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, tls.ca_file.c_str());
  }
  if (!tls.certificate_file.empty()) {
    curl_easy_setopt(easy, CURLOPT_SSLCERT, tls.certificate_file.c_str());
    curl_easy_setopt(easy, CURLOPT_SSLKEY, tls.private_key_file.c_str());
  }
}

}  // namespace holdfast::net
