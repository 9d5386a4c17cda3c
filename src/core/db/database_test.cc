#include "core/db/database.h"

#include <gtest/gtest.h>

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "core/async/run.h"
#include "core/db/fault_vfs.h"

namespace holdfast::db {
namespace {

const Migrations kSchema = {
    {"test", 1, "CREATE TABLE thing(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT"}};

class DatabaseTest : public testing::Test {
 public:
  DatabaseTest() {
    std::string pattern = testing::TempDir() + "/holdfast-db-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  ~DatabaseTest() override { std::filesystem::remove_all(directory_); }

  std::string path() const { return directory_ + "/state.db"; }
  std::unique_ptr<Database> open(Options options = {}) {
    auto opened = Database::open(path(), kSchema, options);
    EXPECT_TRUE(opened) << opened.error().to_string();
    return std::move(*opened);
  }

  std::string directory_;
};

Result<std::int64_t> add(Database& database, const std::string& name) {
  return database.write_blocking([name](Connection& sql) -> Result<std::int64_t> {
    HF_TRY_VOID(sql.exec("INSERT INTO thing(name) VALUES (?1)", name));
    return sql.last_insert_id();
  });
}

Result<std::vector<std::string>> names(Database& database) {
  return database.read_blocking([](Connection& sql) -> Result<std::vector<std::string>> {
    HF_TRY(const auto rows, sql.all("SELECT name FROM thing ORDER BY id"));
    std::vector<std::string> found;
    for (const Row& row : rows) {
      found.push_back(row.text(0));
    }
    return found;
  });
}

Result<std::string> pragma(Connection& sql, const std::string& name) {
  HF_TRY(const auto row, sql.one("PRAGMA " + name));
  const Value& value = row->value(0);
  return std::holds_alternative<std::string>(value) ? row->text(0)
                                                    : std::to_string(row->integer(0));
}

TEST_F(DatabaseTest, KeepsWhatWasAcknowledgedAcrossReopening) {
  {
    auto database = open();
    ASSERT_TRUE(add(*database, "one"));
    EXPECT_EQ(*names(*database), std::vector<std::string>{"one"});
  }
  auto database = open();
  EXPECT_EQ(*names(*database), std::vector<std::string>{"one"});
}

TEST_F(DatabaseTest, RollsBackOnlyTheClosureThatFailed) {
  auto database = open();
  std::promise<void> hold;
  auto held = hold.get_future().share();
  // The first closure keeps the writer busy, so that the others gather into one group.
  database->submit_write(
      [held](Connection&) -> Status {
        held.wait();
        return {};
      },
      [](Status) {});
  std::vector<std::future<Result<std::int64_t>>> writers;
  for (const char* name : {"a", "b", "a", "c"}) {
    writers.push_back(std::async(std::launch::async, add, std::ref(*database), name));
  }
  hold.set_value();
  int failed = 0;
  for (auto& writer : writers) {
    const auto id = writer.get();
    if (!id) {
      ++failed;
      EXPECT_EQ(id.error().code(), Code::kAlreadyExists) << id.error().to_string();
    }
  }
  EXPECT_EQ(failed, 1);
  EXPECT_EQ(names(*database)->size(), 3U);
}

TEST_F(DatabaseTest, CommitsManyClosuresAtOnce) {
  auto database = open();
  std::promise<void> hold;
  auto held = hold.get_future().share();
  database->submit_write(
      [held](Connection&) -> Status {
        held.wait();
        return {};
      },
      [](Status) {});
  std::promise<void> all;
  for (int i = 0; i < 100; ++i) {
    database->submit_write(
        [i](Connection& sql) -> Status {
          HF_TRY_VOID(sql.exec("INSERT INTO thing(name) VALUES (?1)", std::to_string(i)));
          return {};
        },
        [i, &all](Status status) {
          EXPECT_TRUE(status);
          if (i == 99) {
            all.set_value();
          }
        });
  }
  hold.set_value();
  all.get_future().wait();
  EXPECT_EQ(database->stats().closures, 101U);
  EXPECT_LE(database->stats().commits, 3U);
}

TEST_F(DatabaseTest, WaitsInCoroutinesWithoutBlocking) {
  async::Pool pool("test", 1);  // goes after those who post to it
  auto database = open();
  static constexpr auto kWork = [](Database& db) -> Co<Result<std::int64_t>> {
    auto insert = [](Connection& sql) -> Result<std::int64_t> {
      HF_TRY_VOID(sql.exec("INSERT INTO thing(name) VALUES (?1)", "co"));
      return sql.last_insert_id();
    };
    HF_CO_TRY(const auto id, co_await db.write(insert));
    auto count = [](Connection& sql) -> Result<std::int64_t> {
      HF_TRY(const auto row, sql.one("SELECT count(*) FROM thing"));
      return row->integer(0);
    };
    HF_CO_TRY(const auto rows, co_await db.read(count));
    co_return id + rows;
  };
  const auto sum = async::block_on(pool.executor(), kWork(*database));
  ASSERT_TRUE(sum);
  EXPECT_EQ(*sum, 2);
}

TEST_F(DatabaseTest, OpensConnectionsInTheirRoles) {
  auto database = open();
  const auto check = [](Connection& sql) -> Status {
    for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
             {"query_only", "1"}, {"wal_autocheckpoint", "0"}, {"trusted_schema", "0"}}) {
      HF_TRY(const auto found, pragma(sql, name));
      EXPECT_EQ(found, value) << name;
    }
    const auto refused = sql.exec("DELETE FROM thing");
    EXPECT_FALSE(refused);
    return {};
  };
  ASSERT_TRUE(database->read_blocking(check));
  const auto check_writer = [](Connection& sql) -> Status {
    for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
             {"journal_mode", "wal"}, {"synchronous", "2"}, {"foreign_keys", "1"}}) {
      HF_TRY(const auto found, pragma(sql, name));
      EXPECT_EQ(found, value) << name;
    }
    return {};
  };
  ASSERT_TRUE(database->write_blocking(check_writer));
}

