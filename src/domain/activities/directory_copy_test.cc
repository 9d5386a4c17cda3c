#include "domain/activities/directory_copy.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace holdfast::activities {
namespace {

class DirectoryCopy : public testing::Test {
 protected:
  DirectoryCopy() {
    std::string pattern = testing::TempDir() + "/holdfast-copy-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    request_.snapshot_path = root_ + "/snapshot";
    request_.target = root_ + "/target";
    std::filesystem::create_directory(request_.snapshot_path);
    write(request_.snapshot_path + "/kept", "good");
    write(request_.snapshot_path + "/rotten", "good");
    EXPECT_TRUE(copy_directory(request_, {}));
  }
  ~DirectoryCopy() override { std::filesystem::remove_all(root_); }

  static void write(const std::string& path, const std::string& text) {
    std::ofstream(path) << text;
  }
  // Changes bytes and keeps size and times, as a failing disk or an intruder does.
  static void rot(const std::string& path) {
    struct stat before{};
    ASSERT_EQ(::stat(path.c_str(), &before), 0);
    write(path, "evil");
    const timespec times[2] = {before.st_atim, before.st_mtim};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  }

  std::string root_;
  RestoreRequest request_;
};

TEST_F(DirectoryCopy, CountsNothingWhereEverythingIsThere) {
  const auto plan = decode<RestorePlan>(plan_directory_copy(request_).value());
  EXPECT_EQ(plan.creates + plan.overwrites + plan.deletes, 0u);
}

TEST_F(DirectoryCopy, ProposesToOverwriteBytesThatChangedBehindAnUnchangedLook) {
  rot(request_.target + "/rotten");
  const auto plan = decode<RestorePlan>(plan_directory_copy(request_).value());
  EXPECT_EQ(plan.overwrite_sample, std::vector<std::string>{"rotten"});
}

TEST_F(DirectoryCopy, ASinglePathIsComparedByItsBytesToo) {
  rot(request_.target + "/rotten");
  request_.paths = {"rotten"};
  EXPECT_FALSE(get_bool(compare_directory_copy(request_, {}).value(), "good", true));
  ASSERT_TRUE(copy_directory(request_, {}));
  EXPECT_TRUE(get_bool(compare_directory_copy(request_, {}).value(), "good"));
}

}  // namespace
}  // namespace holdfast::activities
