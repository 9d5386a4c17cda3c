#include "core/crypto/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "core/base/check.h"

namespace holdfast::crypto {
namespace {

// Fetched once: looking an algorithm up costs more than hashing a small file.
const EVP_MD* algorithm() {
  static const EVP_MD* const fetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  HF_CHECK(fetched != nullptr, "OpenSSL has SHA-256");
  return fetched;
}

}  // namespace

struct Sha256::State {
  State() : context(EVP_MD_CTX_new()) { start(); }
  ~State() { EVP_MD_CTX_free(context); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  void start() {
    HF_CHECK(EVP_DigestInit_ex2(context, algorithm(), nullptr) == 1, "OpenSSL starts SHA-256");
  }
  EVP_MD_CTX* context;
};

Sha256::Sha256() : state_(std::make_unique<State>()) {}
Sha256::~Sha256() = default;

void Sha256::update(ByteSpan data) {
  HF_CHECK(EVP_DigestUpdate(state_->context, data.data(), data.size()) == 1,
           "OpenSSL computes SHA-256");
}

Digest Sha256::finish() {
  Digest digest{};
  unsigned size = 0;
  const int done = EVP_DigestFinal_ex(state_->context, digest.data(), &size);
  HF_CHECK(done == 1 && size == digest.size(), "OpenSSL computes SHA-256");
  state_->start();
  return digest;
}

Digest digest_of(ByteSpan bytes) {
  static thread_local Sha256 hasher;
  hasher.update(bytes);
  return hasher.finish();
}

std::string sha256_hex(ByteSpan bytes) { return to_hex(digest_of(bytes)); }

Result<Digest> parse_digest(std::string_view text) {
  Digest digest{};
  const bool lower = text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  if (text.size() != 2 * digest.size() || !lower) {
    return Error(Code::kInvalidArgument, "an id has 64 hexadecimal digits in lower case");
  }
  HF_TRY(const Buffer bytes, from_hex(text));
  std::copy(bytes.begin(), bytes.end(), digest.begin());
  return digest;
}

bool equal_constant_time(ByteSpan a, ByteSpan b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace holdfast::crypto
