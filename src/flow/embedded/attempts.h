// Attempts of activities on the threads of their queues.
//
// An attempt is queued, runs, and reports its outcome once; it can be taken back while it is queued
// and asked to stop while it runs. Nothing here is durable except heartbeats; after a restart the
// engine dispatches again whatever was pending.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "core/async/pool.h"
#include "core/db/database.h"
#include "core/env/clock.h"
#include "flow/activity.h"
#include "flow/embedded/task_queue.h"
#include "flow/embedded/transition.h"

namespace holdfast::flow::embedded {

struct AttemptKey {
  RunId run_id;
  std::int64_t scheduled_event_id = 0;
  auto operator<=>(const AttemptKey&) const = default;
};

// An attempt that was open when the process ended, and how often it was begun again before.
struct Interrupted {
  int attempt = 0;
  int times = 0;
};

class Attempt;

class Attempts {
 public:
  struct Hooks {
    // The outcome of an attempt; not called for attempts that were revoked or after stop().
    std::function<void(const AttemptKey&, AttemptEnded)> ended;
    // The attempt has begun or was heard of: timeouts count from now.
    std::function<void(const AttemptKey&, UtcTime deadline)> watch;
    std::function<void(const AttemptKey&, const ActivityInfo&, const Json& details)> heartbeat;
    // Leases an attempt to whoever gets the token; gives such a lease back.
    std::function<Result<std::string>(const AttemptKey&, const ActivityInfo&,
                                      std::optional<Json> details)>
        leave_open;
    std::function<void(const AttemptKey&)> take_back;
    // Called when the last attempt has ended.
    std::function<void()> idle;
  };

  Attempts(db::Database& database, env::Clock& clock, const ActivityRegistry& registry,
           const std::map<std::string, QueueOptions>& queues, Nanoseconds heartbeat_write_interval,
           Hooks hooks, std::map<AttemptKey, Interrupted> interrupted);
  ~Attempts();

  // Whether threads of the engine run what this queue has.
  bool serves(const std::string& queue) const { return names_.contains(queue); }
  // Queues the next attempt; does nothing when the same attempt is queued or runs.
  void dispatch(const AttemptKey& key, const ActivityRecord& record, ActivityInfo info);
  std::optional<AttemptView> view(const AttemptKey& key) const;
  // Takes a queued attempt back; true also when there is none.
  bool revoke(const AttemptKey& key);
  // Asks a running attempt to stop. Of one that timed out or whose run closed nothing is heard any
  // more.
  void stop(const AttemptKey& key, StopReason reason);
  // Why attempts that are queued in `queue` do not run; empty: nothing keeps them.
  std::string waiting_reason(const std::string& queue) const;
  // Queued and running attempts, also those nobody listens to any more.
  int active() const;
  std::uint64_t begun() const { return begun_; }
  // Asks all to stop and waits for those that run.
  void shut_down();

 private:
  friend class Attempt;
  void run(const std::shared_ptr<Attempt>& attempt);
  // For an attempt that may have ended the process before.
  Status allow_again(const Attempt& attempt);
  void finished(const std::shared_ptr<Attempt>& attempt, Result<Json> outcome);
  void write_heartbeat(const std::shared_ptr<Attempt>& attempt, std::string details);
  std::shared_ptr<Attempt> find(const AttemptKey& key) const;

  db::Database& database_;
  env::Clock& clock_;
  const ActivityRegistry& registry_;
  Nanoseconds write_interval_;
  Hooks hooks_;
  std::set<std::string, std::less<>> names_;  // of the queues
  mutable std::mutex mutex_;
  std::condition_variable quiet_;
  std::map<AttemptKey, Interrupted> interrupted_;
  std::map<AttemptKey, std::shared_ptr<Attempt>> attempts_;
  int active_ = 0;
  int running_ = 0;
  std::atomic<std::uint64_t> begun_{0};
  bool stopping_ = false;
  std::map<std::string, std::shared_ptr<TaskQueue>> queues_;
};

}  // namespace holdfast::flow::embedded
