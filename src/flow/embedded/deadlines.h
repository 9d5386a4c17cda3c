// When which run has something due: one timer of the clock for all of them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>

#include "core/env/clock.h"
#include "flow/types.h"

namespace holdfast::flow::embedded {

// Thread-safe. `due` is called on the clock's thread and must only hand over.
class Deadlines : public std::enable_shared_from_this<Deadlines> {
 public:
  Deadlines(env::Clock& clock, std::function<void(const RunId&)> due)
      : clock_(clock), due_(std::move(due)) {}

  // For set(): taken before one looks at what a run waits for.
  std::uint64_t mark() const;
  // Sets the run's next time, as it was found after `mark`; nullopt: none. What set_earlier() has
  // asked for since stays: who looked may not have seen why.
  void set(const RunId& run, std::optional<UtcTime> when, std::uint64_t mark);
  // Sets the run's next time, unless the run has an earlier one.
  void set_earlier(const RunId& run, UtcTime when);
  void stop();

 private:
  struct Time {
    UtcTime when;
    std::uint64_t asked = 0;  // the last set_earlier() of the run; 0: none
  };

  void put_locked(const RunId& run, std::optional<Time> time);
  void fire();
  void arm_locked();

  env::Clock& clock_;
  std::function<void(const RunId&)> due_;
  mutable std::mutex mutex_;
  std::map<RunId, Time> times_;
  std::set<std::pair<UtcTime, RunId>> order_;
  env::TimerId timer_ = 0;
  UtcTime armed_for_;
  std::uint64_t asked_ = 0;  // calls of set_earlier()
  bool stopped_ = false;
};

}  // namespace holdfast::flow::embedded
