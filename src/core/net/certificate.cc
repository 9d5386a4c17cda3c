// Certificates by OpenSSL: version 3, with the extensions that strict clients ask for (key usage,
// key identifiers, subject alternative names).
#include "core/net/certificate.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <memory>

namespace holdfast::net {
namespace {

using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using CertificatePtr = std::unique_ptr<X509, decltype(&X509_free)>;
using BioPtr = std::unique_ptr<BIO, decltype(&BIO_free_all)>;

Error refused(const char* what) {
  return Error(Code::kInternal, std::string("OpenSSL cannot ") + what);
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return std::string(data, static_cast<size_t>(size));
}

Result<Certificate> to_pem(X509* certificate, EVP_PKEY* key) {
  const BioPtr first(BIO_new(BIO_s_mem()), &BIO_free_all);
  const BioPtr second(BIO_new(BIO_s_mem()), &BIO_free_all);
  if (PEM_write_bio_X509(first.get(), certificate) != 1 ||
      PEM_write_bio_PrivateKey(second.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return refused("write a certificate");
  }
  return Certificate{text_of(first.get()), text_of(second.get())};
}

void set_time(ASN1_TIME* field, UtcTime time) {
  ASN1_TIME_set(field,
                static_cast<std::time_t>(
                    std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count()));
}

// What both kinds share: serial number, life time, subject, key.
void fill(X509* certificate, const CertificateSubject& subject, EVP_PKEY* key,
          env::Random& random) {
  X509_set_version(certificate, X509_VERSION_3);
  auto serial = random.bytes16();
  serial[0] = static_cast<std::uint8_t>((serial[0] & 0x3f) | 0x40);  // positive, always 16 bytes
  BIGNUM* number = BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
  BN_free(number);
  set_time(X509_getm_notBefore(certificate), subject.valid_from);
  set_time(X509_getm_notAfter(certificate), subject.valid_from + subject.valid_for);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(subject.common_name.c_str()),
                             -1, -1, 0);
  X509_set_pubkey(certificate, key);
}

bool extend(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  const bool added = extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

}  // namespace

Result<Certificate> make_authority(const CertificateSubject& subject, env::Random& random) {
  const KeyPtr key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
  const CertificatePtr certificate(X509_new(), &X509_free);
  X509* made = certificate.get();
  fill(made, subject, key.get(), random);
  X509_set_issuer_name(made, X509_get_subject_name(made));
  if (!extend(made, made, NID_basic_constraints, "critical,CA:TRUE") ||
      !extend(made, made, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !extend(made, made, NID_subject_key_identifier, "hash") ||
      X509_sign(made, key.get(), EVP_sha256()) == 0) {
    return refused("make a certificate authority");
  }
  return to_pem(made, key.get());
}

Result<Certificate> issue_certificate(const Certificate& authority,
                                      const CertificateSubject& subject, env::Random& random) {
  const BioPtr first(
      BIO_new_mem_buf(authority.certificate.data(), static_cast<int>(authority.certificate.size())),
      &BIO_free_all);
  const BioPtr second(
      BIO_new_mem_buf(authority.private_key.data(), static_cast<int>(authority.private_key.size())),
      &BIO_free_all);
  const CertificatePtr issuer(PEM_read_bio_X509(first.get(), nullptr, nullptr, nullptr),
                              &X509_free);
  const KeyPtr issuer_key(PEM_read_bio_PrivateKey(second.get(), nullptr, nullptr, nullptr),
                          &EVP_PKEY_free);
  if (!issuer || !issuer_key) {
    return Error(Code::kInvalidArgument, "cannot read the certificate authority and its key");
  }
  const KeyPtr key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
  const CertificatePtr certificate(X509_new(), &X509_free);
  X509* made = certificate.get();
  fill(made, subject, key.get(), random);
  X509_set_issuer_name(made, X509_get_subject_name(issuer.get()));
  std::string names;
  for (const std::string& name : subject.names) {
    names += (names.empty() ? "" : ",") + name;
  }
  if (!extend(made, issuer.get(), NID_basic_constraints, "critical,CA:FALSE") ||
      !extend(made, issuer.get(), NID_key_usage, "critical,digitalSignature") ||
      !extend(made, issuer.get(), NID_ext_key_usage,
              subject.client ? "clientAuth" : "serverAuth") ||
      !extend(made, issuer.get(), NID_subject_key_identifier, "hash") ||
      !extend(made, issuer.get(), NID_authority_key_identifier, "keyid:always") ||
      (!names.empty() && !extend(made, issuer.get(), NID_subject_alt_name, names)) ||
      X509_sign(made, issuer_key.get(), EVP_sha256()) == 0) {
    return refused("issue a certificate");
  }
  return to_pem(made, key.get());
}

}  // namespace holdfast::net
