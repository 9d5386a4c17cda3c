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

// A prepared statement with its parameters bound; walks its rows once.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();  // gives the compiled form back to the connection's cache

  // True: a row is there. False: done.
  Result<bool> step();
  // Getters as in Row, of the row that step() reached.
  bool is_null(int column) const;
  std::int64_t integer(int column) const;
  bool boolean(int column) const { return integer(column) != 0; }
  double real(int column) const;
  std::string text(int column) const;
  Buffer bytes(int column) const;
  UtcTime time(int column) const { return UtcTime(Nanoseconds(integer(column))); }
  Row row() const;

 private:
  friend class Connection;
  struct Compiled;
  Statement(Connection& owner, std::unique_ptr<Compiled> compiled);

  Connection* owner_;
  std::unique_ptr<Compiled> compiled_;
};

class Connection {
 public:
  struct State;
  explicit Connection(std::unique_ptr<State> state);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Runs one statement to its end; returns the number of rows it changed.
  template <class... Args>
  Result<std::int64_t> exec(std::string_view sql, const Args&... args) {
    return exec_values(sql, {to_value(args)...});
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
  template <class... Args>
  Result<Statement> prepare(std::string_view sql, const Args&... args) {
    return prepare_values(sql, {to_value(args)...});
  }

  Result<std::int64_t> exec_values(std::string_view sql, const std::vector<Value>& values);
  Result<std::vector<Row>> all_values(std::string_view sql, const std::vector<Value>& values);
  Result<std::optional<Row>> one_values(std::string_view sql, const std::vector<Value>& values);
  Result<Statement> prepare_values(std::string_view sql, const std::vector<Value>& values);

  // Several statements without parameters; for migrations and transaction control.
  Status script(const std::string& sql);
  std::int64_t last_insert_id() const;
  // Whether a transaction is open: an error of the disk may have ended it.
  bool in_transaction() const;

  State& state() { return *state_; }  // for the .cc files of this room

 private:
  friend class Statement;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::db
