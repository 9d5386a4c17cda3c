#include "domain/inventory/systems.h"

#include <gtest/gtest.h>

#include "core/db/testing/temp_database.h"

namespace holdfast::inventory {
namespace {

using std::chrono::hours;

class StorageSystems : public ::testing::Test {
 protected:
  StorageSystems() {
    db::Database& database = *database_;
    const auto made = database.write_blocking([this](db::Connection& sql) {
      return put_system(sql, {"sys_1", "east", "ontap", JsonObject{{"name", "east"}}, now_});
    });
    EXPECT_TRUE(made) << made.error().to_string();
  }

  std::vector<std::string> look(const std::string& problem, const std::vector<std::string>& open) {
    std::vector<SystemEvent> events;
    for (const std::string& id : open) {
      events.push_back(
          {id, "east", "c1", "vol.offline", "error", "a volume is offline", "v", now_});
    }
    const auto fresh = database_->write_blocking([&](db::Connection& sql) {
      return note_look(sql, "east", problem, events, now_, now_ - hours(24));
    });
    EXPECT_TRUE(fresh) << fresh.error().to_string();
    std::vector<std::string> ids;
    for (const SystemEvent& event : *fresh) {
      ids.push_back(event.id);
    }
    return ids;
  }
  size_t open() {
    return database_->read_blocking([](db::Connection& sql) { return open_system_events(sql); })
        ->size();
  }
  StoredSystem system() {
    return *database_->read_blocking([](db::Connection& sql) { return find_system(sql, "east"); });
  }

  UtcTime now_{std::chrono::seconds(1'000'000'000)};
  db::TempDatabase database_{system_migrations()};
};

TEST_F(StorageSystems, TellEachEventOnceWhileItIsOpen) {
  EXPECT_EQ(look("", {"1", "2"}), (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(look("", {"2", "3"}), (std::vector<std::string>{"3"}));
  EXPECT_EQ(open(), 2u);
  EXPECT_EQ(look("", {"1"}), (std::vector<std::string>{"1"})) << "it has come back";
  EXPECT_EQ(open(), 1u);
}

TEST_F(StorageSystems, KeepTheirEventsWhileTheyDoNotAnswer) {
  look("", {"1"});
  EXPECT_TRUE(look("no answer", {}).empty());
  EXPECT_EQ(open(), 1u);
  EXPECT_EQ(system().problem, "no answer");
  look("", {"1"});
  EXPECT_EQ(system().problem, "");
  EXPECT_EQ(system().asked_at, now_);
}

TEST_F(StorageSystems, ShowHowFullTheyWereAtTheLastLook) {
  const auto look = [this](std::vector<AggregateSpace> seen) {
    ASSERT_TRUE(database_->write_blocking(
        [&](db::Connection& sql) { return note_capacity(sql, "east", seen); }));
  };
  const auto shown = [this] {
    return *database_->read_blocking([](db::Connection& sql) { return list_capacity(sql); });
  };
  look({{"east", "c1", "aggr1", 100, 40, 80, 60}, {"east", "c1", "aggr2", 100, 1, 0, 0}});
  ASSERT_EQ(shown().size(), 2u);
  EXPECT_DOUBLE_EQ(shown().front().efficiency(), 4.0);
  EXPECT_DOUBLE_EQ(shown().back().efficiency(), 0.0) << "not told";
  look({{"east", "c1", "aggr1", 100, 50, 80, 0}});
  ASSERT_EQ(shown().size(), 1u);
  EXPECT_EQ(shown().front().used, 50);
  ASSERT_TRUE(database_->write_blocking(
      [](db::Connection& sql) -> Status { return remove_system(sql, "sys_1"); }));
  EXPECT_TRUE(shown().empty());
}

TEST_F(StorageSystems, ForgetWhatClosedLongAgoAndEverythingWhenTheyGo) {
  look("", {"1"});
  look("", {});
  now_ += hours(25);
  look("", {"2"});
  EXPECT_EQ(look("", {"1", "2"}), (std::vector<std::string>{"1"}));
  ASSERT_TRUE(database_->write_blocking(
      [](db::Connection& sql) -> Status { return remove_system(sql, "sys_1"); }));
  EXPECT_EQ(open(), 0u);
}

}  // namespace
}  // namespace holdfast::inventory
