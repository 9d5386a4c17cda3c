#include "core/env/posix/process.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

namespace holdfast::env {
namespace {

std::string file_text(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class Process : public testing::Test {
 protected:
  Process() { std::filesystem::create_directories(dir_); }
  ~Process() override { std::filesystem::remove_all(dir_); }
  std::string dir_ = testing::TempDir() + "process_" + std::to_string(::getpid());
};

TEST_F(Process, GivesExitCodeAndOutput) {
  const auto result = run_shell("echo out; echo err >&2; exit 3", {});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->exit_code, 3);
  EXPECT_EQ(result->output, "out\nerr\n");
}

TEST_F(Process, PassesDirectoryAndEnvironment) {
  CommandOptions options;
  options.directory = dir_;
  options.environment["HOLDFAST_X"] = "y z";
  const auto result = run_shell("pwd -P; echo \"$HOLDFAST_X\"", options);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->output, std::filesystem::canonical(dir_).string() + "\ny z\n");
}

TEST_F(Process, SaysThatAProgramIsMissing) {
  const auto result = run_program({"/no/such/program"}, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::kNotFound);
}

TEST_F(Process, KillsTheWholeGroupAtTheDeadline) {
  CommandOptions options;
  options.timeout = std::chrono::milliseconds(300);
  const auto result = run_shell("sleep 1000 & sleep 1000", options);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::kDeadlineExceeded);
}

TEST_F(Process, StopsWhenAsked) {
  std::stop_source source;
  CommandOptions options;
  options.stop = source.get_token();
  source.request_stop();
  EXPECT_EQ(run_shell("sleep 1000", options).error().code(), Code::kCancelled);
}

TEST_F(Process, GuardReleasesOnceWhenTold) {
  auto guard = ReleaseGuard::start("echo released >> " + dir_ + "/log", std::chrono::hours(1));
  ASSERT_TRUE(guard);
  EXPECT_TRUE((*guard)->still_held());
  ASSERT_TRUE((*guard)->release());
  EXPECT_FALSE((*guard)->still_held());
  guard->reset();
  EXPECT_EQ(file_text(dir_ + "/log"), "released\n");
}

TEST_F(Process, GuardReleasesAtItsDeadline) {
  auto guard = ReleaseGuard::start("echo released >> " + dir_ + "/log", std::chrono::seconds(1));
  ASSERT_TRUE(guard);
  while (file_text(dir_ + "/log").empty()) {
    std::this_thread::yield();
  }
  EXPECT_FALSE((*guard)->still_held());
}

TEST_F(Process, GuardReleasesWhenItsProcessIsKilled) {
  const int child = ::fork();
  if (child == 0) {
    auto guard = ReleaseGuard::start("echo released >> " + dir_ + "/log", std::chrono::hours(1));
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  while (file_text(dir_ + "/log").empty()) {
    std::this_thread::yield();
  }
  EXPECT_EQ(file_text(dir_ + "/log"), "released\n");
}

}  // namespace
}  // namespace holdfast::env
