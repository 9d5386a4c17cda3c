// The server as a back end: who connects how, the writer with its lock, and losing it.
#include <fmt/core.h>

#include "core/async/run.h"
#include "core/base/log.h"
#include "core/db/postgres_session.h"

namespace holdfast::db {
namespace {

constexpr int kOldestServer = 130000;
constexpr int kWatchTimeoutMs = 3000;
constexpr Nanoseconds kFirstDelay = std::chrono::milliseconds(20);
constexpr Nanoseconds kLongestDelay = std::chrono::milliseconds(500);

// Commits reach the disk before they are acknowledged, unless that is not wanted; what an
// administrator set beyond that (synchronous replicas) stays.
constexpr const char* kFull =
    "SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' "
    "THEN 'on' ELSE current_setting('synchronous_commit') END, false)";
constexpr const char* kNormal = "SELECT set_config('synchronous_commit', 'off', false)";

// The session that writes: one for all servers.
class PostgresWriter final : public PostgresSession {
 public:
  PostgresWriter(std::shared_ptr<PostgresLink> link, std::unique_ptr<PostgresWire> wire,
                 PostgresLock lock)
      : PostgresSession(std::move(link), std::move(wire)), lock_(std::move(lock)) {}
  ~PostgresWriter() override {
    if (!link_->lost() && wire_->alive()) {
      lock_.release(*wire_);
    }
  }

  Status commit() override {
    Status done = PostgresSession::commit();
    while (!done && wire_->dead()) {
      begun_ = false;
      if (const Status again = reconnect(); !again) {
        return Error(Code::kUnavailable,
                     "the database server was lost during a commit, which may or may not have "
                     "happened",
                     Retry::kTransient)
            .caused_by(again.error());
      }
      const auto committed = lock_.last_committed(*wire_);
      if (committed && *committed) {
        return {};
      }
      if (committed) {
        return done;
      }
    }
    return done;
  }

  void watch() override {
    if (link_->lost()) {
      return;
    }
    if (wire_->alive() && wire_->queue("SELECT 1")) {
      (void)wire_->flush(kWatchTimeoutMs);
    }
    if (wire_->dead()) {
      (void)reconnect();
    }
  }

 protected:
  Status reconnect() override {
    Status done = link_->keep_trying([this]() -> Status {
      HF_TRY(auto wire, link_->connect(Role::kWriter));
      HF_TRY_VOID(lock_.retake(*wire));
      wire_ = std::move(wire);
      return {};
    });
    if (!done) {
      link_->lose(done.error());
      return *link_->lost();
    }
    log_warn("database.reconnected", {{"server", link_->address().describe()}});
    return done;
  }

  Status queue_begin() override {
    HF_TRY_VOID(wire_->queue("BEGIN"));
    return lock_.queue_proof(*wire_);
  }

 private:
  PostgresLock lock_;
};

class PostgresBackend final : public Backend {
 public:
  explicit PostgresBackend(std::shared_ptr<PostgresLink> link) : link_(std::move(link)) {}

  Result<std::unique_ptr<Session>> open(Role role) override {
    HF_TRY(auto wire, link_->connect(role));
    if (role == Role::kReader) {
      return std::unique_ptr<Session>(std::make_unique<PostgresSession>(link_, std::move(wire)));
    }
    const PostgresOptions& server = link_->server();
    PostgresLock lock(server.holder);
    HF_TRY(const PostgresLock::Taken taken, lock.take(*wire));
    if (taken.wait) {
      log_info("database.taking_over", {{"from", taken.from}});
      if (!async::wait_blocking(link_->clock(), 2 * server.lease, server.stop)) {
        return Error(Code::kCancelled, "asked to stop while taking over the database");
      }
    }
    HF_TRY_VOID(lock.begin_epoch(*wire));
    return std::unique_ptr<Session>(
        std::make_unique<PostgresWriter>(link_, std::move(wire), std::move(lock)));
  }
  std::string where() const override { return link_->address().describe(); }
  bool wants_watch() const override { return true; }

 private:
  std::shared_ptr<PostgresLink> link_;
};

}  // namespace

Result<std::unique_ptr<PostgresWire>> PostgresLink::connect(Role role) const {
  HF_TRY(auto wire, PostgresWire::connect(address_));
  if (wire->server_version() < kOldestServer) {
    return Error(Code::kFailedPrecondition,
                 "the database server is too old; use PostgreSQL 13 or "
                 "newer")
        .with("server", address_.describe());
  }
  HF_TRY(const auto facts, wire->run("SELECT pg_is_in_recovery(), "
                                     "current_setting('server_encoding')"));
  if (facts.rows.front().text(1) != "UTF8") {
    return Error(Code::kFailedPrecondition,
                 "the database is not in UTF-8; create it with ENCODING 'UTF8'")
        .with("server", address_.describe())
        .with("encoding", facts.rows.front().text(1));
  }
  if (facts.rows.front().boolean(0)) {  // also for readers: they see what was acknowledged
    return Error(Code::kUnavailable,
                 "the database server is a replica that only reads; name the primary server",
                 Retry::kTransient)
        .with("server", address_.describe());
  }
  if (role == Role::kWriter) {
    HF_TRY_VOID(wire->run(durability_ == Durability::kFull ? kFull : kNormal));
  }
  return wire;
}

Status PostgresLink::keep_trying(const std::function<Status()>& attempt) {
  const MonoTime end = clock_.mono() + server_.lease;
  Nanoseconds delay = kFirstDelay;
  while (true) {
    if (const auto error = lost()) {
      return *error;
    }
    Status done = attempt();
    if (done || done.error().retry() != Retry::kTransient || clock_.mono() + delay > end ||
        !async::wait_blocking(clock_, delay, server_.stop)) {
      return done;
    }
    delay = std::min(2 * delay, kLongestDelay);
  }
}

void PostgresLink::lose(const Error& why) {
  Error error = Error(Code::kUnavailable, "this server is no longer the active one on its database",
                      Retry::kTransient)
                    .caused_by(why);
  {
    const std::lock_guard lock(mutex_);
    if (lost_) {
      return;
    }
    lost_ = error;
  }
  log_error("database.lost", {{"error", error.to_string()}});
  if (server_.on_lost) {
    server_.on_lost(error);
  }
}

std::optional<Error> PostgresLink::lost() const {
  const std::lock_guard lock(mutex_);
  return lost_;
}

std::unique_ptr<Backend> postgres_backend(std::shared_ptr<PostgresLink> link) {
  return std::make_unique<PostgresBackend>(std::move(link));
}

}  // namespace holdfast::db
