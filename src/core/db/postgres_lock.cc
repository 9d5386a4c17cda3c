#include "core/db/postgres_lock.h"

#include <fmt/core.h>

namespace holdfast::db {
namespace {

constexpr std::int64_t kLockClass = 0x48464c44;  // "HFLD", for whoever looks into pg_locks

// The lock's number for a schema: Holdfasts in different schemas do not know each other. FNV-1a.
std::int64_t lock_object(const std::string& schema) {
  std::uint32_t hash = 0x811c9dc5U;
  for (const char c : schema) {
    hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x01000193U;
  }
  return static_cast<std::int64_t>(hash & 0x7fffffffU);
}

}  // namespace

Result<bool> PostgresLock::try_lock(PostgresWire& wire) {
  if (object_id_ == 0) {
    HF_TRY(const auto schema, wire.run("SELECT current_schema()::text"));
    if (schema.rows.front().is_null(0)) {
      return Error(Code::kFailedPrecondition,
                   "the database has no schema for this user to make tables in; see search_path");
    }
    class_id_ = kLockClass;
    object_id_ = lock_object(schema.rows.front().text(0));
  }
  HF_TRY(const auto locked,
         wire.run("SELECT pg_try_advisory_lock(?1::int4, ?2::int4)", {class_id_, object_id_}));
  return locked.rows.front().boolean(0);
}

Status PostgresLock::remember_session(PostgresWire& wire) {
  HF_TRY(const auto self, wire.run("SELECT pid, backend_start::text FROM pg_stat_activity WHERE "
                                   "pid = pg_backend_pid()"));
  if (self.rows.empty() || self.rows.front().integer(0) != wire.backend_pid()) {
    return Error(Code::kFailedPrecondition,
                 "a connection pooler stands before the database server; give the address of the "
                 "server itself, because the lock of the active server lives in its session");
  }
  process_ = self.rows.front().integer(0);
  process_start_ = self.rows.front().text(1);
  return {};
}

Error PostgresLock::held_by_other(PostgresWire& wire) {
  const auto row = wire.run("SELECT holder FROM holdfast_server");
  const std::string holder = row && !row->rows.empty() ? row->rows.front().text(0) : "unknown";
  return Error(Code::kConflict, "another server is active on this database", Retry::kTransient)
      .with("active", holder);
}

Result<PostgresLock::Taken> PostgresLock::take(PostgresWire& wire) {
  HF_TRY(const bool locked, try_lock(wire));
  if (!locked) {
    return held_by_other(wire);
  }
  HF_TRY_VOID(remember_session(wire));
  HF_TRY_VOID(
      wire.script("CREATE TABLE IF NOT EXISTS holdfast_server(one BIGINT PRIMARY KEY, "
                  "epoch BIGINT NOT NULL, commits BIGINT NOT NULL "
                  "CONSTRAINT another_server_took_over CHECK (commits >= 0), "
                  "active BIGINT NOT NULL, holder TEXT COLLATE \"C\" NOT NULL)"));
  HF_TRY(const auto row, wire.run("SELECT active, holder FROM holdfast_server"));
  Taken taken;
  if (!row.rows.empty()) {
    taken.from = row.rows.front().text(1);
    taken.wait = row.rows.front().boolean(0) && taken.from != holder_;
  }
  return taken;
}

Status PostgresLock::begin_epoch(PostgresWire& wire) {
  HF_TRY(const auto row,
         wire.run("INSERT INTO holdfast_server(one, epoch, commits, active, holder) "
                  "VALUES (1, 1, 0, 1, ?1) ON CONFLICT (one) DO UPDATE SET "
                  "epoch = holdfast_server.epoch + 1, commits = 0, active = 1, "
                  "holder = excluded.holder RETURNING epoch",
                  {holder_}));
  epoch_ = row.rows.front().integer(0);
  commits_ = 0;
  return {};
}

Status PostgresLock::retake(PostgresWire& wire) {
  HF_TRY(const bool locked, try_lock(wire));
  if (!locked) {
    // Our own old session may not have noticed that its connection is gone.
    HF_TRY(const auto ended,
           wire.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = ?1 AND "
                    "backend_start::text = ?2",
                    {process_, process_start_}));
    if (!ended.rows.empty()) {
      return Error(Code::kConflict, "the old session has not ended yet", Retry::kTransient);
    }
  }
  HF_TRY(const auto row, wire.run("SELECT epoch, holder FROM holdfast_server"));
  if (!row.rows.empty() && row.rows.front().integer(0) != epoch_) {
    return Error(Code::kFailedPrecondition, "another server took over the database")
        .with("active", row.rows.front().text(1));
  }
  if (!locked) {
    return held_by_other(wire);
  }
  return remember_session(wire);
}

Status PostgresLock::queue_proof(PostgresWire& wire) {
  ++commits_;
  return wire.queue(
      "UPDATE holdfast_server SET commits = CASE epoch WHEN ?2 THEN ?1 ELSE -1 END "
      "WHERE one = 1",
      {commits_, epoch_});
}

Result<bool> PostgresLock::last_committed(PostgresWire& wire) {
  HF_TRY(const auto row,
         wire.run("SELECT commits FROM holdfast_server WHERE epoch = ?1", {epoch_}));
  return !row.rows.empty() && row.rows.front().integer(0) == commits_;
}

void PostgresLock::release(PostgresWire& wire) {
  (void)wire.run("UPDATE holdfast_server SET active = 0 WHERE epoch = ?1", {epoch_});
  // The session's end would do that too, but a moment after its connection.
  (void)wire.run("SELECT pg_advisory_unlock_all()");
}

}  // namespace holdfast::db
