// Connections and statements over SQLiteCpp.
//
// Each connection keeps its compiled statements by text and hands one out per use, so that the hot
// statements of a closure are compiled once in the life of the connection. SQLiteCpp's exceptions
// end here: every failure becomes an Error whose code tells what a caller can do about it.
//
// Roles (SQLite's WAL-reset defect, present in Debian's versions, needs two connections that write
// or checkpoint at the same instant): the writer alone checkpoints; readers are query_only, have
// automatic checkpoints off and do not checkpoint when they close.
#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <sqlite3.h>

#include <exception>
#include <map>

#include "core/db/open_connection.h"

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

const std::string kNoText;
const Buffer kNoBytes;

}  // namespace

bool Row::is_null(std::size_t column) const {
  return std::holds_alternative<std::nullptr_t>(values_.at(column));
}

std::int64_t Row::integer(std::size_t column) const {
  const auto* number = std::get_if<std::int64_t>(&values_.at(column));
  return number ? *number : 0;
}

double Row::real(std::size_t column) const {
  const auto* number = std::get_if<double>(&values_.at(column));
  return number ? *number : static_cast<double>(integer(column));
}

const std::string& Row::text(std::size_t column) const {
  const auto* text = std::get_if<std::string>(&values_.at(column));
  return text ? *text : kNoText;
}

const Buffer& Row::bytes(std::size_t column) const {
  const auto* bytes = std::get_if<Buffer>(&values_.at(column));
  return bytes ? *bytes : kNoBytes;
}

std::optional<std::string> Row::optional_text(std::size_t column) const {
  return is_null(column) ? std::nullopt : std::optional(text(column));
}

std::optional<std::int64_t> Row::optional_integer(std::size_t column) const {
  return is_null(column) ? std::nullopt : std::optional(integer(column));
}

std::optional<UtcTime> Row::optional_time(std::size_t column) const {
  return is_null(column) ? std::nullopt : std::optional(time(column));
}

struct Statement::Compiled {
  Compiled(SQLite::Database& database, std::string_view sql)
      : text(sql), statement(database, text) {}

  std::string text;
  SQLite::Statement statement;
};

struct Connection::State {
  State(const std::string& path, int flags, const std::string& vfs)
      : database(path, flags, 5000, vfs) {}

  SQLite::Database database;
  std::map<std::string, std::vector<std::unique_ptr<Statement::Compiled>>, std::less<>> idle;
};

Statement::Statement(Connection& owner, std::unique_ptr<Compiled> compiled)
    : owner_(&owner), compiled_(std::move(compiled)) {}
Statement::Statement(Statement&& other) noexcept = default;

Statement::~Statement() {
  if (compiled_) {
    compiled_->statement.tryReset();
    auto& idle = owner_->state_->idle[compiled_->text];
    idle.push_back(std::move(compiled_));
  }
}

Result<bool> Statement::step() {
  const int status = compiled_->statement.tryExecuteStep();
  if (status == SQLITE_ROW || status == SQLITE_DONE) {
    return status == SQLITE_ROW;
  }
  SQLite::Database& database = owner_->state_->database;
  return sqlite_error(database.getExtendedErrorCode(), database.getErrorMsg(), compiled_->text);
}

bool Statement::is_null(int column) const { return compiled_->statement.isColumnNull(column); }
std::int64_t Statement::integer(int column) const {
  return compiled_->statement.getColumn(column).getInt64();
}
double Statement::real(int column) const {
  return compiled_->statement.getColumn(column).getDouble();
}
std::string Statement::text(int column) const {
  return compiled_->statement.getColumn(column).getString();
}
Buffer Statement::bytes(int column) const {
  const SQLite::Column value = compiled_->statement.getColumn(column);
  const auto* data = static_cast<const std::uint8_t*>(value.getBlob());
  return data ? Buffer(data, data + value.getBytes()) : Buffer();
}

Row Statement::row() const {
  std::vector<Value> values;
  const int columns = compiled_->statement.getColumnCount();
  values.reserve(static_cast<std::size_t>(columns));
  for (int i = 0; i < columns; ++i) {
    const SQLite::Column column = compiled_->statement.getColumn(i);
    switch (column.getType()) {
      case SQLITE_INTEGER:
        values.emplace_back(column.getInt64());
        break;
      case SQLITE_FLOAT:
        values.emplace_back(column.getDouble());
        break;
      case SQLITE_TEXT:
        values.emplace_back(column.getString());
        break;
      case SQLITE_BLOB:
        values.emplace_back(bytes(i));
        break;
      default:
        values.emplace_back(nullptr);
    }
  }
  return Row(std::move(values));
}

