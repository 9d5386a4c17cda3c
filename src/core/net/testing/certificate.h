// For tests: a self-signed certificate for one host, made on the spot.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "core/base/bytes.h"
#include "core/base/check.h"

namespace holdfast::net::testing {

// Writes FOLDER/cert.pem and FOLDER/key.pem. `name` is "IP:127.0.0.1" or "DNS:example.org".
inline void write_certificate(const std::string& folder, const std::string& name) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"),
                                                                &EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), &X509_free);
  constexpr long kDay = 86400;
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -kDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kDay);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get()));
  X509_EXTENSION* extension =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, name.c_str());
  X509_add_ext(certificate.get(), extension, -1);
  X509_EXTENSION_free(extension);
  X509_set_pubkey(certificate.get(), key.get());
  HF_CHECK(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0, "OpenSSL signs");

  std::FILE* file = std::fopen((folder + "/cert.pem").c_str(), "w");
  PEM_write_X509(file, certificate.get());
  std::fclose(file);
  file = std::fopen((folder + "/key.pem").c_str(), "w");
  PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(file);
}

// SHA-256 of FOLDER/cert.pem's certificate, or of its public key.
inline std::string fingerprint(const std::string& folder, bool of_key) {
  std::FILE* file = std::fopen((folder + "/cert.pem").c_str(), "r");
  HF_CHECK(file != nullptr, "the certificate was written");
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      PEM_read_X509(file, nullptr, nullptr, nullptr), &X509_free);
  std::fclose(file);
  unsigned char* der = nullptr;
  const int size = of_key ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), &der)
                          : i2d_X509(certificate.get(), &der);
  std::array<std::uint8_t, 32> digest{};
  EVP_Digest(der, static_cast<size_t>(size), digest.data(), nullptr, EVP_sha256(), nullptr);
  OPENSSL_free(der);
  return to_hex(digest);
}

}  // namespace holdfast::net::testing
