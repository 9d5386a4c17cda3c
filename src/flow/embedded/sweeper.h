// Deletes runs that closed long ago, with their histories.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>

#include "core/db/database.h"
#include "core/env/clock.h"

namespace holdfast::flow::embedded {

// Deletes up to `limit` runs that closed before `before`, the longest closed first; returns how
// many there were. A child stays until its parent knows how it ended, a parent until its open
// children were told.
Result<std::int64_t> delete_closed_runs(db::Connection& sql, UtcTime before, int limit);

// Looks once a pause, and again at once while there is more, a hundred runs a commit: other work
// goes in between. Thread-safe.
class Sweeper : public std::enable_shared_from_this<Sweeper> {
 public:
  // Runs go when they have been closed for `retention`. Both outlive stop().
  Sweeper(db::Database& database, env::Clock& clock, Nanoseconds retention, Nanoseconds pause)
      : database_(database), clock_(clock), retention_(retention), pause_(pause) {}

  void start();
  // Waits for the deletion under way, if any.
  void stop();

 private:
  void sweep();
  void swept(Result<std::int64_t> deleted);
  void arm_locked();

  db::Database& database_;
  env::Clock& clock_;
  const Nanoseconds retention_;
  const Nanoseconds pause_;
  std::mutex mutex_;
  std::condition_variable quiet_;
  env::TimerId timer_ = 0;
  bool sweeping_ = false;
  bool stopped_ = false;
};

}  // namespace holdfast::flow::embedded
