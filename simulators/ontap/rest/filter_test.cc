#include "simulators/ontap/rest/filter.h"

#include <gtest/gtest.h>

namespace holdfast::ontap_sim {
namespace {

constexpr Field kName{"name", FieldType::kText};
constexpr Field kBytes{"size", FieldType::kSize};
constexpr Field kLag{"lag_time", FieldType::kDuration};
constexpr Field kWhen{"time", FieldType::kTime};
constexpr Field kOn{"enabled", FieldType::kFlag};

bool passes(const Field& field, std::string_view text, const std::vector<Json>& values) {
  const auto filter = Filter::parse(field, text);
  EXPECT_TRUE(filter) << text;
  std::vector<const Json*> pointers;
  for (const Json& value : values) {
    pointers.push_back(&value);
  }
  return filter && filter->matches(pointers);
}

TEST(Filter, KnowsWildcardsAlternativesAndNegation) {
  EXPECT_TRUE(passes(kName, "vol*", {"vol1"}));
  EXPECT_FALSE(passes(kName, "vol*", {"data1"}));
  EXPECT_TRUE(passes(kName, "a|b", {"b"}));
  EXPECT_TRUE(passes(kName, "a,b", {"b"}));
  EXPECT_FALSE(passes(kName, "!a", {"a"}));
  EXPECT_TRUE(passes(kName, "!a", {"b"}));
  EXPECT_TRUE(passes(kName, "!vol*", {"data"}));
  EXPECT_TRUE(passes(kName, "*b*", {"abc"}));
}

TEST(Filter, TakesQuotedTextAsItIs) {
  EXPECT_TRUE(passes(kName, "\"a|b\"", {"a|b"}));
  EXPECT_TRUE(passes(kName, "{a*}", {"a*"}));
  EXPECT_FALSE(passes(kName, "{a*}", {"ab"}));
}

TEST(Filter, ComparesSizesDurationsAndTimes) {
  EXPECT_TRUE(passes(kBytes, ">1GB", {std::int64_t{2} << 30}));
  EXPECT_FALSE(passes(kBytes, "<1GB", {std::int64_t{1} << 30}));
  EXPECT_TRUE(passes(kBytes, "<=1GB", {std::int64_t{1} << 30}));
  EXPECT_TRUE(passes(kBytes, "1k..2k", {1500}));
  EXPECT_TRUE(passes(kBytes, "1GB", {std::int64_t{1} << 30}));
  EXPECT_TRUE(passes(kLag, ">P2DT", {"P3D"}));
  EXPECT_FALSE(passes(kLag, ">P2DT", {"PT40H"}));
  EXPECT_TRUE(passes(kWhen, ">=2025-01-01T00:00:00Z", {"2025-01-01T01:00:00+00:00"}));
  EXPECT_TRUE(passes(kWhen, "<2025-01-01T00:00:00Z", {"2025-01-01T00:30:00+01:00"}));
}

TEST(Filter, LeavesOutUnsetFieldsUnlessNullIsSaid) {
  EXPECT_FALSE(passes(kBytes, "<10", {}));
  EXPECT_TRUE(passes(kBytes, "<10|null", {}));
  EXPECT_TRUE(passes(kName, "null", {}));
  EXPECT_FALSE(passes(kName, "!null", {}));
  EXPECT_TRUE(passes(kName, "!null", {"x"}));
}

TEST(Filter, TakesFlagsAsClientsWriteThem) {
  EXPECT_TRUE(passes(kOn, "True", {true}));
  EXPECT_TRUE(passes(kOn, "false", {false}));
  EXPECT_FALSE(Filter::parse(kOn, "maybe"));
  EXPECT_FALSE(Filter::parse(kBytes, ">many"));
  EXPECT_EQ(Filter::parse(kBytes, ">many").error().code, 262197);
}

TEST(Filter, MatchesAnyElementOfAnArray) { EXPECT_TRUE(passes(kName, "b", {"a", "b"})); }

}  // namespace
}  // namespace holdfast::ontap_sim
