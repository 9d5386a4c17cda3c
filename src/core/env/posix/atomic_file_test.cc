#include "core/env/posix/atomic_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace holdfast::env {
namespace {

class AtomicFile : public testing::Test {
 protected:
  AtomicFile() { std::filesystem::create_directories(dir_); }
  ~AtomicFile() override { std::filesystem::remove_all(dir_); }
  std::string dir_ = testing::TempDir() + "atomic_file_" + std::to_string(::getpid());
};

TEST_F(AtomicFile, ReplacesTheWholeContentWithItsMode) {
  const std::string path = dir_ + "/secret";
  ASSERT_TRUE(write_file_atomically(path, "one", 0644));
  ASSERT_TRUE(write_file_atomically(path, "two", 0600));
  EXPECT_EQ(read_small_file(path).value(), "two");
  struct stat info{};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir_), {}), 1);
}

TEST_F(AtomicFile, SaysWhichPathCannotBeWritten) {
  const Status status = write_file_atomically(dir_ + "/absent/file", "x", 0600);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), Code::kNotFound);
  EXPECT_NE(status.error().message().find("/absent/file"), std::string::npos);
}

TEST_F(AtomicFile, RefusesToReadWhatIsTooLong) {
  const std::string path = dir_ + "/long";
  ASSERT_TRUE(write_file_atomically(path, std::string(5000, 'x'), 0600));
  EXPECT_EQ(read_small_file(path, 100).error().code(), Code::kResourceExhausted);
  EXPECT_EQ(read_small_file(path).value().size(), 5000u);
}

TEST_F(AtomicFile, MakesParentsOnce) {
  ASSERT_TRUE(make_directories(dir_ + "/a/b/c", 0700));
  ASSERT_TRUE(make_directories(dir_ + "/a/b/c", 0700));
  EXPECT_TRUE(std::filesystem::is_directory(dir_ + "/a/b/c"));
}

}  // namespace
}  // namespace holdfast::env
