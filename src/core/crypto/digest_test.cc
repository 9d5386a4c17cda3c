#include "core/crypto/digest.h"

#include <gtest/gtest.h>

namespace holdfast::crypto {
namespace {

TEST(Digest, AgreesWithThePublishedVectors) {
  EXPECT_EQ(to_hex(digest_of({})),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(digest_of(as_bytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace holdfast::crypto
