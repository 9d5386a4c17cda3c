// Runs that stay in memory between their workflow tasks, so that a task brings only what is new.
//
// Whoever works on a run has taken it out; it comes back when the server has accepted the task. A
// run that does not come back is built again from its history.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "flow/replay/execution.h"
#include "flow/temporal/history_pages.h"

namespace holdfast::flow::temporal {

struct CachedRun {
  explicit CachedRun(const WorkflowRegistry& workflows) : execution(workflows) {}

  Status take(const std::vector<Event>& events) {
    for (const Event& event : events) {
      noted = noted_progress(event).value_or(std::move(noted));
      if (event.id == 1) {
        const Json* found = event.attributes.if_contains("header");
        header = found ? *found : Json();
      }
    }
    return execution.apply(events);
  }

  Execution execution;
  Json noted;   // progress as the history has it
  Json header;  // of the run
};

// Thread-safe.
class RunCache {
 public:
  explicit RunCache(std::size_t limit) : limit_(limit) {}

  // nullptr: not here.
  std::unique_ptr<CachedRun> take(const std::string& run_id) {
    const std::lock_guard lock(mutex_);
    const auto found = places_.find(run_id);
    if (found == places_.end()) {
      return nullptr;
    }
    std::unique_ptr<CachedRun> run = std::move(found->second->second);
    runs_.erase(found->second);
    places_.erase(found);
    return run;
  }

  // The run that was used least recently leaves when there are too many.
  void put(const std::string& run_id, std::unique_ptr<CachedRun> run) {
    if (limit_ == 0) {
      return;
    }
    const std::lock_guard lock(mutex_);
    if (const auto known = places_.find(run_id); known != places_.end()) {
      runs_.erase(known->second);
      places_.erase(known);
    }
    runs_.emplace_front(run_id, std::move(run));
    places_[run_id] = runs_.begin();
    if (runs_.size() > limit_) {
      places_.erase(runs_.back().first);
      runs_.pop_back();
    }
  }

 private:
  using Runs = std::list<std::pair<std::string, std::unique_ptr<CachedRun>>>;

  const std::size_t limit_;
  std::mutex mutex_;
  Runs runs_;  // used most recently first
  std::map<std::string, Runs::iterator> places_;
};

}  // namespace holdfast::flow::temporal
