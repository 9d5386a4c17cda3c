// What only a server has: connections that end, others that want the same database, its own errors.
// Runs with HOLDFAST_TEST_DATABASE=postgres.
#include "core/db/postgres.h"

#include <gtest/gtest.h>

#include <future>

#include "core/base/log.h"
#include "core/db/testing/cutting_proxy.h"
#include "core/db/testing/test_store.h"

namespace holdfast::db {
namespace {

const Migrations kSchema = {
    {"test", 1, "CREATE TABLE thing(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT"}};

class PostgresTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!TestStore::on_postgres()) {
      GTEST_SKIP() << "about a server; set HOLDFAST_TEST_DATABASE=postgres";
    }
    set_log_level(LogLevel::kError);  // what is lost on purpose is told by the tests themselves
    store_ = std::make_unique<TestStore>();
  }
  Result<std::unique_ptr<Database>> open(const PostgresOptions& server) {
    return Database::open(server, kSchema);
  }

  std::unique_ptr<TestStore> store_;
};

Status add(Database& database, const std::string& name) {
  return database.write_blocking([name](Connection& sql) -> Status {
    return status_of(sql.exec("INSERT INTO thing(name) VALUES (?1)", name));
  });
}

// A read whose connection is cut is told so, and the next one works.
std::vector<std::string> names(Database& database) {
  const auto read = [](Connection& sql) -> Result<std::vector<std::string>> {
    HF_TRY(const auto rows, sql.all("SELECT name FROM thing ORDER BY id"));
    std::vector<std::string> all;
    for (const Row& row : rows) {
      all.push_back(row.text(0));
    }
    return all;
  };
  auto found = database.read_blocking(read);
  if (!found) {
    EXPECT_EQ(found.error().retry(), Retry::kTransient);
    found = database.read_blocking(read);
  }
  EXPECT_TRUE(found) << found.error().to_string();
  return found.value_or(std::vector<std::string>());
}

// The connection is cut at every message of a small life in turn: what was acknowledged is there,
// what was refused is not, and nothing is in doubt.
TEST_F(PostgresTest, TellsExactlyWhatHappenedWhereverTheConnectionIsCut) {
  int lost_answers = 0;
  for (const Cut how : {Cut::kBefore, Cut::kAfter}) {
    for (std::uint64_t n = 1, done = 0; done == 0; ++n) {
      const TestStore store;
      CuttingProxy proxy(TestStore::server().folder());
      proxy.arm(n, how);
      std::vector<std::string> acknowledged;
      if (auto database = open(store.postgres(proxy.folder()))) {
        for (int i = 0; i < 4; ++i) {
          const std::string name = "row" + std::to_string(i);
          const Status added = add(**database, name);
          if (added) {
            acknowledged.push_back(name);
          } else {
            EXPECT_EQ(added.error().code(), Code::kUnavailable) << added.error().to_string();
            EXPECT_EQ(added.error().retry(), Retry::kTransient);
          }
        }
        lost_answers += how == Cut::kAfter && proxy.cuts() > 0 && acknowledged.size() == 4;
        EXPECT_EQ(names(**database), acknowledged) << "message " << n;
      }
      done = proxy.cuts() == 0 ? 1 : 0;
    }
  }
  EXPECT_GE(lost_answers, 4);  // every COMMIT whose answer was lost was found to have happened
}

TEST_F(PostgresTest, GoesOnAfterTheServerCrashed) {
  PostgresOptions server = store_->postgres();
  server.lease = std::chrono::seconds(60);
  auto database = open(server).value();
  ASSERT_TRUE(add(*database, "before"));
  TestStore::server().restart();
  ASSERT_TRUE(add(*database, "after"));
  EXPECT_EQ(names(*database), (std::vector<std::string>{"before", "after"}));
}

TEST_F(PostgresTest, NoticesALostConnectionAlthoughIdle) {
  const auto database = open(store_->postgres()).value();
  // The process of the session that has the lock; 0: none has.
  const auto holder = [this]() -> std::int64_t {
    const auto found = TestStore::server().connect()->run(
        "SELECT l.pid FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE "
        "l.locktype = 'advisory' AND a.application_name = ?1",
        {store_->schema()});
    return found->rows.empty() ? 0 : found->rows.front().integer(0);
  };
  const std::int64_t before = holder();
  EXPECT_GT(TestStore::server().cut(store_->schema()), 1);
  while (holder() == before || holder() == 0) {  // the writer comes back by itself
  }
  EXPECT_TRUE(add(*database, "x"));
}

TEST_F(PostgresTest, OneAtATimeAndTheNextAtOnceWhenItCloses) {
  auto first = open(store_->postgres()).value();
  PostgresOptions other = store_->postgres();
  other.holder = "other";
  std::stop_source stop;  // any waiting ends at once, with an error
  stop.request_stop();
  other.stop = stop.get_token();
  const auto refused = open(other);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kConflict);
  EXPECT_NE(refused.error().to_string().find("active: test"), std::string::npos)
      << refused.error().to_string();
  ASSERT_TRUE(add(*first, "x"));
  first.reset();
  const auto second = open(other);
  ASSERT_TRUE(second) << second.error().to_string();
  EXPECT_EQ(names(**second).size(), 1U);
}

TEST_F(PostgresTest, TwoSchemasOfOneDatabaseDoNotKnowEachOther) {
  const TestStore beside;
  const auto first = open(store_->postgres());
  EXPECT_TRUE(open(beside.postgres()));
}

