// The rows of runs: loading, committing a transition, finding and listing. Functions that take a
// connection run inside a closure of db::Database.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/db/connection.h"
#include "flow/embedded/records.h"
#include "flow/embedded/transition.h"

namespace holdfast::flow::embedded {

// What a start asks about runs that exist.
struct StartCheck {
  std::string request_id;
  IdReuse reuse = IdReuse::kAllow;
  IdConflict conflict = IdConflict::kFail;
};

// A transition as rows, ready for the writer: everything is text already.
struct CommitPlan {
  RunState run;  // without activities, timers, children
  std::int64_t first_event_id = 0;
  std::string events;  // empty: none
  std::vector<std::pair<std::int64_t, std::optional<ActivityRecord>>> activities;
  std::vector<std::pair<std::int64_t, std::optional<TimerRecord>>> timers;
  std::vector<std::pair<std::int64_t, std::optional<ChildRecord>>> children;
  std::vector<std::string> request_ids;
  std::vector<Transition::UpdateChange> updates;
  bool attributes_changed = false;
  std::optional<StartCheck> start;  // the run is new
  // The run that continues this one, with its first event.
  std::optional<RunState> successor;
  std::string successor_start;
};
CommitPlan plan_commit(const RunState& state, const Transition& transition);
// For a start that meets an existing run: kAlreadyExists, with its id in `existing` when the caller
// is to have that run.
Status commit(db::Connection& sql, const CommitPlan& plan, std::optional<RunId>& existing);

// Columns of flow_runs in the order that summary_of reads.
std::string_view run_columns();
Result<RunSummary> summary_of(const db::Row& row);
// kNotFound: no such run.
Result<RunState> load_run(db::Connection& sql, const RunId& run);
Result<std::vector<Event>> load_history(db::Connection& sql, const RunId& run, std::int64_t after);
// The first and the last batch of the history only.
Result<std::vector<Event>> load_ends(db::Connection& sql, const RunId& run);
Result<RunId> resolve(db::Connection& sql, const RunRef& ref);
// The newest run that this event of the parent has led to; nullopt: none.
Result<std::optional<RunId>> run_of_child(db::Connection& sql, const RunId& parent,
                                          std::int64_t initiated_event_id);
Result<std::vector<RunId>> runs_to_recover(db::Connection& sql);
// What a reset goes on from; `made`: the run that this request has made before.
struct BaseOfReset {
  RunState state;
  std::vector<Event> history;
  std::optional<RunId> made;
};
Result<BaseOfReset> load_base(db::Connection& sql, const RunRef& run, const std::string& request);
// An update that a run accepted, and its outcome when it has one; nullopt: the run knows none.
struct KnownUpdate {
  std::optional<Json> outcome;
};
Result<std::optional<KnownUpdate>> find_update(db::Connection& sql, const RunId& run,
                                               const std::string& update_id);
Result<bool> has_request(db::Connection& sql, const RunId& run, const std::string& request_id);
Result<RunPage> list_runs(db::Connection& sql, const ListQuery& query);
Result<std::int64_t> count_runs(db::Connection& sql, const ListQuery& query);

}  // namespace holdfast::flow::embedded
