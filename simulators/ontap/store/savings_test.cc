#include "simulators/ontap/store/savings.h"

#include <gtest/gtest.h>

namespace holdfast::ontap_sim {
namespace {

TEST(PackedSize, IsThatOfAnEncodingWithBackReferences) {
  EXPECT_EQ(packed_size(""), 1u);
  EXPECT_EQ(packed_size("abcdefgh"), 9u) << "a token and what cannot be shortened";
  EXPECT_EQ(packed_size("abcdabcdabcdX"), 9u) << "abcd, back by 4 for 8, then X";
  EXPECT_LT(packed_size(std::string(32768, 'x')), 150u);
  std::string counted;
  for (int i = 0; counted.size() < 4096; ++i) {
    counted += std::to_string(i * 7919 % 1000003);
  }
  EXPECT_LT(packed_size(counted), counted.size() * 11 / 10) << "never much longer";
}

}  // namespace
}  // namespace holdfast::ontap_sim