Connection::Connection(std::unique_ptr<State> state) : state_(std::move(state)) {}
Connection::~Connection() = default;

Result<Statement> Connection::prepare_values(std::string_view sql,
                                             const std::vector<Value>& values) {
  try {
    std::unique_ptr<Statement::Compiled> compiled;
    const auto idle = state_->idle.find(sql);
    if (idle != state_->idle.end() && !idle->second.empty()) {
      compiled = std::move(idle->second.back());
      idle->second.pop_back();
    } else {
      compiled = std::make_unique<Statement::Compiled>(state_->database, sql);
    }
    Statement statement(*this, std::move(compiled));
    SQLite::Statement& target = statement.compiled_->statement;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const int index = static_cast<int>(i) + 1;
      if (const auto* number = std::get_if<std::int64_t>(&values[i])) {
        target.bind(index, *number);
      } else if (const auto* real = std::get_if<double>(&values[i])) {
        target.bind(index, *real);
      } else if (const auto* text = std::get_if<std::string>(&values[i])) {
        target.bind(index, *text);
      } else if (const auto* bytes = std::get_if<Buffer>(&values[i])) {
        target.bind(index, bytes->data(), static_cast<int>(bytes->size()));
      } else {
        target.bind(index);
      }
    }
    return statement;
  } catch (const SQLite::Exception& thrown) {
    return sqlite_error(thrown, sql);
  }
}

Result<std::int64_t> Connection::exec_values(std::string_view sql,
                                             const std::vector<Value>& values) {
  HF_TRY(Statement statement, prepare_values(sql, values));
  for (bool more = true; more;) {
    HF_TRY(more, statement.step());
  }
  return state_->database.getChanges();
}

Result<std::vector<Row>> Connection::all_values(std::string_view sql,
                                                const std::vector<Value>& values) {
  HF_TRY(Statement statement, prepare_values(sql, values));
  std::vector<Row> rows;
  while (true) {
    HF_TRY(const bool more, statement.step());
    if (!more) {
      return rows;
    }
    rows.push_back(statement.row());
  }
}

Result<std::optional<Row>> Connection::one_values(std::string_view sql,
                                                  const std::vector<Value>& values) {
  HF_TRY(Statement statement, prepare_values(sql, values));
  HF_TRY(const bool found, statement.step());
  return found ? std::optional(statement.row()) : std::nullopt;
}

Status Connection::script(const std::string& sql) {
  try {
    state_->database.exec(sql);
    return {};
  } catch (const SQLite::Exception& thrown) {
    return sqlite_error(thrown, sql);
  }
}

std::int64_t Connection::last_insert_id() const { return state_->database.getLastInsertRowid(); }

bool Connection::in_transaction() const {
  return sqlite3_get_autocommit(state_->database.getHandle()) == 0;
}

Result<std::unique_ptr<Connection>> open_connection(const std::string& path, Role role,
                                                    const Options& options) {
  if (sqlite3_libversion_number() < kOldestVersion) {
    return Error(Code::kFailedPrecondition, "the SQLite library is too old; install 3.37 or newer")
        .with("version", library_version());
  }
  try {
    const int flags = SQLite::OPEN_READWRITE | (role == Role::kWriter ? SQLite::OPEN_CREATE : 0);
    auto connection =
        std::make_unique<Connection>(std::make_unique<Connection::State>(path, flags, options.vfs));
    SQLite::Database& database = connection->state().database;
    sqlite3_extended_result_codes(database.getHandle(), 1);
    database.exec("PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF");
    if (role == Role::kWriter) {
      database.exec("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 4000");
      database.exec(options.durability == Durability::kFull ? "PRAGMA synchronous = FULL"
                                                            : "PRAGMA synchronous = NORMAL");
    } else {
      database.exec("PRAGMA wal_autocheckpoint = 0; PRAGMA query_only = ON");
      sqlite3_db_config(database.getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    }
    return connection;
  } catch (const SQLite::Exception& thrown) {
    return sqlite_error(thrown, {}).with("file", path);
  }
}

std::string library_version() { return sqlite3_libversion(); }

}  // namespace holdfast::db
