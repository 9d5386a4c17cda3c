// Transactions over a wire that queues: BEGIN, SAVEPOINT and RELEASE travel with the statement that
// follows, and a closure whose statements were all posted is one round trip.
#include "core/db/postgres_session.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/db/postgres_dialect.h"

namespace holdfast::db {
namespace {

constexpr int kRowsAtOnce = 200;  // of a cursor

bool reads(std::string_view sql) { return sql.starts_with("SELECT") || sql.starts_with("WITH"); }

}  // namespace

// A cursor of the server, or rows that are here already.
class PostgresSession::Rows final : public Cursor {
 public:
  Rows(PostgresSession& session, int number) : session_(session), number_(number) {}
  Rows(PostgresSession& session, std::vector<Row> rows)
      : session_(session), here_(std::move(rows)), more_(false) {}
  ~Rows() override {
    if (number_ >= 0 && session_.in_transaction()) {
      (void)session_.run(fmt::format("CLOSE rows{}", number_), {});
    }
    session_.cursors_.erase(number_);
  }

  Result<std::optional<Row>> next() override {
    if (at_ == here_.size() && more_) {
      HF_TRY(PostgresAnswer answer,
             session_.run(fmt::format("FETCH {} FROM rows{}", kRowsAtOnce, number_), {}));
      here_ = std::move(answer.rows);
      at_ = 0;
      more_ = here_.size() == kRowsAtOnce;
    }
    return at_ < here_.size() ? std::optional(std::move(here_[at_++])) : std::nullopt;
  }

 private:
  PostgresSession& session_;
  int number_ = -1;
  std::vector<Row> here_;
  std::size_t at_ = 0;
  bool more_ = true;
};

Result<PostgresAnswer> PostgresSession::flush() {
  opened_ = opened_ || begun_;
  saved_ = saved_ || wire_->queued() > mark_;
  posted_ = false;
  mark_ = 0;
  return wire_->flush();
}

Result<PostgresAnswer> PostgresSession::run(std::string_view sql, const Values& values) {
  HF_TRY_VOID(wire_->queue(sql, values));
  return flush();
}

Result<std::int64_t> PostgresSession::exec(std::string_view sql, const Values& values) {
  HF_TRY(const PostgresAnswer answer, run(sql, values));
  return answer.changed;
}

Status PostgresSession::post(std::string_view sql, const Values& values) {
  if (!begun_) {
    return status_of(run(sql, values));
  }
  posted_ = true;
  return wire_->queue(sql, values);
}

Result<std::vector<Row>> PostgresSession::all(std::string_view sql, const Values& values) {
  HF_TRY(PostgresAnswer answer, run(sql, values));
  return std::move(answer.rows);
}

Result<std::optional<Row>> PostgresSession::one(std::string_view sql, const Values& values) {
  HF_TRY(PostgresAnswer answer, run(sql, values));
  return answer.rows.empty() ? std::nullopt : std::optional(std::move(answer.rows.front()));
}

Result<std::unique_ptr<Cursor>> PostgresSession::open(std::string_view sql, const Values& values) {
  if (!begun_ || !reads(sql)) {
    HF_TRY(PostgresAnswer answer, run(sql, values));
    return std::unique_ptr<Cursor>(std::make_unique<Rows>(*this, std::move(answer.rows)));
  }
  int number = 0;
  while (cursors_.contains(number)) {
    ++number;
  }
  HF_TRY_VOID(run(fmt::format("DECLARE rows{} CURSOR FOR {}", number, sql), values));
  cursors_.insert(number);
  return std::unique_ptr<Cursor>(std::make_unique<Rows>(*this, number));
}

Status PostgresSession::script(const std::string& sql) {
  HF_TRY_VOID(flush());
  return wire_->script(to_postgres_schema(sql));
}

Status PostgresSession::begin() {
  if (const auto error = link_->lost()) {
    return *error;
  }
  if (!wire_->alive()) {
    HF_TRY_VOID(reconnect());
  }
  begun_ = true;
  opened_ = saved_ = posted_ = false;
  return queue_begin();
}

Status PostgresSession::queue_begin() {
  return wire_->queue("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
}

Status PostgresSession::reconnect() {
  return link_->keep_trying([this]() -> Status {
    HF_TRY(wire_, link_->connect(Role::kReader));
    return {};
  });
}

Status PostgresSession::savepoint() {
  mark_ = wire_->queued();
  saved_ = posted_ = false;
  return wire_->queue("SAVEPOINT closure");
}

Status PostgresSession::release() {
  if (!saved_ && !posted_) {  // the closure did nothing
    wire_->forget_after(mark_);
    return {};
  }
  HF_TRY_VOID(wire_->queue("RELEASE closure"));
  return posted_ ? status_of(flush()) : Status();
}

Status PostgresSession::undo() {
  posted_ = false;
  wire_->forget_after(saved_ ? 0 : mark_);
  if (!saved_) {
    return {};
  }
  HF_TRY_VOID(wire_->queue("ROLLBACK TO closure"));
  return wire_->queue("RELEASE closure");
}

Status PostgresSession::commit() {
  if (!opened_) {  // nothing was done
    wire_->forget_after(0);
    begun_ = false;
    return {};
  }
  HF_TRY(const PostgresAnswer answer, run("COMMIT", {}));
  begun_ = false;
  if (answer.tag != "COMMIT") {
    return Error(Code::kInternal, "the database server undid a transaction");
  }
  return {};
}

void PostgresSession::rollback() {
  wire_->forget_after(0);
  if (begun_ && opened_ && !wire_->dead()) {
    (void)wire_->run("ROLLBACK");
  }
  begun_ = false;
}

}  // namespace holdfast::db
