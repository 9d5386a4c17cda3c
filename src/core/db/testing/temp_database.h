// For tests: a database of its own that goes with it; see test_store.h for where it lies.
#pragma once

#include <memory>
#include <string>

#include "core/db/testing/test_store.h"

namespace holdfast::db {

class TempDatabase {
 public:
  explicit TempDatabase(const Migrations& migrations) {
    auto opened = store_.open(migrations);
    EXPECT_TRUE(opened) << opened.error().to_string();
    database_ = *std::move(opened);
  }
  TempDatabase(const TempDatabase&) = delete;
  TempDatabase& operator=(const TempDatabase&) = delete;

  Database& operator*() const { return *database_; }
  Database* operator->() const { return database_.get(); }
  const std::string& directory() const { return store_.directory(); }

  // Runs fn(Connection&) in one write.
  template <class F>
  auto write(F fn) {
    return database_->write_blocking(std::move(fn));
  }

 private:
  TestStore store_;  // goes last
  std::unique_ptr<Database> database_;
};

}  // namespace holdfast::db
