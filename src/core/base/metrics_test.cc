#include "core/base/metrics.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

bool holds(const std::string& line) {
  return metrics_text().find(line + "\n") != std::string::npos;
}

TEST(Metrics, AreShownWithTheirLabelsUntilTheyAreRemoved) {
  gauge("test_level", "a level", {{"tank", "north"}, {"kind", "oil"}}).set(3);
  gauge("test_level", "a level", {{"tank", "south"}, {"kind", "oil"}}).set(4);
  gauge("test_height", "a height", {{"tank", "north"}}).set(5);
  EXPECT_TRUE(holds("test_level{kind=\"oil\",tank=\"north\"} 3"));
  remove_gauges({{"tank", "north"}});
  EXPECT_EQ(metrics_text().find("north"), std::string::npos);
  EXPECT_TRUE(holds("test_level{kind=\"oil\",tank=\"south\"} 4"));
  gauge("test_level", "a level", {{"tank", "north"}, {"kind", "oil"}}).set(6);
  EXPECT_TRUE(holds("test_level{kind=\"oil\",tank=\"north\"} 6"));
}

}  // namespace
}  // namespace holdfast
