// One run in memory: history goes in, window by window, and the workflow code is driven by it.
//
// The same object serves the engine (new events of a transition), a rebuild after a restart (the
// whole history) and the replayer. It is not thread-safe: one thread works on a run at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "flow/event.h"
#include "flow/replay/runtime.h"
#include "flow/workflow.h"

namespace holdfast::flow {

class Execution {
 public:
  // `registry` outlives it.
  explicit Execution(const WorkflowRegistry& registry) : registry_(&registry) {}

  // Takes the next events of the history, ids without a gap. Code runs at each
  // WorkflowTaskStarted that ends a window; it counts as replay unless that is the last event.
  // Fails with kFailedPrecondition (code and history differ), kNotFound (unknown workflow type),
  // kInternal (exception) or kDataLoss (gap); the object is of no use afterwards.
  Status apply(std::span<const Event> events);

  // What the code asked for in the last window: the commands that no event has matched yet.
  const std::deque<std::shared_ptr<detail::Command>>& commands() const { return commands_; }
  // An update for the next window that is no replay.
  void offer(detail::UpdateOffer offer) { offers_.push_back(std::move(offer)); }
  // What the last window refused.
  std::vector<detail::UpdateRejection> take_rejections() { return std::exchange(rejections_, {}); }
  // Success when the history matches everything that the code asked for.
  Status check_complete() const;

  // Of a run that has started.
  const RunInfo& info() const { return runtime_->info(); }
  std::int64_t last_event_id() const { return last_event_id_; }
  Result<Json> query(std::string_view name, const Json& args) const;
  const Json& progress() const;

 private:
  Status start(const Event& event);
  Status run_window(const Event& started, bool replaying);
  Status match(const Event& event);
  // Whether the next command is what this event recorded.
  bool asks_for(const Event& event) const;

  const WorkflowRegistry* registry_;
  std::unique_ptr<detail::Runtime> runtime_;
  std::vector<Event> window_;
  std::vector<detail::UpdateOffer> offers_;
  std::vector<detail::UpdateRejection> rejections_;
  std::deque<std::shared_ptr<detail::Command>> commands_;
  std::int64_t last_event_id_ = 0;
};

}  // namespace holdfast::flow
