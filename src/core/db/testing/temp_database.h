// For tests: a database in a directory of its own that goes with it.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>

#include "core/db/database.h"

namespace holdfast::db {

class TempDatabase {
 public:
  explicit TempDatabase(const Migrations& migrations) {
    std::string pattern = testing::TempDir() + "holdfast_db_XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    auto opened = Database::open(directory_ + "/state.db", migrations);
    EXPECT_TRUE(opened) << opened.error().to_string();
    database_ = *std::move(opened);
  }
  ~TempDatabase() {
    database_.reset();
    std::filesystem::remove_all(directory_);
  }
  TempDatabase(const TempDatabase&) = delete;
  TempDatabase& operator=(const TempDatabase&) = delete;

  Database& operator*() const { return *database_; }
  Database* operator->() const { return database_.get(); }
  const std::string& directory() const { return directory_; }

  // Runs fn(Connection&) in one write.
  template <class F>
  auto write(F fn) {
    return database_->write_blocking(std::move(fn));
  }

 private:
  std::string directory_;
  std::unique_ptr<Database> database_;
};

}  // namespace holdfast::db
