// X.509 certificates of a private authority, made on the spot: for programs of this machine that
// speak TLS to one another and have no public name.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/base/time.h"
#include "core/env/random.h"

namespace holdfast::net {

// A certificate and its key (P-256), both PEM. The key is secret.
struct Certificate {
  std::string certificate;
  std::string private_key;
};

struct CertificateSubject {
  std::string common_name;
  std::vector<std::string> names;  // "IP:127.0.0.1", "DNS:localhost"; empty for a client
  bool client = false;             // for a client that authenticates itself, else for a server
  UtcTime valid_from;
  Nanoseconds valid_for = std::chrono::hours(24 * 3650);
};

// kInternal when OpenSSL refuses; kInvalidArgument for an authority that cannot be read.
Result<Certificate> make_authority(const CertificateSubject& subject, env::Random& random);
Result<Certificate> issue_certificate(const Certificate& authority,
                                      const CertificateSubject& subject, env::Random& random);

}  // namespace holdfast::net
