// Locks of a repository: files that tell other programs (restic too) what is going on.
//
// Shared locks stand beside one another; an exclusive one stands alone. A holder writes its lock
// anew every 5 minutes; one that could not for 22.5 minutes must stop (lost() is true).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "core/base/time.h"
#include "core/crypto/digest.h"

namespace holdfast::repo {

class Repository;

enum class LockKind { kShared, kExclusive };

// The content of a lock file.
struct LockRecord {
  UtcTime time;
  bool exclusive = false;
  std::string host;
  std::string user;
  int pid = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};
std::string to_json(const LockRecord& record);
Result<LockRecord> lock_from_json(std::string_view text);

class Lock {
 public:
  // Removes the lock file; a failure to do so leaves a lock that goes stale.
  ~Lock();
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  // Whether the lock can no longer be relied on: stop writing.
  bool lost() const;

 private:
  friend class Repository;
  struct State;
  explicit Lock(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

}  // namespace holdfast::repo
