// Sessions on a PostgreSQL server. For the postgres_*.cc files.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>

#include "core/db/database.h"
#include "core/db/postgres.h"
#include "core/db/postgres_lock.h"
#include "core/db/postgres_wire.h"
#include "core/db/session.h"
#include "core/env/posix/system_clock.h"

namespace holdfast::db {

// What the sessions of one Database share. Thread-safe.
class PostgresLink {
 public:
  PostgresLink(PostgresAddress address, const PostgresOptions& server, const Options& options)
      : address_(std::move(address)), server_(server), durability_(options.durability) {}

  const PostgresOptions& server() const { return server_; }
  const PostgresAddress& address() const { return address_; }
  env::Clock& clock() { return clock_; }

  // A connection in its role; checks the server on the way.
  Result<std::unique_ptr<PostgresWire>> connect(Role role) const;
  // Tries `attempt` again after 20, 40 ... 500 ms while its error is transient and the lease lasts.
  Status keep_trying(const std::function<Status()>& attempt);

  // The Database is lost: says so once.
  void lose(const Error& why);
  // The error of a call after that.
  std::optional<Error> lost() const;

 private:
  const PostgresAddress address_;
  const PostgresOptions server_;
  const Durability durability_;
  env::SystemClock clock_;
  mutable std::mutex mutex_;
  std::optional<Error> lost_;
};

// Statements over one wire, for both roles. A reader connects again by itself.
class PostgresSession : public Session {
 public:
  PostgresSession(std::shared_ptr<PostgresLink> link, std::unique_ptr<PostgresWire> wire)
      : link_(std::move(link)), wire_(std::move(wire)) {}

  Result<std::int64_t> exec(std::string_view sql, const Values& values) override;
  Status post(std::string_view sql, const Values& values) override;
  Result<std::vector<Row>> all(std::string_view sql, const Values& values) override;
  Result<std::optional<Row>> one(std::string_view sql, const Values& values) override;
  Result<std::unique_ptr<Cursor>> open(std::string_view sql, const Values& values) override;
  Status script(const std::string& sql) override;

  Status begin() override;
  Status savepoint() override;
  Status release() override;
  Status undo() override;
  Status commit() override;
  void rollback() override;
  bool in_transaction() const override { return begun_ && !wire_->dead(); }

 protected:
  // Makes a new wire in place of a dead one.
  virtual Status reconnect();
  // Queues what opens a transaction.
  virtual Status queue_begin();
  std::shared_ptr<PostgresLink> link_;
  std::unique_ptr<PostgresWire> wire_;
  bool begun_ = false;   // begin() was called
  bool opened_ = false;  // BEGIN has reached the server

 private:
  class Rows;
  // Sends what is queued.
  Result<PostgresAnswer> flush();
  Result<PostgresAnswer> run(std::string_view sql, const Values& values);

  std::size_t mark_ = 0;   // how much was queued when savepoint() was called
  bool saved_ = false;     // SAVEPOINT has reached the server
  bool posted_ = false;    // something of the closure is queued
  std::set<int> cursors_;  // the numbers of those that are open
};

std::unique_ptr<Backend> postgres_backend(std::shared_ptr<PostgresLink> link);

}  // namespace holdfast::db
