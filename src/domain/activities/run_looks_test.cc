#include "domain/activities/run_looks.h"

#include <gtest/gtest.h>

namespace holdfast::activities {
namespace {

storage::Volume volume(const std::string& id) {
  storage::Volume made;
  made.id = id;
  return made;
}

TEST(RunLooks, AreSharedWithinARunAndNotBeyondIt) {
  RunLooks looks;
  const MonoTime now{std::chrono::seconds(100)};
  looks.keep("run_1", "ontap//data", volume("v1"), now);
  const auto seen = looks.find("run_1", "ontap//data", now + std::chrono::seconds(29));
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->id, "v1");
  EXPECT_FALSE(looks.find("run_2", "ontap//data", now));
  EXPECT_FALSE(looks.find("run_1", "ontap//other", now));
}

TEST(RunLooks, AreOverAfterHalfAMinuteHoweverOftenTheyAreUsed) {
  RunLooks looks;
  const MonoTime now{std::chrono::seconds(100)};
  looks.keep("run_1", "ontap//data", volume("v1"), now);
  for (int i = 0; i < 30; ++i) {
    EXPECT_TRUE(looks.find("run_1", "ontap//data", now + std::chrono::seconds(i)));
  }
  EXPECT_FALSE(looks.find("run_1", "ontap//data", now + RunLooks::kFresh));
  EXPECT_FALSE(looks.find("run_1", "ontap//data", now)) << "it has been forgotten";
}

TEST(RunLooks, TakeTheNewestLook) {
  RunLooks looks;
  const MonoTime now{std::chrono::seconds(100)};
  looks.keep("run_1", "ontap//data", volume("v1"), now);
  looks.keep("run_1", "ontap//data", volume("v2"), now + std::chrono::seconds(20));
  EXPECT_EQ(looks.find("run_1", "ontap//data", now + std::chrono::seconds(40))->id, "v2");
}

}  // namespace
}  // namespace holdfast::activities
