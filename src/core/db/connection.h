// One SQL connection as a closure of Database sees it: statements, rows, values.
//
//   HF_TRY(const auto rows, sql.all("SELECT id, name FROM thing WHERE size > ?1", limit));
//   for (const db::Row& row : rows) { use(row.integer(0), row.text(1)); }
//
// or, without holding all rows:
//
//   HF_TRY(auto found, sql.prepare("SELECT id FROM thing WHERE owner = ?1", owner));
//   while (true) { HF_TRY(const bool more, found.step()); if (!more) break; use(found.integer(0));
//   }
//
// Values: integers, booleans (0/1), doubles, text, bytes, UtcTime (nanoseconds since the epoch),
// std::optional of those, std::nullptr_t. A connection belongs to the closure that received it;
// neither it nor its statements outlive the closure.
//
// SQL is written once, in what SQLite and PostgreSQL have in common (docs/design/flow.md, "The
// state database"): parameters ?1, ?2, ...; a value has the type of its column; ids that the
// database chose come back by RETURNING; texts compare by their bytes. A statement that failed ends
// its closure: whatever the closure returns, it is rolled back.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/base/time.h"

namespace holdfast::db {

using Value = std::variant<std::nullptr_t, std::int64_t, double, std::string, Buffer>;

inline Value to_value(std::nullptr_t) { return nullptr; }
inline Value to_value(bool flag) { return std::int64_t{flag}; }
template <std::integral T>
  requires(!std::same_as<T, bool>)
Value to_value(T number) {
  return static_cast<std::int64_t>(number);
}
inline Value to_value(double number) { return number; }
inline Value to_value(std::string text) { return text; }
inline Value to_value(std::string_view text) { return std::string(text); }
inline Value to_value(const char* text) { return std::string(text); }
inline Value to_value(Buffer bytes) { return bytes; }
inline Value to_value(UtcTime time) { return std::int64_t{time.time_since_epoch().count()}; }
template <class T>
Value to_value(const std::optional<T>& value) {
  return value ? to_value(*value) : Value(nullptr);
}

// One row, copied out. A getter of another type than the column's gives the neutral value.
class Row {
 public:
  explicit Row(std::vector<Value> values) : values_(std::move(values)) {}

  std::size_t size() const { return values_.size(); }
  const Value& value(std::size_t column) const { return values_.at(column); }
  bool is_null(std::size_t column) const;
  std::int64_t integer(std::size_t column) const;
  bool boolean(std::size_t column) const { return integer(column) != 0; }
  double real(std::size_t column) const;  // integers convert
  const std::string& text(std::size_t column) const;
  const Buffer& bytes(std::size_t column) const;
  UtcTime time(std::size_t column) const { return UtcTime(Nanoseconds(integer(column))); }
  std::optional<std::string> optional_text(std::size_t column) const;
  std::optional<std::int64_t> optional_integer(std::size_t column) const;
  std::optional<UtcTime> optional_time(std::size_t column) const;

 private:
  std::vector<Value> values_;
};

class Connection;
class Cursor;   // session.h, of this room only
class Session;  // session.h, of this room only

// A statement with its parameters bound; walks its rows once.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  // True: a row is there. False: done.
  Result<bool> step();
  // Getters as in Row, of the row that step() reached.
  bool is_null(std::size_t column) const { return row_.is_null(column); }
  std::int64_t integer(std::size_t column) const { return row_.integer(column); }
  bool boolean(std::size_t column) const { return row_.boolean(column); }
  double real(std::size_t column) const { return row_.real(column); }
  const std::string& text(std::size_t column) const { return row_.text(column); }
  const Buffer& bytes(std::size_t column) const { return row_.bytes(column); }
  UtcTime time(std::size_t column) const { return row_.time(column); }
  const Row& row() const { return row_; }

 private:
  friend class Connection;
  Statement(Connection& owner, std::unique_ptr<Cursor> cursor);

  Connection* owner_;
  std::unique_ptr<Cursor> cursor_;
  Row row_{{}};
};

class Connection {
 public:
  explicit Connection(std::unique_ptr<Session> session);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Runs one INSERT, UPDATE or DELETE to its end; returns the number of rows it changed.
  template <class... Args>
  Result<std::int64_t> exec(std::string_view sql, const Args&... args) {
    return exec_values(sql, {to_value(args)...});
  }
  // The same where nobody asks for that number. It may run together with what follows, in one
  // message to the server; its error is then told by a later statement, or by the closure's end.
  template <class... Args>
  Status post(std::string_view sql, const Args&... args) {
    return post_values(sql, {to_value(args)...});
  }
  template <class... Args>
  Result<std::vector<Row>> all(std::string_view sql, const Args&... args) {
    return all_values(sql, {to_value(args)...});
  }
  // The first row, if any.
  template <class... Args>
  Result<std::optional<Row>> one(std::string_view sql, const Args&... args) {
    return one_values(sql, {to_value(args)...});
  }
  // For many rows, which are not held all at once.
  template <class... Args>
  Result<Statement> prepare(std::string_view sql, const Args&... args) {
    return prepare_values(sql, {to_value(args)...});
  }

  Result<std::int64_t> exec_values(std::string_view sql, const std::vector<Value>& values);
  Status post_values(std::string_view sql, const std::vector<Value>& values);
  Result<std::vector<Row>> all_values(std::string_view sql, const std::vector<Value>& values);
  Result<std::optional<Row>> one_values(std::string_view sql, const std::vector<Value>& values);
  Result<Statement> prepare_values(std::string_view sql, const std::vector<Value>& values);

  // Several statements without parameters; for migrations.
  Status script(const std::string& sql);

  // For the .cc files of this room: what is behind, and the first statement that failed since
  // forget_failure().
  Session& session() { return *session_; }
  const std::optional<Error>& failure() const { return failure_; }
  void forget_failure() { failure_.reset(); }

 private:
  friend class Statement;
  template <class T>
  Result<T> noted(Result<T> result) {
    if (!result && !failure_) {
      failure_ = result.error();
    }
    return result;
  }

  std::unique_ptr<Session> session_;
  std::optional<Error> failure_;
};

}  // namespace holdfast::db
