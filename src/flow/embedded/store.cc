// Rows of a run: one for the run, one a history batch, one for each pending activity, timer and
// child. A batch is one transition's events (event.h); batches of a run follow one another without
// a gap.
#include "flow/embedded/store.h"

namespace holdfast::flow::embedded {
namespace {

Result<JsonObject> parse_object(const std::string& text) {
  HF_TRY(Json value, parse_json(text));
  if (!value.is_object()) {
    return Error(Code::kDataLoss, "a stored row of a workflow run is damaged");
  }
  return std::move(value.get_object());
}

Result<std::optional<Json>> parse_optional(const std::optional<std::string>& text) {
  if (!text) {
    return std::optional<Json>();
  }
  HF_TRY(Json value, parse_json(*text));
  return std::optional<Json>(std::move(value));
}

Result<RunState> state_of(const db::Row& row) {
  RunState state;
  HF_TRY(state.summary, summary_of(row));
  state.last_event_time = row.time(7);
  state.request_id = row.text(8);
  state.parent_event_id = row.integer(10);
  HF_TRY(const JsonObject header, parse_object(row.text(11)));
  for (const auto& [key, value] : header) {
    state.header.emplace(key, value.is_string() ? std::string(value.get_string()) : "");
  }
  state.cancel_requested = row.boolean(15);
  state.deadline = row.optional_time(16);
  state.task_attempt = static_cast<int>(row.integer(17));
  HF_TRY(state.task_failure, parse_optional(row.optional_text(18)));
  state.task_retry_at = row.optional_time(19);
  return state;
}

Status load_activities(db::Connection& sql, RunState& state) {
  HF_TRY(const auto rows,
         sql.all("SELECT scheduled_event_id, scheduled, attributes, attempt, next_at, "
                 "last_failure, heartbeat, cancel_requested, lease, worker, started "
                 "FROM flow_activities WHERE run_id = ?1",
                 state.summary.run_id.text()));
  for (const db::Row& row : rows) {
    ActivityRecord record;
    record.scheduled_event_id = row.integer(0);
    record.scheduled = row.time(1);
    HF_TRY(record.attributes, parse_object(row.text(2)));
    record.attempt = static_cast<int>(row.integer(3));
    record.next_at = row.optional_time(4);
    HF_TRY(record.last_failure, parse_optional(row.optional_text(5)));
    HF_TRY(record.heartbeat, parse_optional(row.optional_text(6)));
    record.cancel_requested = row.boolean(7);
    if (const auto lease = row.optional_text(8)) {
      record.lease = Lease{*lease, row.optional_text(9).value_or(""), row.time(10)};
    }
    state.activities.emplace(record.scheduled_event_id, std::move(record));
  }
  return {};
}

Status load_children(db::Connection& sql, RunState& state) {
  HF_TRY(const auto rows,
         sql.all("SELECT initiated_event_id, attributes, stage, child_run_id, cancel_event_id "
                 "FROM flow_children WHERE run_id = ?1",
                 state.summary.run_id.text()));
  for (const db::Row& row : rows) {
    ChildRecord record;
    record.initiated_event_id = row.integer(0);
    HF_TRY(record.attributes, parse_object(row.text(1)));
    record.stage = static_cast<ChildStage>(row.integer(2));
    record.run_id = RunId(row.text(3));
    record.cancel_event_id = row.integer(4);
    state.children.emplace(record.initiated_event_id, std::move(record));
  }
  return {};
}

}  // namespace

std::string_view run_columns() {
  return "run_id, workflow_id, type, status, started, closed, last_event_id, last_event_time, "
         "request_id, parent_run_id, parent_event_id, header, memo, search, progress, "
         "cancel_requested, deadline, task_attempt, task_failure, task_retry_at";
}

Result<RunSummary> summary_of(const db::Row& row) {
  RunSummary summary;
  summary.run_id = RunId(row.text(0));
  summary.workflow_id = WorkflowId(row.text(1));
  summary.type = row.text(2);
  const auto status = run_status_from(row.text(3));
  if (!status) {
    return Error(Code::kDataLoss, "a stored run has an unknown status");
  }
  summary.status = *status;
  summary.started = row.time(4);
  summary.closed = row.optional_time(5);
  summary.history_length = row.integer(6);
  if (const auto parent = row.optional_text(9)) {
    summary.parent_run_id = RunId(*parent);
  }
  HF_TRY(summary.memo, parse_object(row.text(12)));
  HF_TRY(summary.search_attributes, parse_object(row.text(13)));
  HF_TRY(summary.progress, parse_json(row.text(14)));
  return summary;
}

Result<RunState> load_run(db::Connection& sql, const RunId& run) {
  HF_TRY(const auto row,
         sql.one("SELECT " + std::string(run_columns()) + " FROM flow_runs WHERE run_id = ?1",
                 run.text()));
  if (!row) {
    return Error(Code::kNotFound, "there is no such run").with("run_id", run.text());
  }
  HF_TRY(RunState state, state_of(*row));
  HF_TRY_VOID(load_activities(sql, state));
  HF_TRY_VOID(load_children(sql, state));
  HF_TRY(const auto timers,
         sql.all("SELECT started_event_id, timer_id, fire_at FROM flow_timers WHERE run_id = ?1",
                 run.text()));
  HF_TRY(const auto updates, sql.all("SELECT update_id, accepted_event_id FROM flow_updates "
                                     "WHERE run_id = ?1 AND outcome IS NULL",
                                     run.text()));
  for (const db::Row& update : updates) {
    state.updates.emplace(update.text(0), update.integer(1));
  }
  for (const db::Row& timer : timers) {
    state.timers.emplace(timer.integer(0),
                         TimerRecord{timer.integer(0), timer.text(1), timer.time(2)});
  }
  return state;
}

Result<std::vector<Event>> load_history(db::Connection& sql, const RunId& run, std::int64_t after) {
  HF_TRY(const auto rows,
         sql.all("SELECT events FROM flow_history WHERE run_id = ?1 AND last_event_id > ?2 "
                 "ORDER BY first_event_id",
                 run.text(), after));
  std::vector<Event> events;
  for (const db::Row& row : rows) {
    HF_TRY(auto batch, decode_batch(row.text(0)));
    for (Event& event : batch) {
      if (event.id > after) {
        events.push_back(std::move(event));
      }
    }
  }
  return events;
}

Result<std::vector<Event>> load_ends(db::Connection& sql, const RunId& run) {
  HF_TRY(const auto rows,
         sql.all("SELECT events FROM flow_history WHERE run_id = ?1 AND first_event_id IN "
                 "((SELECT min(first_event_id) FROM flow_history WHERE run_id = ?1), "
                 "(SELECT max(first_event_id) FROM flow_history WHERE run_id = ?1)) "
                 "ORDER BY first_event_id",
                 run.text()));
  std::vector<Event> events;
  for (const db::Row& row : rows) {
    HF_TRY(auto batch, decode_batch(row.text(0)));
    events.insert(events.end(), batch.begin(), batch.end());
  }
  return events;
}

}  // namespace holdfast::flow::embedded
