// One state transition of a run, computed in memory: what happened, the workflow task, and what it
// schedules next. Pure: no storage, no threads; the engine commits the outcome in one closure and
// lets the effects follow.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "flow/embedded/records.h"
#include "flow/embedded/reset.h"
#include "flow/event.h"
#include "flow/replay/execution.h"

namespace holdfast::flow::embedded {

// What can happen to a run.
struct SignalInput {
  std::string name;
  Json payload;
  std::string request_id;
};
struct CancelInput {
  std::string reason;
};
struct TerminateInput {
  std::string reason;
};
// An attempt returned.
struct AttemptEnded {
  std::int64_t scheduled_event_id = 0;
  int attempt = 0;
  Result<Json> outcome;
  std::optional<Json> details;  // of its last heartbeat
  std::string lease;            // of one that somebody outside ended
};
// Something about a child: the event that the parent's history gets.
struct ChildInput {
  EventType event = EventType::kUnknown;
  std::int64_t initiated_event_id = 0;
  JsonObject attributes;
};
// Time has passed: look for timers, timeouts and retries that are due.
struct DueInput {};
using HistoryInput =
    std::variant<SignalInput, CancelInput, TerminateInput, AttemptEnded, ChildInput, DueInput>;

// Signals, cancellation and timers before what ends activities and children, else as they came:
// the order in which Temporal writes what arrived during a workflow task.
void order_inputs(std::vector<HistoryInput>& inputs);

// How far the current attempt of an activity is, as its worker knows it.
struct AttemptView {
  int attempt = 1;
  UtcTime queued;
  std::optional<UtcTime> started;
  std::optional<UtcTime> heartbeat;
  std::optional<Json> details;
  bool ended = false;  // its outcome is on the way
  std::string worker;  // who has it, where that is not the engine
};

// What a transition needs to know and do outside, given by the engine.
class TransitionHost {
 public:
  virtual ~TransitionHost() = default;
  // The newest attempt of an activity that a worker has.
  virtual std::optional<AttemptView> attempt(std::int64_t scheduled_event_id) = 0;
  // Takes an attempt away from the queue; false when it has begun.
  virtual bool revoke(std::int64_t scheduled_event_id) = 0;
  // The run's execution, rebuilt from history where it is not in memory; it has seen what is
  // stored.
  virtual Result<Execution*> execution() = 0;
  virtual void drop_execution() = 0;
  // For the run that continues this one.
  virtual RunId new_run_id() = 0;
  // What arrived since the transition began (for a run that is about to close).
  virtual std::vector<HistoryInput> take_arrived() = 0;
};

class Transition {
 public:
  // Changes `state` in place; a transition that is not committed takes the state with it.
  Transition(RunState& state, TransitionHost& host, UtcTime now);

  // The first event of a new run.
  void start(JsonObject attributes);
  // The beginning of a run that goes on from another's history.
  void start_again(ResetPlan plan);
  // Applies one thing that happened. An input that has become meaningless (late, double) does
  // nothing. The run is open, or the input is ignored.
  void accept(const HistoryInput& input);
  // Has a workflow task ask the code about these updates; the answers are in `rejected` and in the
  // events. When nothing else happened and all are refused, nothing is written.
  void offer_updates(std::vector<detail::UpdateOffer> offers);
  // Asks for the first workflow task of a run that was begun by another's commit.
  void begin_if_new();
  // Tries the workflow task again at once, if it is failing (a new program may do better).
  void retry_task();
  // Runs the workflow task as long as something asks for it.
  void run_tasks();

  // Whether there is anything to commit.
  bool changed() const { return changed_ || !events.empty(); }

  // What to commit, beside the run's own row.
  std::vector<Event> events;
  std::set<std::int64_t> activities_changed;  // gone where the state has none
  std::set<std::int64_t> timers_changed;
  std::set<std::int64_t> children_changed;
  std::vector<std::string> request_ids;
  bool attributes_changed = false;
  struct UpdateChange {
    std::string id;
    std::int64_t accepted_event_id = 0;
    std::optional<Json> outcome;
  };
  std::vector<UpdateChange> updates;  // accepted or answered

  // Updates that the code refused, or all that were offered when the workflow task failed.
  std::vector<detail::UpdateRejection> rejected;

  // What to do afterwards.
  std::vector<std::int64_t> to_dispatch;  // activities whose next attempt may begin
  std::vector<std::pair<std::int64_t, int>>
      to_stop;  // attempts: 0 cancelled, 1 timed out, 2 closed
  bool children_to_tend = false;
  bool closed = false;
  // The run that continues this one, and its first event: begun in the same commit.
  std::optional<RunState> successor;
  std::optional<Event> successor_start;

 private:
  Event& append(EventType type, JsonObject attributes);
  void take_over(Event event);
  void accept_signal(const SignalInput& input);
  void accept_cancel(const CancelInput& input);
  void accept_attempt(const AttemptEnded& input);
  void accept_child(const ChildInput& input);
  void accept_due();
  void fire_timers();
  void check_activities();
  void check_activity(const ActivityRecord& record);
  void time_out(std::int64_t id, std::string_view kind, bool retryable);
  // Ends the attempt: repeats it, or closes the activity with `event`.
  void fail_attempt(ActivityRecord& record, Json failure, bool retryable, EventType event);
  void close_activity(std::int64_t id, EventType event, JsonObject attributes, bool started);
  void close_run(RunStatus status);
  void finish_task(const Execution& execution, std::int64_t scheduled, std::int64_t started);
  void fail_task(const Error& error, std::size_t task_begin);
  bool take_back_if_refused(Execution& execution, std::size_t task_begin);
  void carry_out_update(const Event& event);
  void carry_out(Event& event);
  void continue_as_new(const Event& event);
  void request_activity_cancel(std::int64_t id);
  void request_child_cancel(const Event& event);

  RunState& state_;
  TransitionHost& host_;
  UtcTime now_;
  bool changed_ = false;
  bool task_wanted_ = false;
  bool only_for_updates_ = false;
  std::vector<detail::UpdateOffer> offers_;
  std::vector<std::int64_t> cancel_at_once_;  // activities that no worker had begun
};

// When something of the run is due next, if anything.
std::optional<UtcTime> next_deadline(const RunState& state, TransitionHost& host);

}  // namespace holdfast::flow::embedded
