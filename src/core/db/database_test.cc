// What the port promises, whatever is behind it: run with HOLDFAST_TEST_DATABASE=postgres too.
#include "core/db/database.h"

#include <gtest/gtest.h>

#include <future>

#include "core/async/run.h"
#include "core/db/testing/test_store.h"

namespace holdfast::db {
namespace {

const Migrations kSchema = {
    {"test", 1, "CREATE TABLE thing(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT"}};

class DatabaseTest : public testing::Test {
 public:
  std::unique_ptr<Database> open(Options options = {}) {
    auto opened = store_.open(kSchema, options);
    EXPECT_TRUE(opened) << opened.error().to_string();
    return std::move(*opened);
  }

  TestStore store_;
};

Result<std::int64_t> add(Database& database, const std::string& name) {
  return database.write_blocking([name](Connection& sql) -> Result<std::int64_t> {
    HF_TRY(const auto row, sql.one("INSERT INTO thing(name) VALUES (?1) RETURNING id", name));
    return row->integer(0);
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
      HF_TRY(const auto row, sql.one("INSERT INTO thing(name) VALUES (?1) RETURNING id", "co"));
      return row->integer(0);
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

TEST_F(DatabaseTest, RefusesANewerSchemaInOneSentence) {
  Migrations newer = kSchema;
  newer.push_back({"test", 2, "CREATE TABLE more(id INTEGER PRIMARY KEY) STRICT"});
  {
    ASSERT_TRUE(store_.open(newer));
  }
  const auto opened = store_.open(kSchema);
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
  const auto opened = store_.open(edited);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Code::kFailedPrecondition);
}

TEST_F(DatabaseTest, AppliesOnlyTheStepsThatAreMissing) {
  {
    open();
  }
  Migrations longer = kSchema;
  longer.push_back({"other", 1, "CREATE TABLE more(id INTEGER PRIMARY KEY) STRICT"});
  ASSERT_TRUE(store_.open(longer));
  ASSERT_TRUE(store_.open(longer));
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

TEST_F(DatabaseTest, TheColumnDecidesTheTypeOfAValue) {
  const Migrations schema = {
      {"types", 1, "CREATE TABLE kinds(i INTEGER, r REAL, t TEXT, b BLOB) STRICT"}};
  const auto database = store_.open(schema).value();
  const auto check = [](Connection& sql) -> Status {
    HF_TRY_VOID(sql.exec("INSERT INTO kinds VALUES (?1, ?2, ?3, ?4)", true, 3, "", Buffer()));
    HF_TRY_VOID(sql.exec("INSERT INTO kinds VALUES (?1, ?2, ?3, ?4)", INT64_MIN, 0.1, "ä'\"?1",
                         Buffer{0, 255}));
    HF_TRY_VOID(
        sql.exec("INSERT INTO kinds VALUES (?1, ?2, ?3, ?4)", nullptr, nullptr, nullptr, nullptr));
    HF_TRY(const auto rows, sql.all("SELECT i, r, t, b FROM kinds ORDER BY r"));
    EXPECT_EQ(rows.size(), 3U);
    for (const Row& row : rows) {
      if (row.is_null(0)) {
        EXPECT_TRUE(row.is_null(1) && row.is_null(2) && row.is_null(3));
      } else if (row.boolean(0) && row.integer(0) == 1) {
        EXPECT_EQ(row.value(1), Value(3.0));
        EXPECT_EQ(row.value(2), Value(std::string()));
        EXPECT_EQ(row.value(3), Value(Buffer()));
      } else {
        EXPECT_EQ(row.integer(0), INT64_MIN);
        EXPECT_EQ(row.real(1), 0.1);
        EXPECT_EQ(row.text(2), "ä'\"?1");
        EXPECT_EQ(row.bytes(3), (Buffer{0, 255}));
      }
    }
    HF_TRY(const auto sums, sql.one("SELECT SUM(i), COUNT(*), COALESCE(SUM(i), 0) FROM kinds "
                                    "WHERE i > ?1",
                                    INT64_MIN));
    EXPECT_EQ(sums->integer(0) + sums->integer(1) + sums->integer(2), 3);
    return {};
  };
  const Status done = database->write_blocking(check);
  EXPECT_TRUE(done) << done.error().to_string();
}

TEST_F(DatabaseTest, OrdersTextsByTheirBytes) {
  auto database = open();
  for (const char* name : {"b", "a", "B", "ä", "-", "a-", "ab"}) {
    ASSERT_TRUE(add(*database, name));
  }
  const auto sorted =
      database->read_blocking([](Connection& sql) -> Result<std::vector<std::string>> {
        HF_TRY(const auto rows,
               sql.all("SELECT name FROM thing WHERE name > ?1 ORDER BY name", "B"));
        std::vector<std::string> found;
        for (const Row& row : rows) {
          found.push_back(row.text(0));
        }
        return found;
      });
  EXPECT_EQ(*sorted, (std::vector<std::string>{"a", "a-", "ab", "b", "ä"}));
}

TEST_F(DatabaseTest, AStatementThatFailedEndsItsClosure) {
  auto database = open();
  ASSERT_TRUE(add(*database, "taken"));
  const auto passes_over = [](Connection& sql) -> Status {
    HF_TRY_VOID(sql.exec("INSERT INTO thing(name) VALUES ('new')"));
    (void)sql.exec("INSERT INTO thing(name) VALUES ('taken')");
    return {};
  };
  const Status done = database->write_blocking(passes_over);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Code::kAlreadyExists) << done.error().to_string();
  EXPECT_EQ(names(*database)->size(), 1U);
}

TEST_F(DatabaseTest, WhatWasPostedIsTherePartlyNever) {
  auto database = open();
  const auto post = [](std::vector<std::string> all) {
    return [all](Connection& sql) -> Status {
      for (const std::string& name : all) {
        HF_TRY_VOID(sql.post("INSERT INTO thing(name) VALUES (?1)", name));
      }
      return {};
    };
  };
  EXPECT_TRUE(database->write_blocking(post({"a", "b"})));
  const Status refused = database->write_blocking(post({"c", "a", "d"}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kAlreadyExists) << refused.error().to_string();
  EXPECT_EQ(*names(*database), (std::vector<std::string>{"a", "b"}));
}

TEST_F(DatabaseTest, AReaderWritesNothing) {
  auto database = open();
  EXPECT_FALSE(database->read_blocking(
      [](Connection& sql) { return sql.exec("INSERT INTO thing(name) VALUES ('x')"); }));
  EXPECT_EQ(names(*database)->size(), 0U);
}

TEST_F(DatabaseTest, WalksManyRowsWhileOtherStatementsRun) {
  auto database = open();
  const auto walk = [](Connection& sql) -> Result<std::int64_t> {
    for (int i = 0; i < 1000; ++i) {
      HF_TRY_VOID(sql.post("INSERT INTO thing(name) VALUES (?1)", std::to_string(i)));
    }
    std::int64_t sum = 0;
    HF_TRY(auto outer, sql.prepare("SELECT id FROM thing WHERE id <= ?1 ORDER BY id", 901));
    while (true) {
      HF_TRY(const bool more, outer.step());
      if (!more) {
        return sum;
      }
      HF_TRY(auto inner,
             sql.prepare("SELECT id FROM thing WHERE id >= ?1 ORDER BY id", outer.integer(0)));
      HF_TRY(const bool found, inner.step());
      sum += found ? inner.integer(0) : 0;
    }
  };
  EXPECT_EQ(database->write_blocking(walk).value(), 901 * 902 / 2);
  EXPECT_EQ(database
                ->read_blocking([](Connection& sql) -> Result<std::int64_t> {
                  HF_TRY(auto rows, sql.prepare("SELECT id FROM thing"));
                  HF_TRY(const bool found, rows.step());
                  return found ? 1 : 0;
                })
                .value(),
            1);
}

TEST_F(DatabaseTest, MoreStatementsThanItKeepsPreparedStillWork) {
  auto database = open();
  const auto many = [](Connection& sql) -> Result<std::int64_t> {
    std::int64_t sum = 0;
    for (int i = 0; i < 1200; ++i) {
      HF_TRY(const auto row, sql.one("SELECT ?1 + " + std::to_string(i % 900), 1));
      sum += row->integer(0);
    }
    return sum;
  };
  EXPECT_EQ(database->write_blocking(many).value(), 1200 + 899 * 900 / 2 + 299 * 300 / 2);
}

}  // namespace
}  // namespace holdfast::db
