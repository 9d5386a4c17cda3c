// Sessions over SQLiteCpp.
//
// Each session keeps its compiled statements by text and hands one out per use, so that the hot
// statements of a closure are compiled once in the life of the session. SQLiteCpp's exceptions end
// here: every failure becomes an Error whose code tells what a caller can do about it.
//
// Roles (SQLite's WAL-reset defect, present in Debian's versions, needs two connections that write
// or checkpoint at the same instant): the writer alone checkpoints; readers are query_only, have
// automatic checkpoints off and do not checkpoint when they close.
#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <sqlite3.h>

#include <exception>
#include <map>

#include "core/db/session.h"
#include "core/db/sqlite_backend.h"

namespace holdfast::db {
namespace {

constexpr int kOldestVersion = 3037000;  // STRICT tables

Error sqlite_error(int extended, std::string_view message, std::string_view sql) {
  Code code = Code::kInternal;
  Retry retry = Retry::kPermanent;
  std::string_view what = "the state database refused a statement";
  switch (extended & 0xff) {
    case SQLITE_FULL:
      code = Code::kResourceExhausted;
      retry = Retry::kTransient;
      what = "the disk of the state database is full; free space and try again";
      break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      code = Code::kUnavailable;
      retry = Retry::kTransient;
      what = "the state database is locked by another program";
      break;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      code = Code::kUnavailable;
      retry = Retry::kTransient;
      what = "the state database cannot be read or written; check its disk and permissions";
      break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      code = Code::kDataLoss;
      what = "the file is not a state database, or it is damaged";
      break;
    case SQLITE_CONSTRAINT:
      code = extended == SQLITE_CONSTRAINT_UNIQUE || extended == SQLITE_CONSTRAINT_PRIMARYKEY
                 ? Code::kAlreadyExists
                 : Code::kInvalidArgument;
      what = "a row contradicts a rule of the state database";
      break;
    default:
      break;
  }
  Error error = Error(code, std::string(what), retry).with("sqlite", std::string(message));
  return sql.empty() ? error : std::move(error).with("statement", std::string(sql.substr(0, 80)));
}

Error sqlite_error(const SQLite::Exception& thrown, std::string_view sql) {
  return sqlite_error(thrown.getExtendedErrorCode(), thrown.what(), sql);
}

// A compiled statement and its text, kept between uses.
struct Compiled {
  Compiled(SQLite::Database& database, std::string_view sql)
      : text(sql), statement(database, text) {}

