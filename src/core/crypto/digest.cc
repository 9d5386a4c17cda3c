#include "core/crypto/digest.h"

#include <openssl/evp.h>

#include "core/base/check.h"

namespace holdfast::crypto {

Digest digest_of(ByteSpan bytes) {
  Digest digest{};
  unsigned size = 0;
  const int done =
      EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr);
  HF_CHECK(done == 1 && size == digest.size(), "OpenSSL computes SHA-256");
  return digest;
}

}  // namespace holdfast::crypto
