// Who may write: one session of all servers at a time.
//
// The lock is an advisory one of the session, so it is free exactly when the session has ended, and
// with it every transaction of it. The row in holdfast_server counts takeovers (`epoch`) and the
// transactions of the present holder (`commits`), and says whether it closed properly.
#pragma once

#include <cstdint>
#include <string>

#include "core/base/result.h"
#include "core/db/postgres_wire.h"

namespace holdfast::db {

class PostgresLock {
 public:
  explicit PostgresLock(std::string holder) : holder_(std::move(holder)) {}

  struct Taken {
    bool wait = false;  // another server held it and may not know yet that it lost it
    std::string from;   // its name
  };
  // The first time. kConflict: another server holds it.
  Result<Taken> take(PostgresWire& wire);
  // Declares this server the active one; from now on nothing of an older one is committed.
  Status begin_epoch(PostgresWire& wire);
  // Again, on a new session. kConflict (transient): the old session has not ended yet, which was
  // asked to; kFailedPrecondition: another server took over.
  Status retake(PostgresWire& wire);

  // Queues the proof that goes with every transaction: its number, written by the present holder
  // only; anybody else's breaks a rule of the row and ends the transaction.
  Status queue_proof(PostgresWire& wire);
  // Whether the transaction of the last proof was committed; after retake().
  Result<bool> last_committed(PostgresWire& wire);
  // Says that we close properly; errors do not matter.
  void release(PostgresWire& wire);

 private:
  Result<bool> try_lock(PostgresWire& wire);
  // Also refuses a pooler.
  Status remember_session(PostgresWire& wire);
  Error held_by_other(PostgresWire& wire);

  const std::string holder_;
  std::int64_t class_id_ = 0;
  std::int64_t object_id_ = 0;
  std::int64_t epoch_ = 0;
  std::int64_t commits_ = 0;
  std::int64_t process_ = 0;   // of the session that holds it
  std::string process_start_;  // because numbers of processes come again
};

}  // namespace holdfast::db
