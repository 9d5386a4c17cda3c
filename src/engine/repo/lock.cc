// Acquiring: look at the locks there are; write the own; wait; look again, since another process
// may have done the same at the same time; give way on conflict. Refreshing writes a new lock file
// and then removes the old one, driven by the clock and done on the repository's lock thread.
#include "engine/repo/lock.h"

#include <fmt/core.h>

#include <future>
#include <optional>
#include <vector>

#include "core/async/run.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "engine/repo/go_text.h"
#include "engine/repo/repository.h"

namespace holdfast::repo {
namespace {

constexpr Nanoseconds kRefreshEvery = std::chrono::minutes(5);
constexpr Nanoseconds kStaleAfter = std::chrono::minutes(30);
constexpr Nanoseconds kLostAfter = std::chrono::seconds(1350);  // 22.5 minutes

struct FoundLock {
  blob::ObjectKey key;
  LockRecord record;
};

bool owner_is_dead(const LockRecord& record, const Environment& environment) {
  return record.host == environment.host && record.pid != 0 && environment.process_alive &&
         !environment.process_alive(record.pid);
}

bool is_stale(const LockRecord& record, const Environment& environment) {
  return environment.clock->now() - record.time > kStaleAfter || owner_is_dead(record, environment);
}

// All locks but `own`. A file that vanished meanwhile is none; an empty one was never finished.
Result<std::vector<FoundLock>> find_locks(Repository& repository,
                                          const std::optional<blob::ObjectKey>& own) {
  HF_TRY(const auto files, repository.list(blob::ObjectType::kLock));
  std::vector<FoundLock> found;
  for (const blob::ObjectInfo& file : files) {
    if (file.size == 0 || (own && file.key == *own)) {
      continue;
    }
    const auto text = repository.load_unpacked(file.key);
    if (!text) {
      if (text.error().code() == Code::kNotFound) {
        continue;
      }
      return text.error();
    }
    HF_TRY(const LockRecord record, lock_from_json(*text));
    found.push_back({file.key, record});
  }
  return found;
}

Status check_conflict(Repository& repository, LockKind kind,
                      const std::optional<blob::ObjectKey>& own) {
  HF_TRY(const auto locks, find_locks(repository, own));
  for (const FoundLock& lock : locks) {
    if (owner_is_dead(lock.record, repository.environment())) {
      HF_TRY_VOID(repository.remove(lock.key));
      log_info("repo.stale_lock_removed", {{"lock", lock.key.name}, {"pid", lock.record.pid}});
      continue;
    }
    if (kind == LockKind::kExclusive || lock.record.exclusive) {
      return Error(
          Code::kConflict,
          fmt::format("the repository is locked {}by {} on {} (process {}) since {}; wait, "
                      "or run `holdfast repo unlock` if that process is gone",
                      lock.record.exclusive ? "exclusively " : "", lock.record.user,
                      lock.record.host, lock.record.pid, to_rfc3339(lock.record.time)),
          Retry::kTransient);
    }
  }
  return {};
}

Result<blob::ObjectKey> write_lock(Repository& repository, LockKind kind) {
  const Environment& environment = repository.environment();
  const LockRecord record{.time = environment.clock->now(),
                          .exclusive = kind == LockKind::kExclusive,
                          .host = environment.host,
                          .user = environment.user,
                          .pid = environment.pid,
                          .uid = environment.uid,
                          .gid = environment.gid};
  HF_TRY(const crypto::Digest id,
         repository.save_unpacked(blob::ObjectType::kLock, to_json(record)));
  return blob::ObjectKey{blob::ObjectType::kLock, to_hex(id)};
}

void wait(env::Clock& clock, Nanoseconds duration) {
  if (duration > Nanoseconds(0)) {
    std::promise<void> over;
    clock.call_at(clock.mono() + duration, [&over] { over.set_value(); });
    over.get_future().wait();
  }
}

}  // namespace

std::string to_json(const LockRecord& record) {
  std::string out =
      fmt::format(R"({{"time":"{}","exclusive":{},"hostname":{},"username":{},"pid":{})",
                  to_rfc3339(record.time), record.exclusive, json_string(record.host),
                  json_string(record.user), record.pid);
  out += record.uid != 0 ? fmt::format(",\"uid\":{}", record.uid) : "";
  out += record.gid != 0 ? fmt::format(",\"gid\":{}", record.gid) : "";
  return out + "}";
}

Result<LockRecord> lock_from_json(std::string_view text) {
  const auto json = parse_json(text, 1u << 20);
  if (!json || !json->is_object()) {
    return Error(Code::kDataLoss, "a lock of the repository is not valid JSON");
  }
  const auto time = parse_rfc3339(get_string(*json, "time"));
  return LockRecord{.time = time ? *time : UtcTime(),
                    .exclusive = get_bool(*json, "exclusive"),
                    .host = get_string(*json, "hostname"),
                    .user = get_string(*json, "username"),
                    .pid = static_cast<int>(get_int(*json, "pid")),
                    .uid = static_cast<std::uint32_t>(get_int(*json, "uid")),
                    .gid = static_cast<std::uint32_t>(get_int(*json, "gid"))};
}

// Shared between the holder, the clock's callback and the refreshing thread.
struct Lock::State : std::enable_shared_from_this<Lock::State> {
  State(Repository& owner, async::Pool& pool_used, LockKind wanted, blob::ObjectKey file)
      : repository(owner),
        pool(pool_used),
        clock(*owner.environment().clock),
        kind(wanted),
        key(std::move(file)),
        refreshed(clock.mono()) {}

