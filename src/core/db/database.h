// The state database behind one port: one writer, many readers, commits in groups. It lies in a
// file (SQLite) or on a server (PostgreSQL); nobody above sees a difference.
//
// Roles. One thread owns the only connection that writes and checkpoints; it takes queued closures,
// runs each in a savepoint of one transaction, commits once, and acknowledges them all afterwards.
// Readers are read-only connections on snapshots. So a caller never waits for more than one
// commit that was already under way, and many callers share one fsync.
//
//   HF_CO_TRY(const auto id, co_await db.write([name](db::Connection& sql) -> Result<int64_t> {
//     HF_TRY(const auto row, sql.one("INSERT INTO thing(name) VALUES (?1) RETURNING id", name));
//     return row->integer(0);
//   }));
//
// Rules for closures: they capture what they need by value, touch only the connection (no network,
// no waiting), and return Result<T>. An error, also one of a statement that the closure passed
// over, rolls back that closure alone. They may run on any thread. SQL: see connection.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/async/co.h"
#include "core/base/result.h"
#include "core/db/connection.h"

namespace holdfast::db {

using async::Co;

// One step of a room's schema. Versions of a room start at 1 and have no gaps; a step that was
// released never changes (its checksum is stored and compared at every start). It is written in
// SQLite's words; PostgreSQL gets INTEGER as BIGINT, INTEGER PRIMARY KEY as an identity, REAL, BLOB
// and TEXT as DOUBLE PRECISION, BYTEA and TEXT COLLATE "C".
struct Migration {
  std::string room;
  int version = 0;
  std::string sql;  // one or more statements; tables are STRICT
};
using Migrations = std::vector<Migration>;

enum class Durability {
  kFull,    // every acknowledged commit survives power loss
  kNormal,  // survives the end of the process; power loss (PostgreSQL: also the end of the
            // database server) may take the last commits
};

struct Options {
  Durability durability = Durability::kFull;
  int readers = 3;          // read connections, and threads of the reading pool
  int largest_group = 512;  // closures per commit at most
  std::string vfs;          // SQLite only; empty: its default; tests name a FaultVfs
};

class Backend;           // session.h, of this room only
struct PostgresOptions;  // postgres.h

class Database {
 public:
  // Opens or creates the file, checks it, brings its schema up to date (each step in its own
  // transaction). A file with steps that this program does not know is refused with
  // kFailedPrecondition and left as it is. `path` ":memory:" is refused: roles need a file.
  static Result<std::unique_ptr<Database>> open(const std::string& path,
                                                const Migrations& migrations, Options options = {});
  // The same on a PostgreSQL server, as its one active user; see postgres.h for what that means and
  // which errors it has.
  static Result<std::unique_ptr<Database>> open(const PostgresOptions& server,
                                                const Migrations& migrations, Options options = {});
  // Runs what is queued, then closes. No call may be under way.
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Queues fn(Connection&) -> Result<T> for the writer; completes after the commit. An error of the
  // commit itself is returned to every closure of its group: none of them happened.
  template <class F>
  Co<std::invoke_result_t<F&, Connection&>> write(F fn) {
    using R = std::invoke_result_t<F&, Connection&>;
    auto slot = std::make_shared<std::optional<R>>();
    Closure closure = keep_result<R>(slot, std::move(fn));
    Status done = co_await write_erased(std::move(closure));
    co_return take<R>(std::move(done), *slot);
  }

  // Runs fn(Connection&) -> Result<T> on a reading connection, on the reading pool, inside one
  // snapshot: it sees every write that was acknowledged before the call.
  template <class F>
  Co<std::invoke_result_t<F&, Connection&>> read(F fn) {
    using R = std::invoke_result_t<F&, Connection&>;
    auto slot = std::make_shared<std::optional<R>>();
    Closure closure = keep_result<R>(slot, std::move(fn));
    Status done = co_await read_erased(std::move(closure));
    co_return take<R>(std::move(done), *slot);
  }

  // The same two for a thread that may block (pools, tests); never on an I/O thread.
  template <class F>
  std::invoke_result_t<F&, Connection&> write_blocking(F fn) {
    using R = std::invoke_result_t<F&, Connection&>;
    auto slot = std::make_shared<std::optional<R>>();
    Status done = write_erased_blocking(keep_result<R>(slot, std::move(fn)));
    return take<R>(std::move(done), *slot);
  }
  template <class F>
  std::invoke_result_t<F&, Connection&> read_blocking(F fn) {
    using R = std::invoke_result_t<F&, Connection&>;
    auto slot = std::make_shared<std::optional<R>>();
    Status done = read_erased_blocking(keep_result<R>(slot, std::move(fn)));
    return take<R>(std::move(done), *slot);
  }

  // The form without coroutine: `done` runs on the writer's thread after the commit (or its
  // failure) and must only hand over. It runs exactly once, also when the database closes.
  using Closure = std::move_only_function<Status(Connection&)>;
  using Done = std::move_only_function<void(Status)>;
  void submit_write(Closure closure, Done done);

  // SQLite: moves the write-ahead log into the file; runs on the writer. Also done by size by
  // itself.
  Status checkpoint();

  // Commits and closures since open; their ratio is the size of the groups.
  struct Stats {
    std::uint64_t commits = 0;
    std::uint64_t closures = 0;
  };
  Stats stats() const;

 private:
  struct State;
  explicit Database(std::unique_ptr<State> state);
  static Result<std::unique_ptr<Database>> open_on(std::unique_ptr<Backend> backend,
                                                   const Migrations& migrations,
                                                   const Options& options);

  template <class R, class F>
  static Closure keep_result(std::shared_ptr<std::optional<R>> slot, F fn) {
    return [slot = std::move(slot), fn = std::move(fn)](Connection& connection) mutable -> Status {
      slot->emplace(fn(connection));
      return slot->value() ? Status{} : Status{(*slot)->error()};
    };
  }
  template <class R>
  static R take(Status done, std::optional<R>& slot) {
    if (!done) {
      return std::move(done).error();
    }
    return std::move(*slot);
  }

  Co<Status> write_erased(Closure closure);
  Co<Status> read_erased(Closure closure);
  Status write_erased_blocking(Closure closure);
  Status read_erased_blocking(Closure closure);

  std::unique_ptr<State> state_;
};

// SQLite's version as the running library tells it; for `version --all` and start-up logs.
std::string library_version();

}  // namespace holdfast::db