// The first one's connection is gone; another takes over; the first comes back and must see it.
TEST_F(PostgresTest, WritesNothingOnceAnotherTookOverAndTellsItsOwner) {
  CuttingProxy proxy(TestStore::server().folder());
  PostgresOptions mine = store_->postgres(proxy.folder());
  mine.lease = std::chrono::hours(1);
  std::promise<std::string> told;
  mine.on_lost = [&told](const Error& why) { told.set_value(why.to_string()); };
  const auto first = open(mine).value();
  ASSERT_TRUE(add(*first, "mine"));
  proxy.arm(1, Cut::kBefore, /*again=*/true);  // from now on nothing of it arrives
  PostgresOptions other = store_->postgres();
  other.holder = "other";
  other.lease = std::chrono::milliseconds(1);
  auto second = open(other);
  while (!second) {  // until the server has noticed
    EXPECT_EQ(second.error().code(), Code::kConflict) << second.error().to_string();
    second = open(other);
  }
  ASSERT_TRUE(add(**second, "theirs"));
  proxy.disarm();
  EXPECT_NE(told.get_future().get().find("another server took over"), std::string::npos);
  const Status late = add(*first, "late");
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), Code::kUnavailable);
  EXPECT_EQ(names(**second), (std::vector<std::string>{"mine", "theirs"}));
  EXPECT_FALSE(first->read_blocking([](Connection&) -> Status { return {}; }));
}

TEST_F(PostgresTest, IsLostWhenTheServerStaysAwayForTheLease) {
  CuttingProxy proxy(TestStore::server().folder());
  PostgresOptions mine = store_->postgres(proxy.folder());
  mine.lease = std::chrono::milliseconds(50);
  std::promise<void> told;
  mine.on_lost = [&told](const Error&) { told.set_value(); };
  const auto database = open(mine).value();
  proxy.arm(1, Cut::kBefore, /*again=*/true);
  EXPECT_FALSE(add(*database, "x"));
  told.get_future().wait();
}

TEST_F(PostgresTest, MapsTheServersErrors) {
  const auto database = open(store_->postgres()).value();
  const std::vector<std::tuple<std::string, Code, Retry>> cases = {
      {"53100", Code::kResourceExhausted, Retry::kTransient},
      {"53300", Code::kUnavailable, Retry::kTransient},
      {"40001", Code::kUnavailable, Retry::kTransient},
      {"57014", Code::kUnavailable, Retry::kTransient},
      {"42501", Code::kPermissionDenied, Retry::kPermanent},
      {"23514", Code::kInvalidArgument, Retry::kPermanent},
      {"XX001", Code::kDataLoss, Retry::kPermanent},
      {"P0001", Code::kInternal, Retry::kPermanent}};
  for (const auto& [state, code, retry] : cases) {
    const Status done = database->write_blocking([&state](Connection& sql) -> Status {
      return status_of(
          sql.exec("DO 'BEGIN RAISE EXCEPTION USING ERRCODE = ''" + state + "''; END'"));
    });
    ASSERT_FALSE(done) << state;
    EXPECT_EQ(done.error().code(), code) << done.error().to_string();
    EXPECT_EQ(done.error().retry(), retry) << state;
  }
}

TEST_F(PostgresTest, RefusesTextsThatItCannotHold) {
  const auto database = open(store_->postgres()).value();
  const Status zero = add(*database, std::string("a\0b", 3));
  ASSERT_FALSE(zero);
  EXPECT_EQ(zero.error().code(), Code::kInvalidArgument);
  EXPECT_NE(zero.error().to_string().find("NUL"), std::string::npos);
  const Status bytes = add(*database, "\xff");
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().code(), Code::kInvalidArgument) << bytes.error().to_string();
  EXPECT_TRUE(add(*database, "fine"));
}

TEST_F(PostgresTest, RefusesADatabaseThatIsNotInUtf8) {
  TestStore::server().run("DROP DATABASE IF EXISTS latin");
  TestStore::server().run("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
  PostgresOptions server = store_->postgres();
  server.dsn = SecretString(server.dsn.expose() + " dbname=latin options=''");
  const auto opened = open(server);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Code::kFailedPrecondition);
  EXPECT_NE(opened.error().to_string().find("LATIN1"), std::string::npos);
}

TEST(PostgresAddresses, AreShownWithoutTheirSecrets) {
  EXPECT_EQ(
      *describe_postgres(SecretString("postgresql://hf:s3cret@db:5433/backups?sslmode=require")),
      "hf@db:5433/backups");
  EXPECT_EQ(*describe_postgres(SecretString("host=/run/pg user=hf password=s3cret")),
            "hf@/run/pg/hf");
  for (const char* wrong : {"s3cret", "postgresql://u:s3cret@[::1/x", "pasword=s3cret"}) {
    const auto refused = describe_postgres(SecretString(wrong));
    ASSERT_FALSE(refused) << wrong;
    EXPECT_EQ(refused.error().to_string().find("s3cret"), std::string::npos);
  }
}

TEST(PostgresAddresses, AServerThatIsNotThereIsNamed) {
  PostgresOptions server;
  server.dsn = SecretString("postgresql://hf:s3cret@127.0.0.1:1/backups");
  const auto opened = Database::open(server, kSchema);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Code::kUnavailable);
  EXPECT_NE(opened.error().to_string().find("hf@127.0.0.1:1/backups"), std::string::npos);
  EXPECT_EQ(opened.error().to_string().find("s3cret"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::db
