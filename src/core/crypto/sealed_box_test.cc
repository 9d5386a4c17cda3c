#include "core/crypto/sealed_box.h"

#include <gtest/gtest.h>

#include "core/crypto/digest.h"
#include "core/crypto/key_derivation.h"
#include "core/env/sim/seeded_random.h"

namespace holdfast::crypto {
namespace {

TEST(Sha256, GivesTheSameInPiecesAsAtOnce) {
  Sha256 hasher;
  hasher.update(as_bytes("ab"));
  hasher.update(as_bytes("c"));
  EXPECT_EQ(to_hex(hasher.finish()),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  hasher.update(as_bytes("abc"));
  EXPECT_EQ(hasher.finish(), digest_of(as_bytes("abc")));
}

TEST(Digest, IsReadFromLowerCaseOnly) {
  const std::string text = sha256_hex(as_bytes(""));
  EXPECT_EQ(to_hex(parse_digest(text).value()), text);
  EXPECT_FALSE(parse_digest("E3" + text.substr(2)));
  EXPECT_FALSE(parse_digest(text.substr(2)));
}

TEST(Scrypt, AgreesWithRfc7914) {
  const auto key = scrypt(SecretString("password"), as_bytes("NaCl"), {1024, 8, 16}, 64);
  ASSERT_TRUE(key);
  EXPECT_EQ(to_hex(*key),
            "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
            "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640");
}

TEST(Scrypt, RefusesWhatWouldExhaustMemory) {
  EXPECT_FALSE(scrypt(SecretString("x"), as_bytes("y"), {std::uint64_t{1} << 40, 8, 1}, 64));
  EXPECT_FALSE(scrypt(SecretString("x"), as_bytes("y"), {1000, 8, 1}, 64));
}

TEST(SealedBox, OpensWhatItSealed) {
  env::SeededRandom random(1);
  const BoxKey key = BoxKey::random(random);
  for (const std::size_t size : {0u, 1u, 15u, 16u, 17u, 100'000u}) {
    const Buffer plain = random_bytes(random, size);
    Buffer box{1, 2, 3};
    seal(key, random, plain, box);
    EXPECT_EQ(box.size(), 3 + size + kBoxOverhead);
    EXPECT_EQ(open(key, ByteSpan(box).subspan(3)).value(), plain);
  }
}

TEST(SealedBox, RefusesEveryFlippedByte) {
  env::SeededRandom random(2);
  const BoxKey key = BoxKey::random(random);
  Buffer box;
  seal(key, random, as_bytes("forty two bytes of text that must be whole"), box);
  for (std::uint8_t& byte : box) {
    byte ^= 0x40;
    EXPECT_EQ(open(key, box).error().code(), Code::kDataLoss);
    byte ^= 0x40;
  }
  EXPECT_TRUE(open(key, box));
  EXPECT_FALSE(open(BoxKey::random(random), box));
  EXPECT_FALSE(open(key, ByteSpan(box).first(31)));
}

TEST(SealedBox, InPlaceIsTheSameBox) {
  for (const std::string_view text : {"", "some plaintext"}) {
    env::SeededRandom random(1);
    const BoxKey key = BoxKey::random(random);
    env::SeededRandom first(2);
    env::SeededRandom second(2);
    Buffer expected;
    seal(key, first, as_bytes(text), expected);
    Buffer box(kBoxFront);
    box.insert(box.end(), text.begin(), text.end());
    seal_in_place(key, second, box);
    EXPECT_EQ(box, expected);
  }
}

}  // namespace
}  // namespace holdfast::crypto
