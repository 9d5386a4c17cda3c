#include "core/crypto/key_derivation.h"

#include <openssl/evp.h>

namespace holdfast::crypto {
namespace {

constexpr std::uint64_t kMaxMemory = std::uint64_t{1} << 30;

}  // namespace

Result<Buffer> scrypt(const SecretString& password, ByteSpan salt, const ScryptCost& cost,
                      std::size_t length) {
  const bool power_of_two = cost.n > 1 && (cost.n & (cost.n - 1)) == 0;
  const bool bounded = cost.r > 0 && cost.p > 0 && cost.r <= 1024 && cost.p <= 1024 &&
                       cost.n <= kMaxMemory / (128 * std::uint64_t{cost.r});
  if (!power_of_two || !bounded) {
    return Error(Code::kInvalidArgument, "the scrypt parameters are not valid or need over 1 GiB");
  }
  Buffer key(length);
  const std::string& text = password.expose();
  const int done = EVP_PBE_scrypt(text.data(), text.size(), salt.data(), salt.size(), cost.n,
                                  cost.r, cost.p, 2 * kMaxMemory, key.data(), key.size());
  if (done != 1) {
    return Error(Code::kInvalidArgument, "OpenSSL refuses the scrypt parameters");
  }
  return key;
}

Buffer random_bytes(env::Random& random, std::size_t count) {
  Buffer bytes(count);
  random.fill(bytes);
  return bytes;
}

SecretString random_password(env::Random& random, std::size_t bytes) {
  return SecretString(to_hex(random_bytes(random, bytes)));
}

}  // namespace holdfast::crypto