  std::string text;
  SQLite::Statement statement;
};

void bind(SQLite::Statement& target, const Values& values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const int index = static_cast<int>(i) + 1;
    if (const auto* number = std::get_if<std::int64_t>(&values[i])) {
      target.bind(index, *number);
    } else if (const auto* real = std::get_if<double>(&values[i])) {
      target.bind(index, *real);
    } else if (const auto* text = std::get_if<std::string>(&values[i])) {
      target.bind(index, *text);
    } else if (const auto* bytes = std::get_if<Buffer>(&values[i])) {
      const void* data = bytes->empty() ? "" : static_cast<const void*>(bytes->data());
      target.bind(index, data, static_cast<int>(bytes->size()));  // a null pointer would mean NULL
    } else {
      target.bind(index);
    }
  }
}

Value value_of(const SQLite::Column& column) {
  switch (column.getType()) {
    case SQLITE_INTEGER:
      return column.getInt64();
    case SQLITE_FLOAT:
      return column.getDouble();
    case SQLITE_TEXT:
      return column.getString();
    case SQLITE_BLOB: {
      const auto* data = static_cast<const std::uint8_t*>(column.getBlob());
      return data ? Buffer(data, data + column.getBytes()) : Buffer();
    }
    default:
      return nullptr;
  }
}

class SqliteSession final : public Session {
 public:
  SqliteSession(const std::string& path, Role role, const Options& options)
      : role_(role),
        database_(path, SQLite::OPEN_READWRITE | (role == Role::kWriter ? SQLite::OPEN_CREATE : 0),
                  5000, options.vfs) {
    sqlite3_extended_result_codes(database_.getHandle(), 1);
    database_.exec("PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF");
    if (role == Role::kWriter) {
      database_.exec("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 4000");
      database_.exec(options.durability == Durability::kFull ? "PRAGMA synchronous = FULL"
                                                             : "PRAGMA synchronous = NORMAL");
    } else {
      database_.exec("PRAGMA wal_autocheckpoint = 0; PRAGMA query_only = ON");
      sqlite3_db_config(database_.getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    }
  }

  Result<std::int64_t> exec(std::string_view sql, const Values& values) override {
    HF_TRY(const Use use, compile(sql, values));
    for (bool more = true; more;) {
      HF_TRY(more, step(*use));
    }
    return database_.getChanges();
  }

  Status post(std::string_view sql, const Values& values) override {
    return status_of(exec(sql, values));
  }

  Result<std::vector<Row>> all(std::string_view sql, const Values& values) override {
    HF_TRY(const Use use, compile(sql, values));
    std::vector<Row> rows;
    while (true) {
      HF_TRY(const bool more, step(*use));
      if (!more) {
        return rows;
      }
      rows.push_back(row(*use));
    }
  }

  Result<std::optional<Row>> one(std::string_view sql, const Values& values) override {
    HF_TRY(const Use use, compile(sql, values));
    HF_TRY(const bool found, step(*use));
    return found ? std::optional(row(*use)) : std::nullopt;
  }

  Result<std::unique_ptr<Cursor>> open(std::string_view sql, const Values& values) override {
    HF_TRY(Use use, compile(sql, values));
    return std::unique_ptr<Cursor>(std::make_unique<Rows>(*this, std::move(use)));
  }

  Status script(const std::string& sql) override {
    try {
      database_.exec(sql);
      return {};
    } catch (const SQLite::Exception& thrown) {
      return sqlite_error(thrown, sql);
    }
  }

  Status begin() override {
    return status_of(exec(role_ == Role::kWriter ? "BEGIN IMMEDIATE" : "BEGIN", {}));
  }
  Status savepoint() override { return status_of(exec("SAVEPOINT closure", {})); }
  Status release() override { return status_of(exec("RELEASE closure", {})); }
  Status undo() override {
    HF_TRY_VOID(exec("ROLLBACK TO closure", {}));
    return release();
  }
  Status commit() override { return status_of(exec("COMMIT", {})); }
  void rollback() override {
    if (in_transaction()) {
      (void)exec("ROLLBACK", {});
    }
  }
  bool in_transaction() const override {
    return sqlite3_get_autocommit(database_.getHandle()) == 0;
  }

  Status checkpoint() override { return script("PRAGMA wal_checkpoint(TRUNCATE)"); }

 private:
  // Gives the compiled form back when its use ends.
  struct GiveBack {
    SqliteSession* session = nullptr;
    void operator()(Compiled* compiled) const {
      compiled->statement.tryReset();
      session->idle_[compiled->text].emplace_back(compiled);
    }
  };
  using Use = std::unique_ptr<Compiled, GiveBack>;

  class Rows final : public Cursor {
   public:
    Rows(SqliteSession& session, Use use) : session_(session), use_(std::move(use)) {}
    Result<std::optional<Row>> next() override {
      HF_TRY(const bool found, session_.step(*use_));
      return found ? std::optional(row(*use_)) : std::nullopt;
    }

   private:
    SqliteSession& session_;
    Use use_;
  };

  Result<Use> compile(std::string_view sql, const Values& values) {
    try {
      Use use(nullptr, GiveBack{this});
      const auto idle = idle_.find(sql);
      if (idle != idle_.end() && !idle->second.empty()) {
        use.reset(idle->second.back().release());
        idle->second.pop_back();
      } else {
        use.reset(std::make_unique<Compiled>(database_, sql).release());
      }
      bind(use->statement, values);
      return use;
    } catch (const SQLite::Exception& thrown) {
      return sqlite_error(thrown, sql);
    }
  }

  Result<bool> step(Compiled& compiled) {
    const int status = compiled.statement.tryExecuteStep();
    if (status == SQLITE_ROW || status == SQLITE_DONE) {
      return status == SQLITE_ROW;
    }
    return sqlite_error(database_.getExtendedErrorCode(), database_.getErrorMsg(), compiled.text);
  }

  static Row row(Compiled& compiled) {
    std::vector<Value> values;
    const int columns = compiled.statement.getColumnCount();
    values.reserve(static_cast<std::size_t>(columns));
    for (int i = 0; i < columns; ++i) {
      values.push_back(value_of(compiled.statement.getColumn(i)));
    }
    return Row(std::move(values));
  }

  const Role role_;
  SQLite::Database database_;
  std::map<std::string, std::vector<std::unique_ptr<Compiled>>, std::less<>> idle_;
};

class SqliteBackend final : public Backend {
 public:
  SqliteBackend(std::string path, Options options)
      : path_(std::move(path)), options_(std::move(options)) {}

  Result<std::unique_ptr<Session>> open(Role role) override {
    if (sqlite3_libversion_number() < kOldestVersion) {
      return Error(Code::kFailedPrecondition,
                   "the SQLite library is too old; install 3.37 or newer")
          .with("version", library_version());
    }
    try {
      return std::unique_ptr<Session>(std::make_unique<SqliteSession>(path_, role, options_));
    } catch (const SQLite::Exception& thrown) {
      return sqlite_error(thrown, {}).with("file", path_);
    }
  }
  std::string where() const override { return path_; }

 private:
  const std::string path_;
  const Options options_;
};

}  // namespace

std::unique_ptr<Backend> sqlite_backend(const std::string& path, const Options& options) {
  return std::make_unique<SqliteBackend>(path, options);
}

std::string library_version() { return sqlite3_libversion(); }

}  // namespace holdfast::db
