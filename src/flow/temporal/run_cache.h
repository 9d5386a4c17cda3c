// Runs that stay in memory between their workflow tasks, so that a task brings only what is new.
//
// Whoever works on a run holds it until the server has taken the answer; a further task of the run,
// which may come before that answer's reply, waits. A run that does not come back is built again
// from its history.
#pragma once

#include <deque>
#include <functional>
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
  // Given the run, or nullptr when it is not in memory.
  using Use = std::move_only_function<void(std::unique_ptr<CachedRun>)>;

  explicit RunCache(std::size_t limit) : limit_(limit) {}

  // Calls `use` now, or when whoever holds the run gives it back, on that thread.
  void hold(const std::string& run_id, Use use) {
    std::unique_lock lock(mutex_);
    const auto [held, first] = held_.try_emplace(run_id);
    if (!first) {
      held->second.push_back(std::move(use));
      return;
    }
    std::unique_ptr<CachedRun> run = take(run_id);
    lock.unlock();
    use(std::move(run));
  }

  // Once for each hold. nullptr: the run is no longer what the server has.
  void give_back(const std::string& run_id, std::unique_ptr<CachedRun> run) {
    if (limit_ == 0) {
      run = nullptr;
    }
    std::unique_lock lock(mutex_);
    const auto held = held_.find(run_id);
    if (!held->second.empty()) {
      Use use = std::move(held->second.front());
      held->second.pop_front();
      lock.unlock();
      return use(std::move(run));
    }
    held_.erase(held);
    if (run) {
      put(run_id, std::move(run));
    }
  }

 private:
  using Runs = std::list<std::pair<std::string, std::unique_ptr<CachedRun>>>;

  std::unique_ptr<CachedRun> take(const std::string& run_id) {
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
    runs_.emplace_front(run_id, std::move(run));
    places_[run_id] = runs_.begin();
    if (runs_.size() > limit_) {
      places_.erase(runs_.back().first);
      runs_.pop_back();
    }
  }

  const std::size_t limit_;
  std::mutex mutex_;
  Runs runs_;  // used most recently first
  std::map<std::string, Runs::iterator> places_;
  std::map<std::string, std::deque<Use>> held_;  // and who waits for them
};

}  // namespace holdfast::flow::temporal
