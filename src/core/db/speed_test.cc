// Prints how many closures a second the writer commits here: nothing is asserted about time.
#include <gtest/gtest.h>

#include <fmt/core.h>

#include <semaphore>

#include "core/db/testing/test_store.h"
#include "core/env/posix/system_clock.h"

namespace holdfast::db {
namespace {

const Migrations kSchema = {
    {"speed", 1,
     "CREATE TABLE thing(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, "
     "note TEXT NOT NULL) STRICT"}};
constexpr int kStatements = 4;  // as many as a usual step of a workflow run

Status work(Connection& sql, int number) {
  const std::string name = std::to_string(number);
  HF_TRY_VOID(sql.post("INSERT INTO thing(name, note) VALUES (?1, '')", name));
  for (int i = 1; i < kStatements; ++i) {
    HF_TRY_VOID(sql.post("UPDATE thing SET note = ?2 WHERE name = ?1", name, std::to_string(i)));
  }
  return {};
}

// `closures` of them, `at_once` waiting for their commit at any time.
void measure(const std::string& what, const TestStore& store, Durability durability, int closures,
             int at_once) {
  Options options;
  options.durability = durability;
  auto opened = store.open(kSchema, options);
  ASSERT_TRUE(opened) << opened.error().to_string();
  Database& database = **opened;
  static std::atomic<int> number = 0;
  env::SystemClock clock;
  const Database::Stats before = database.stats();
  const MonoTime begin = clock.mono();
  std::counting_semaphore<> places(at_once);
  for (int i = 0; i < closures; ++i) {
    places.acquire();
    database.submit_write([n = number++](Connection& sql) { return work(sql, n); },
                          [&places](Status done) {
                            EXPECT_TRUE(done);
                            places.release();
                          });
  }
  for (int i = 0; i < at_once; ++i) {
    places.acquire();
  }
  const double took = std::chrono::duration<double>(clock.mono() - begin).count();
  const Database::Stats after = database.stats();
  fmt::print("{:18} {:3} at once: {:7.0f} closures/s of {} statements, {:5.1f} a commit\n", what,
             at_once, closures / took, kStatements,
             static_cast<double>(closures) / static_cast<double>(after.commits - before.commits));
}

TEST(NightlyDatabaseSpeed, PrintsClosuresPerSecondOfBothBackEnds) {
  const TestStore file(/*postgres=*/false);
  for (const auto& [at_once, closures] : {std::pair(1, 200), std::pair(64, 5000)}) {
    measure("SQLite FULL", file, Durability::kFull, closures, at_once);
    measure("SQLite NORMAL", file, Durability::kNormal, closures, at_once);
  }
  if (PostgresServer::instance() == nullptr) {
    GTEST_SKIP() << "no PostgreSQL server programs here";
  }
  TestStore::server().make_durable();
  const TestStore server(/*postgres=*/true);
  for (const auto& [at_once, closures] : {std::pair(1, 200), std::pair(64, 5000)}) {
    measure("PostgreSQL FULL", server, Durability::kFull, closures, at_once);
    measure("PostgreSQL NORMAL", server, Durability::kNormal, closures, at_once);
  }
}

}  // namespace
}  // namespace holdfast::db
