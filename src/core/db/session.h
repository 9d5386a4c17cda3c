// What a back end is to this room: sessions (one connection each) and how to open them.
//
// database.cc, migrate.cc and connection.cc know these three classes; sqlite_*.cc and postgres_*.cc
// implement them. One thread at a time uses a session.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/db/connection.h"
#include "core/db/database.h"

namespace holdfast::db {

using Values = std::vector<Value>;

// The rows of one statement that is under way.
class Cursor {
 public:
  virtual ~Cursor() = default;
  // The next row; nullopt: done.
  virtual Result<std::optional<Row>> next() = 0;
};

class Session {
 public:
  virtual ~Session() = default;

  // Statements; see Connection.
  virtual Result<std::int64_t> exec(std::string_view sql, const Values& values) = 0;
  virtual Status post(std::string_view sql, const Values& values) = 0;
  virtual Result<std::vector<Row>> all(std::string_view sql, const Values& values) = 0;
  virtual Result<std::optional<Row>> one(std::string_view sql, const Values& values) = 0;
  virtual Result<std::unique_ptr<Cursor>> open(std::string_view sql, const Values& values) = 0;
  // Several statements of a schema, in SQLite's words.
  virtual Status script(const std::string& sql) = 0;

  // Transactions. A writer's is closed for others; a reader's is one snapshot.
  virtual Status begin() = 0;
  virtual Status savepoint() = 0;
  // Keeps what happened since savepoint(); an error of something posted is told here at the latest.
  virtual Status release() = 0;
  // Undoes what happened since savepoint().
  virtual Status undo() = 0;
  // An error: nothing of the transaction happened, or what happened cannot be known and this
  // session, and with it the Database, never writes again.
  virtual Status commit() = 0;
  virtual void rollback() = 0;
  // False although begun: the other side ended the transaction, nothing of it happened.
  virtual bool in_transaction() const = 0;

  virtual Status checkpoint() { return {}; }
  // Called about every second of idleness where Backend::wants_watch().
  virtual void watch() {}
};

enum class Role {
  kWriter,  // exactly one in a Database
  kReader,  // cannot write
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual Result<std::unique_ptr<Session>> open(Role role) = 0;
  // For errors: the file, or the server and database; never a secret.
  virtual std::string where() const = 0;
  virtual bool wants_watch() const { return false; }
};

// Brings the schema up to date; see Database::open.
Status migrate(Connection& connection, const Migrations& migrations);

}  // namespace holdfast::db
