// AES-256-CTR and Poly1305 from OpenSSL. The algorithms are fetched once and each thread keeps its
// contexts: on small boxes the set-up would cost more than the work.
#include "core/crypto/sealed_box.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include <algorithm>

#include "core/base/check.h"
#include "core/crypto/digest.h"

namespace holdfast::crypto {
namespace {

constexpr std::size_t kIvSize = kBoxFront;
constexpr std::size_t kTagSize = 16;
using Tag = std::array<std::uint8_t, kTagSize>;

struct Algorithms {
  EVP_CIPHER* ctr = EVP_CIPHER_fetch(nullptr, "AES-256-CTR", nullptr);
  EVP_CIPHER* ecb = EVP_CIPHER_fetch(nullptr, "AES-128-ECB", nullptr);
  EVP_MAC* poly = EVP_MAC_fetch(nullptr, "POLY1305", nullptr);
};

const Algorithms& algorithms() {
  static const Algorithms fetched;
  HF_CHECK(fetched.ctr != nullptr && fetched.ecb != nullptr && fetched.poly != nullptr,
           "OpenSSL has AES and Poly1305");
  return fetched;
}

struct Contexts {
  EVP_CIPHER_CTX* ctr = EVP_CIPHER_CTX_new();
  EVP_CIPHER_CTX* ecb = EVP_CIPHER_CTX_new();
  EVP_MAC_CTX* poly = EVP_MAC_CTX_new(algorithms().poly);
  Contexts() = default;
  ~Contexts() {
    EVP_CIPHER_CTX_free(ctr);
    EVP_CIPHER_CTX_free(ecb);
    EVP_MAC_CTX_free(poly);
  }
  Contexts(const Contexts&) = delete;
  Contexts& operator=(const Contexts&) = delete;
};

Contexts& contexts() {
  static thread_local Contexts own;
  return own;
}

// Encrypts or decrypts; counter mode is its own inverse. `in` and `out` may be the same memory.
void apply_ctr(const BoxKey& key, const std::uint8_t* iv, ByteSpan in, std::uint8_t* out) {
  EVP_CIPHER_CTX* context = contexts().ctr;
  HF_CHECK(EVP_EncryptInit_ex2(context, algorithms().ctr, key.encrypt.data(), iv, nullptr) == 1,
           "OpenSSL starts AES");
  while (!in.empty()) {
    const std::size_t step = std::min<std::size_t>(in.size(), std::size_t{1} << 30);
    int written = 0;
    HF_CHECK(EVP_EncryptUpdate(context, out, &written, in.data(), static_cast<int>(step)) == 1,
             "OpenSSL runs AES");
    in = in.subspan(step);
    out += step;
  }
}

Tag tag_of(const BoxKey& key, const std::uint8_t* iv, ByteSpan ciphertext) {
  std::array<std::uint8_t, 32> one_time{};
  std::copy(key.mac_r.begin(), key.mac_r.end(), one_time.begin());
  EVP_CIPHER_CTX* ecb = contexts().ecb;
  int written = 0;
  bool fine = EVP_EncryptInit_ex2(ecb, algorithms().ecb, key.mac_k.data(), nullptr, nullptr) == 1;
  EVP_CIPHER_CTX_set_padding(ecb, 0);
  fine = fine && EVP_EncryptUpdate(ecb, one_time.data() + 16, &written, iv, kIvSize) == 1;

  Tag tag{};
  std::size_t size = 0;
  EVP_MAC_CTX* poly = contexts().poly;
  fine = fine && EVP_MAC_init(poly, one_time.data(), one_time.size(), nullptr) == 1 &&
         EVP_MAC_update(poly, ciphertext.data(), ciphertext.size()) == 1 &&
         EVP_MAC_final(poly, tag.data(), &size, tag.size()) == 1;
  HF_CHECK(fine && size == tag.size(), "OpenSSL computes Poly1305");
  return tag;
}

// Writes the box of `plaintext` to `box`; the plaintext may lie at its place in it.
void seal_at(const BoxKey& key, env::Random& iv_source, ByteSpan plaintext, std::uint8_t* box) {
  std::array<std::uint8_t, kIvSize> iv{};
  do {
    iv_source.fill(iv);
  } while (iv == std::array<std::uint8_t, kIvSize>{});  // readers refuse an IV of zeros
  std::copy(iv.begin(), iv.end(), box);
  apply_ctr(key, iv.data(), plaintext, box + kIvSize);
  const Tag tag = tag_of(key, iv.data(), ByteSpan(box + kIvSize, plaintext.size()));
  std::copy(tag.begin(), tag.end(), box + kIvSize + plaintext.size());
}

}  // namespace

BoxKey BoxKey::from_bytes(const std::array<std::uint8_t, 64>& bytes) {
  BoxKey key;
  std::copy_n(bytes.begin(), 32, key.encrypt.begin());
  std::copy_n(bytes.begin() + 32, 16, key.mac_k.begin());
  std::copy_n(bytes.begin() + 48, 16, key.mac_r.begin());
  return key;
}

BoxKey BoxKey::random(env::Random& random) {
  std::array<std::uint8_t, 64> bytes{};
  random.fill(bytes);
  return from_bytes(bytes);
}

void seal(const BoxKey& key, env::Random& iv_source, ByteSpan plaintext, Buffer& out) {
  const std::size_t start = out.size();
  out.resize(start + plaintext.size() + kBoxOverhead);
  seal_at(key, iv_source, plaintext, out.data() + start);
}

void seal_in_place(const BoxKey& key, env::Random& iv_source, Buffer& box) {
  HF_CHECK(box.size() >= kBoxFront, "a box has room for its front");
  const std::size_t size = box.size() - kBoxFront;
  box.resize(size + kBoxOverhead);
  seal_at(key, iv_source, ByteSpan(box).subspan(kBoxFront, size), box.data());
}

Result<Buffer> open(const BoxKey& key, ByteSpan box) {
  if (box.size() < kBoxOverhead) {
    return Error(Code::kDataLoss, "the sealed data is too short to be whole");
  }
  const ByteSpan ciphertext = box.subspan(kIvSize, box.size() - kBoxOverhead);
  const Tag tag = tag_of(key, box.data(), ciphertext);
  if (!equal_constant_time(tag, box.last(kTagSize))) {
    return Error(Code::kDataLoss, "the sealed data is damaged or was sealed with another key");
  }
  Buffer plaintext(ciphertext.size());
  apply_ctr(key, box.data(), ciphertext, plaintext.data());
  return plaintext;
}

}  // namespace holdfast::crypto
