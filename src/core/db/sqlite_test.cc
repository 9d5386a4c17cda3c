// What only files have: roles, faults of the disk, a file that is none of ours.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "core/db/database.h"
#include "core/db/fault_vfs.h"

namespace holdfast::db {
namespace {

const Migrations kSchema = {
    {"test", 1, "CREATE TABLE thing(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT"}};

class SqliteFile : public testing::Test {
 public:
  SqliteFile() {
    std::string pattern = testing::TempDir() + "/holdfast-db-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  ~SqliteFile() override { std::filesystem::remove_all(directory_); }

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

Result<std::string> pragma(Connection& sql, const std::string& name) {
  HF_TRY(const auto row, sql.one("PRAGMA " + name));
  const Value& value = row->value(0);
  return std::holds_alternative<std::string>(value) ? row->text(0)
                                                    : std::to_string(row->integer(0));
}

TEST_F(SqliteFile, OpensConnectionsInTheirRoles) {
  auto database = open();
  const auto check = [](Connection& sql) -> Status {
    for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
             {"query_only", "1"}, {"wal_autocheckpoint", "0"}, {"trusted_schema", "0"}}) {
      HF_TRY(const auto found, pragma(sql, name));
      EXPECT_EQ(found, value) << name;
    }
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

TEST_F(SqliteFile, RefusesAFileThatIsNoDatabase) {
  std::ofstream(path()) << std::string(4096, 'x');
  const auto opened = Database::open(path(), kSchema);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Code::kDataLoss) << opened.error().to_string();
}

// Fails each durable operation of a small life in turn: what was acknowledged is there afterwards,
// what failed may or may not be, and nothing else is.
class SqliteFaults : public SqliteFile, public testing::WithParamInterface<Fault> {};

TEST_P(SqliteFaults, LosesNothingThatWasAcknowledged) {
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

INSTANTIATE_TEST_SUITE_P(Every, SqliteFaults,
                         testing::Values(Fault::kError, Fault::kFull, Fault::kKill,
                                         Fault::kTornKill));

}  // namespace
}  // namespace holdfast::db
