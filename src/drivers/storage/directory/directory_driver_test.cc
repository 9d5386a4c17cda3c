#include "drivers/storage/directory/directory_driver.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "drivers/storage/driver_contract.h"

namespace holdfast::storage {
namespace {

class DirectoryBed {
 public:
  static std::string unavailable() { return ""; }

  DirectoryBed() {
    std::string pattern = ::testing::TempDir() + "/holdfast-directory-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    std::filesystem::create_directory(path());
  }
  ~DirectoryBed() { std::filesystem::remove_all(root_); }

  Driver& driver() { return *driver_; }
  std::string path() const { return root_ + "/volume"; }
  std::string outside() const { return root_ + "/nowhere"; }

 private:
  async::Pool pool_{"storage", 1};
  std::unique_ptr<Driver> driver_ = make_directory_driver(pool_);
  std::string root_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Directory, DriverContract, DirectoryBed);

TEST(DirectoryDriver, FollowsALinkToWhatItProtects) {
  DirectoryBed bed;
  async::Pool loop("loop", 1);
  const std::string link = bed.outside();
  std::filesystem::create_directory_symlink(bed.path(), link);
  const auto volume = async::block_on(loop.executor(), bed.driver().resolve(link));
  ASSERT_TRUE(volume) << volume.error().to_string();
  EXPECT_EQ(volume->path, std::filesystem::canonical(bed.path()).string());
}

}  // namespace
}  // namespace holdfast::storage
