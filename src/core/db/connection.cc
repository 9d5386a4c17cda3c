// Rows, and statements as the port shows them; the work is the session's.
#include "core/db/connection.h"

#include "core/db/session.h"

namespace holdfast::db {
namespace {

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

Statement::Statement(Connection& owner, std::unique_ptr<Cursor> cursor)
    : owner_(&owner), cursor_(std::move(cursor)) {}
Statement::Statement(Statement&& other) noexcept = default;
Statement::~Statement() = default;

Result<bool> Statement::step() {
  HF_TRY(std::optional<Row> row, owner_->noted(cursor_->next()));
  if (!row) {
    return false;
  }
  row_ = *std::move(row);
  return true;
}

Connection::Connection(std::unique_ptr<Session> session) : session_(std::move(session)) {}
Connection::~Connection() = default;

Result<std::int64_t> Connection::exec_values(std::string_view sql,
                                             const std::vector<Value>& values) {
  return noted(session_->exec(sql, values));
}

Status Connection::post_values(std::string_view sql, const std::vector<Value>& values) {
  return noted(session_->post(sql, values));
}

Result<std::vector<Row>> Connection::all_values(std::string_view sql,
                                                const std::vector<Value>& values) {
  return noted(session_->all(sql, values));
}

Result<std::optional<Row>> Connection::one_values(std::string_view sql,
                                                  const std::vector<Value>& values) {
  return noted(session_->one(sql, values));
}

Result<Statement> Connection::prepare_values(std::string_view sql,
                                             const std::vector<Value>& values) {
  HF_TRY(auto cursor, noted(session_->open(sql, values)));
  return Statement(*this, std::move(cursor));
}

Status Connection::script(const std::string& sql) { return noted(session_->script(sql)); }

}  // namespace holdfast::db
