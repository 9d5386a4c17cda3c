// For tests: a place for one state database that goes with it. A file; or, where the environment
// says HOLDFAST_TEST_DATABASE=postgres, a schema on a server of this process's own.
//
// Without a server the whole test program ends with 77 (ctest: skipped) and says so;
// HOLDFAST_REQUIRE=postgres makes that a failure.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "core/db/database.h"
#include "core/db/postgres.h"
#include "core/db/testing/postgres_server.h"

namespace holdfast::db {

class TestStore {
 public:
  static bool on_postgres() {
    const char* wanted = ::getenv("HOLDFAST_TEST_DATABASE");
    return wanted != nullptr && std::string_view(wanted) == "postgres";
  }
  // The server; ends the program where there is none.
  static PostgresServer& server() {
    PostgresServer* server = PostgresServer::instance();
    if (server == nullptr) {
      const char* required = ::getenv("HOLDFAST_REQUIRE");
      const bool fails =
          required && std::string_view(required).find("postgres") != std::string::npos;
      fmt::print(stderr, "{}: no PostgreSQL server programs here (package postgresql)\n",
                 fails ? "failed" : "skipped");
      ::_exit(fails ? 1 : 77);
    }
    return *server;
  }

  explicit TestStore(bool postgres = on_postgres()) {
    std::string pattern = ::testing::TempDir() + "holdfast_db_XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    if (postgres) {
      static std::atomic<int> next{1};
      schema_ = fmt::format("test{}", next++);
      server().run("CREATE SCHEMA " + schema_);
    }
  }
  ~TestStore() {
    std::filesystem::remove_all(directory_);
    if (!schema_.empty()) {
      server().run("DROP SCHEMA " + schema_ + " CASCADE");
    }
  }
  TestStore(const TestStore&) = delete;
  TestStore& operator=(const TestStore&) = delete;

  Result<std::unique_ptr<Database>> open(const Migrations& migrations, Options options = {}) const {
    return schema_.empty() ? Database::open(path(), migrations, options)
                           : Database::open(postgres(), migrations, options);
  }
  // `folder`: of a proxy before the server.
  PostgresOptions postgres(const std::string& folder = "") const {
    PostgresOptions options;
    options.dsn = SecretString(server().dsn(schema_).expose() + " application_name=" + schema_ +
                               (folder.empty() ? "" : " host=" + folder));
    options.holder = "test";
    return options;
  }
  const std::string& directory() const { return directory_; }
  const std::string& schema() const { return schema_; }
  std::string path() const { return directory_ + "/state.db"; }

 private:
  std::string directory_;
  std::string schema_;
};

}  // namespace holdfast::db

// For tests of what only SQLite has.
#define HF_SKIP_ON_POSTGRES()                             \
  if (::holdfast::db::TestStore::on_postgres()) {         \
    GTEST_SKIP() << "about files, which SQLite has only"; \
  }                                                       \
  static_assert(true)