  void schedule() {
    const std::lock_guard guard(mutex);
    if (!released) {
      timer = clock.call_at(clock.mono() + kRefreshEvery, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) {
          self->start_refresh(self);
        }
      });
    }
  }

  void start_refresh(const std::shared_ptr<State>& self) {
    const std::lock_guard guard(mutex);
    if (!released) {
      pool.post([self] { self->refresh(); });
    }
  }

  void refresh() {
    {
      const std::lock_guard working(work);
      if (is_released()) {
        return;
      }
      const auto fresh = write_lock(repository, kind);
      if (fresh) {
        static_cast<void>(repository.remove(key));  // the old one goes stale by itself
        key = *fresh;
        refreshed = clock.mono();
      } else {
        log_warn("repo.lock_not_refreshed", {{"error", fresh.error().to_string()}});
      }
    }
    schedule();
  }

  bool is_released() {
    const std::lock_guard guard(mutex);
    return released;
  }

  void release() {
    {
      const std::lock_guard guard(mutex);
      released = true;
      clock.cancel(timer);
    }
    const std::lock_guard working(work);  // a refresh that is running ends first
    if (const Status removed = repository.remove(key); !removed) {
      log_warn("repo.lock_not_removed", {{"error", removed.error().to_string()}});
    }
  }

  Repository& repository;
  async::Pool& pool;
  env::Clock& clock;
  const LockKind kind;
  std::mutex work;  // held while lock files are written or removed
  blob::ObjectKey key;
  std::atomic<MonoTime> refreshed;
  std::mutex mutex;
  bool released = false;
  env::TimerId timer = 0;
};

Lock::~Lock() { state_->release(); }

bool Lock::lost() const { return state_->clock.mono() - state_->refreshed.load() > kLostAfter; }

Result<std::unique_ptr<Lock>> Repository::lock(LockKind kind) {
  HF_TRY_VOID(check_conflict(*this, kind, std::nullopt));
  HF_TRY(const blob::ObjectKey own, write_lock(*this, kind));
  wait(*environment_.clock, environment_.lock_settle);
  if (const Status conflict = check_conflict(*this, kind, own); !conflict) {
    static_cast<void>(remove(own));
    return conflict.error();
  }
  auto state = std::make_shared<Lock::State>(*this, lock_pool_, kind, own);
  state->schedule();
  return std::unique_ptr<Lock>(new Lock(std::move(state)));
}

Result<int> Repository::unlock(bool all) {
  HF_TRY(const auto files, list(blob::ObjectType::kLock));
  int removed = 0;
  for (const blob::ObjectInfo& file : files) {
    const auto text = load_unpacked(file.key);
    const auto record = text ? lock_from_json(*text) : Result<LockRecord>(text.error());
    const bool gone = record ? is_stale(*record, environment_) : file.size == 0;
    if (all || gone) {
      HF_TRY_VOID(remove(file.key));
      ++removed;
    }
  }
  return removed;
}

}  // namespace holdfast::repo
