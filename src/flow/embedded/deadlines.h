// When which run has something due: one timer of the clock for all of them.
#pragma once

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

  // Sets the run's next time; nullopt: none.
  void set(const RunId& run, std::optional<UtcTime> when);
  // The same, unless the run has an earlier one.
  void set_earlier(const RunId& run, UtcTime when);
  void stop();

 private:
  void fire();
  void arm_locked();

  env::Clock& clock_;
  std::function<void(const RunId&)> due_;
  std::mutex mutex_;
  std::map<RunId, UtcTime> times_;
  std::set<std::pair<UtcTime, RunId>> order_;
  env::TimerId timer_ = 0;
  UtcTime armed_for_;
  bool stopped_ = false;
};

}  // namespace holdfast::flow::embedded
