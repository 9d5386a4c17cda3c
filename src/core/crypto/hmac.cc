#include "core/crypto/hmac.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "core/base/check.h"

namespace holdfast::crypto {

std::array<std::uint8_t, 32> hmac_sha256(ByteSpan key, ByteSpan message) {
  std::array<std::uint8_t, 32> code{};
  unsigned size = 0;
  static constexpr std::uint8_t kNoKey = 0;  // a null pointer would mean «the key of last time»
  const std::uint8_t* bytes = key.empty() ? &kNoKey : key.data();
  const auto* done = HMAC(EVP_sha256(), bytes, static_cast<int>(key.size()), message.data(),
                          message.size(), code.data(), &size);
  HF_CHECK(done != nullptr && size == code.size(), "OpenSSL computes HMAC-SHA-256");
  return code;
}

}  // namespace holdfast::crypto
