// The state database on a PostgreSQL server (13 or newer).
//
// One active user. Whoever opens the database takes a session-level advisory lock on the connection
// that writes, so that a server that lost its session can write no more; a second one is refused
// with kConflict and tries again (it stands by). A row of its own (holdfast_server) counts the
// takeovers and the commits: every transaction proves by it that nobody took over meanwhile.
//
// A lost connection. The writer connects again, with back-off, for `lease` seconds, and finds out
// by that row whether a COMMIT whose answer was lost had happened: its closures are acknowledged,
// or told kUnavailable (transient, nothing happened). Never in between, because the old session has
// ended before the new one gets the lock. A closure that is running when the connection ends is
// told the same. After `lease` seconds without a session, or when another server took over
// meanwhile, the Database is lost: `on_lost` is called, open commits are answered with kUnavailable
// ("may or may not have happened"), every later call fails, and the owner must stop all that it
// does in the name of this state at once. A server that takes over from another waits `lease`
// seconds twice before it begins, unless the other closed properly, so that their work does not
// overlap.
//
// The connection must go to the server itself: a pooler that hands sessions around is refused.
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "core/base/error.h"
#include "core/base/result.h"
#include "core/base/secret.h"
#include "core/base/time.h"

namespace holdfast::db {

struct PostgresOptions {
  // A connection string of libpq: postgresql://user@host:port/database or key=value words. What it
  // leaves open comes from the environment and ~/.pgpass, as with psql.
  SecretString dsn;
  SecretString password;  // empty: as the dsn says
  // Names this server for others and across its own restarts: of two that call themselves the same
  // only one runs, so that no time is waited when one takes over from the other.
  std::string holder = "holdfast";
  Nanoseconds lease = std::chrono::seconds(4);
  // Ends the waiting inside of open() (kCancelled).
  std::stop_token stop;
  // Called once, on a thread of the database, which must not be closed from there.
  std::function<void(const Error&)> on_lost;
};

// The user, server and database that a connection string names, without any secret. An error says
// that it is none, without showing it.
Result<std::string> describe_postgres(const SecretString& dsn);

}  // namespace holdfast::db
