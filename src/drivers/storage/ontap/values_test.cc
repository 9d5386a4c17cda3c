#include "drivers/storage/ontap/values.h"

#include <gtest/gtest.h>

namespace holdfast::storage::ontap {
namespace {

TEST(OntapValues, ReadsTimesWithAnyOffset) {
  const auto plain = parse_time("2025-01-01T01:00:00+01:00");
  ASSERT_TRUE(plain) << plain.error().to_string();
  EXPECT_EQ(to_rfc3339(*plain), "2025-01-01T00:00:00Z");
  const auto compact = parse_time("2020-10-25T11:20:00.000+0000");
  ASSERT_TRUE(compact) << compact.error().to_string();
  EXPECT_EQ(to_rfc3339(*compact), "2020-10-25T11:20:00Z");
  EXPECT_FALSE(parse_time("infinite"));
}

TEST(OntapValues, ReadsDurations) {
  using std::chrono::hours;
  using std::chrono::seconds;
  EXPECT_EQ(*parse_iso_duration("PT4M12S"), seconds(252));
  EXPECT_EQ(*parse_iso_duration("P1DT2H"), hours(26));
  EXPECT_EQ(*parse_iso_duration("P2W"), hours(336));
  EXPECT_EQ(*parse_iso_duration("PT0.5S"), std::chrono::milliseconds(500));
  EXPECT_EQ(*parse_iso_duration("PT0S"), seconds(0));
  for (const char* wrong : {"", "P", "4M", "PT-3S", "P3H", "PT3X", "PT3", "PTTS"}) {
    EXPECT_FALSE(parse_iso_duration(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace holdfast::storage::ontap
