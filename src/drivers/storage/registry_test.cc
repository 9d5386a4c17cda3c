#include "drivers/storage/registry.h"

#include <gtest/gtest.h>

namespace holdfast::storage {
namespace {

TEST(Registry, MakesEveryKindItNames) {
  async::Pool pool("storage", 1);
  for (const std::string& kind : driver_kinds()) {
    const auto driver = make_driver(kind, pool);
    ASSERT_TRUE(driver) << driver.error().to_string();
    EXPECT_EQ((*driver)->kind(), kind);
  }
}

TEST(Registry, NamesTheKindsWhenAskedForAnother) {
  async::Pool pool("storage", 1);
  const auto driver = make_driver("zfs", pool);
  ASSERT_FALSE(driver);
  EXPECT_EQ(driver.error().code(), Code::kInvalidArgument);
  EXPECT_NE(driver.error().to_string().find("btrfs, directory"), std::string::npos);
}

TEST(Registry, TakesADirectoryWhereThereIsNoBtrfs) {
  EXPECT_EQ(suitable_kind("/proc"), "directory");
  EXPECT_EQ(suitable_kind("/there/is/nothing/here"), "directory");
}

TEST(Consistency, ReadsWhatItWrites) {
  for (const auto value : {Consistency::kNone, Consistency::kCrash, Consistency::kApplication}) {
    EXPECT_EQ(*parse_consistency(consistency_name(value)), value);
  }
  EXPECT_FALSE(parse_consistency("perfect"));
}

}  // namespace
}  // namespace holdfast::storage
