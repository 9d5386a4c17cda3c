#include "daemon/data_dir.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "core/audit/audit.h"
#include "core/db/testing/temp_database.h"
#include "core/env/sim/manual_clock.h"
#include "core/env/sim/seeded_random.h"
#include "daemon/owner_key.h"
#include "domain/access/keys.h"

namespace holdfast::daemon {
namespace {

class DataDir : public testing::Test {
 protected:
  ~DataDir() override { std::filesystem::remove_all(dir_); }
  std::string dir_ = testing::TempDir() + "data_dir_" + std::to_string(::getpid());
};

TEST_F(DataDir, IsPrivateAndHeldByOneServer) {
  const auto first = DirectoryLock::take(dir_);
  ASSERT_TRUE(first) << first.error().to_string();
  struct stat info{};
  ASSERT_EQ(::stat(dir_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700u);
  const auto second = DirectoryLock::take(dir_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Code::kConflict);
  EXPECT_NE(second.error().message().find(std::to_string(::getpid())), std::string::npos);
}

TEST_F(DataDir, IsFreeAgainWhenItsServerWasKilled) {
  const int child = ::fork();
  if (child == 0) {
    const auto held = DirectoryLock::take(dir_);
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(DirectoryLock::take(dir_));
}

TEST_F(DataDir, TheOwnersKeySurvivesALostDatabaseAndIsResetOnDemand) {
  std::filesystem::create_directories(dir_);
  db::Migrations schema = access::migrations();
  for (const db::Migration& step : audit::migrations()) {
    schema.push_back(step);
  }
  env::ManualClock clock{UtcTime(std::chrono::seconds(1'000'000'000))};
  env::SeededRandom random(3);
  const auto works = [](db::Database& database, const std::string& token) {
    return database
        .write_blocking([token](db::Connection& sql) { return access::authenticate(sql, token); })
        .has_value();
  };
  db::TempDatabase database(schema);
  ASSERT_TRUE(ensure_owner_key(*database, clock, random, dir_, false));
  const std::string token = read_token(dir_)->expose();
  EXPECT_TRUE(works(*database, token));
  ASSERT_TRUE(ensure_owner_key(*database, clock, random, dir_, false));
  EXPECT_EQ(read_token(dir_)->expose(), token);

  db::TempDatabase fresh(schema);
  ASSERT_TRUE(ensure_owner_key(*fresh, clock, random, dir_, false));
  EXPECT_TRUE(works(*fresh, token));

  ASSERT_TRUE(ensure_owner_key(*fresh, clock, random, dir_, true));
  EXPECT_FALSE(works(*fresh, token));
  EXPECT_TRUE(works(*fresh, read_token(dir_)->expose()));
}

}  // namespace
}  // namespace holdfast::daemon