TEST_F(DatabaseTest, RefusesANewerSchemaInOneSentence) {
  Migrations newer = kSchema;
  newer.push_back({"test", 2, "CREATE TABLE more(id INTEGER PRIMARY KEY) STRICT"});
  {
    ASSERT_TRUE(Database::open(path(), newer));
  }
  const auto opened = Database::open(path(), kSchema);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Code::kFailedPrecondition);
  EXPECT_NE(opened.error().to_string().find("newer version"), std::string::npos);
  EXPECT_NE(opened.error().to_string().find("test 2"), std::string::npos);
}

TEST_F(DatabaseTest, RefusesAnEditedSchemaStep) {
  {
    open();
  }
  Migrations edited = kSchema;
  edited[0].sql += " ";
  const auto opened = Database::open(path(), edited);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Code::kFailedPrecondition);
}

TEST_F(DatabaseTest, AppliesOnlyTheStepsThatAreMissing) {
  {
    open();
  }
  Migrations longer = kSchema;
  longer.push_back({"other", 1, "CREATE TABLE more(id INTEGER PRIMARY KEY) STRICT"});
  ASSERT_TRUE(Database::open(path(), longer));
  ASSERT_TRUE(Database::open(path(), longer));
}

TEST_F(DatabaseTest, RefusesAFileThatIsNoDatabase) {
  std::ofstream(path()) << std::string(4096, 'x');
  const auto opened = Database::open(path(), kSchema);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Code::kDataLoss) << opened.error().to_string();
}

TEST_F(DatabaseTest, RoundTripsEveryTypeOfValue) {
  auto database = open();
  const UtcTime time{Nanoseconds{1234567890123456789}};
  const auto check = [time](Connection& sql) -> Status {
    HF_TRY(const auto row, sql.one("SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7", true, -5, 2.5, "text",
                                   Buffer{1, 0, 2}, time, std::optional<std::string>()));
    EXPECT_TRUE(row->boolean(0));
    EXPECT_EQ(row->integer(1), -5);
    EXPECT_EQ(row->real(2), 2.5);
    EXPECT_EQ(row->text(3), "text");
    EXPECT_EQ(row->bytes(4), (Buffer{1, 0, 2}));
    EXPECT_EQ(row->time(5), time);
    EXPECT_FALSE(row->optional_text(6));
    EXPECT_EQ(row->text(6), "");
    return {};
  };
  ASSERT_TRUE(database->read_blocking(check));
}

// Fails each durable operation of a small life in turn: what was acknowledged is there afterwards,
// what failed may or may not be, and nothing else is.
class DatabaseFaults : public DatabaseTest, public testing::WithParamInterface<Fault> {};

TEST_P(DatabaseFaults, LosesNothingThatWasAcknowledged) {
  bool finished = false;
  for (std::uint64_t n = 1; !finished; ++n) {
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directory(directory_);
    FaultVfs vfs;
    vfs.arm(n, GetParam());
    std::vector<std::string> acknowledged;
    Options options;
    options.vfs = vfs.name();
    if (auto database = Database::open(path(), kSchema, options)) {
      for (int i = 0; i < 3; ++i) {
        const std::string name = "row" + std::to_string(i);
        if (add(**database, name)) {
          acknowledged.push_back(name);
        }
      }
      (void)(*database)->checkpoint();
    }
    finished = !vfs.struck();
    vfs.disarm();
    auto again = Database::open(path(), kSchema, options);
    ASSERT_TRUE(again) << "operation " << n << ": " << again.error().to_string();
    const auto found = names(**again);
    ASSERT_TRUE(found);
    for (const std::string& name : acknowledged) {
      EXPECT_TRUE(std::ranges::find(*found, name) != found->end())
          << name << " after operation " << n;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Every, DatabaseFaults,
                         testing::Values(Fault::kError, Fault::kFull, Fault::kKill,
                                         Fault::kTornKill));

}  // namespace
}  // namespace holdfast::db
