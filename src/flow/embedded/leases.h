// Attempts that no thread of the engine runs: those that wait in a queue until somebody polls for
// them, and those that somebody has, under a lease.
//
// A lease (its id, who has it, since when, when it was last heard of) is in the attempt's row
// before anybody is told of it, so an engine that starts again knows who works on what, and waits
// for them. The row's lease goes with the attempt; the timeouts of the activity are the only clock
// of a lease.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "core/db/database.h"
#include "core/env/clock.h"
#include "core/env/random.h"
#include "flow/embedded/attempts.h"
#include "flow/embedded/waiter.h"
#include "flow/tasks.h"

namespace holdfast::flow::embedded {

// kNotFound: for whoever speaks for an attempt that is over.
Error attempt_is_over();

// Names an attempt for who has it: "run/scheduled event/lease".
struct LeaseToken {
  AttemptKey key;
  std::string lease;

  std::string text() const;
  // nullopt: not a text of ours.
  static std::optional<LeaseToken> parse(std::string_view text);
};

// Thread-safe.
class Leases {
 public:
  Leases(db::Database& database, env::Clock& clock, env::Random& random,
         Nanoseconds heartbeat_write_interval, Attempts::Hooks hooks);

  // Puts the next attempt into its queue, or takes it up where the record has a lease; does nothing
  // when the same attempt is here.
  void dispatch(const AttemptKey& key, const ActivityRecord& record, ActivityInfo info);
  std::optional<AttemptView> view(const AttemptKey& key) const;
  // Takes an attempt that waits away; true also when there is none.
  bool revoke(const AttemptKey& key);
  // Says "cancelled" with the next heartbeat; for any other reason nothing is heard of it any more.
  void stop(const AttemptKey& key, StopReason reason);
  // Why attempts that wait in `queue` do not begin.
  std::string waiting_reason(const std::string& queue) const;

  // What TaskClient::poll and heartbeat do.
  Co<Result<std::optional<ActivityTask>>> poll(std::string queue, std::string worker,
                                               Nanoseconds patience);
  Co<Result<HeartbeatAnswer>> heartbeat(LeaseToken token, Json details);
  // The end of an attempt, for its run: the lease is over for everybody from now on. kNotFound: it
  // was before.
  Co<Result<AttemptEnded>> take_end(LeaseToken token, Result<Json> outcome);

  // Leases an attempt that a thread of the engine runs to whoever gets the token; blocks for the
  // commit.
  Result<std::string> leave_open(const AttemptKey& key, const ActivityInfo& info,
                                 std::optional<Json> details);
  // The end of this attempt is stored: forgets its lease.
  void forget(const LeaseToken& token);
  // Whether this very attempt is here and goes on.
  bool has(const AttemptKey& key, int attempt) const;
  // Lets all polls go: they return nothing.
  void stop_polls();

 private:
  struct Open {
    ActivityInfo info;
    Json input;
    std::optional<Json> details;
    UtcTime queued;
    std::uint64_t turn = 0;  // among those of its priority
    std::string lease;       // empty: it waits
    std::string worker;
    std::optional<UtcTime> started;
    std::optional<UtcTime> heartbeat;
    std::optional<UtcTime> written;
    StopReason stop = StopReason::kNone;
    bool ending = false;
  };
  using Place = std::tuple<int, std::uint64_t, AttemptKey>;  // priority, turn

  Open* find_locked(const LeaseToken& token);
  // Puts it into its queue; returns who is to be woken, once the lock is gone.
  std::vector<std::weak_ptr<Waiter>> wait_locked(const AttemptKey& key, Open& open);
  static void wake(const std::vector<std::weak_ptr<Waiter>>& pollers);
  std::optional<LeaseToken> take_locked(const std::string& queue, const std::string& worker);
  Co<Result<bool>> store(LeaseToken token, std::string worker, int attempt, UtcTime started);
  void give_back(const LeaseToken& token);
  // Whether the row has this lease, and whether a cancel was asked for: for leases that this engine
  // has not taken up yet.
  Co<Result<HeartbeatAnswer>> look_up(LeaseToken token);
  void write_heartbeat(const LeaseToken& token, std::string details, UtcTime heard);

  db::Database& database_;
  env::Clock& clock_;
  env::Random& random_;
  const Nanoseconds write_interval_;
  const Attempts::Hooks hooks_;
  mutable std::mutex mutex_;
  std::map<AttemptKey, Open> open_;
  std::map<std::string, std::set<Place>> waiting_;
  std::map<std::string, std::vector<std::weak_ptr<Waiter>>> pollers_;
  std::uint64_t last_turn_ = 0;
  bool stopped_ = false;
};

}  // namespace holdfast::flow::embedded
