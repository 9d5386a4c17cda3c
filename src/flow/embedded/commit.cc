// A transition as rows: the run, a batch of its history, and what changed of its activities,
// timers, children, updates and search attributes.
#include "flow/embedded/store.h"

namespace holdfast::flow::embedded {
namespace {

std::optional<std::string> text_of(const std::optional<Json>& value) {
  return value ? std::optional(to_text(*value)) : std::nullopt;
}

std::string header_text(const Header& header) {
  JsonObject json;
  for (const auto& [key, value] : header) {
    json[key] = value;
  }
  return to_text(Json(std::move(json)));
}

Status save_activity(db::Connection& sql, const std::string& run, std::int64_t id,
                     const std::optional<ActivityRecord>& record) {
  if (!record) {
    HF_TRY_VOID(sql.post(
        "DELETE FROM flow_activities WHERE run_id = ?1 AND scheduled_event_id = ?2", run, id));
    return {};
  }
  HF_TRY_VOID(sql.post(
      "INSERT INTO flow_activities(run_id, scheduled_event_id, scheduled, attributes, attempt, "
      "next_at, last_failure, heartbeat, cancel_requested) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) "
      "ON CONFLICT (run_id, scheduled_event_id) DO UPDATE SET "
      "lease = CASE WHEN flow_activities.attempt = excluded.attempt "
      "THEN flow_activities.lease END, "
      "interrupted = CASE WHEN flow_activities.attempt = excluded.attempt "
      "THEN flow_activities.interrupted ELSE 0 END, "
      "attempt = excluded.attempt, "
      "next_at = excluded.next_at, last_failure = excluded.last_failure, "
      "heartbeat = excluded.heartbeat, cancel_requested = excluded.cancel_requested",
      run, id, record->scheduled, to_text(Json(record->attributes)), record->attempt,
      record->next_at, text_of(record->last_failure), text_of(record->heartbeat),
      record->cancel_requested));
  return {};
}

Status save_timer(db::Connection& sql, const std::string& run, std::int64_t id,
                  const std::optional<TimerRecord>& record) {
  if (!record) {
    HF_TRY_VOID(
        sql.post("DELETE FROM flow_timers WHERE run_id = ?1 AND started_event_id = ?2", run, id));
    return {};
  }
  HF_TRY_VOID(
      sql.post("INSERT INTO flow_timers(run_id, started_event_id, timer_id, fire_at) "
               "VALUES (?1, ?2, ?3, ?4) ON CONFLICT (run_id, started_event_id) DO NOTHING",
               run, id, record->timer_id, record->fire_at));
  return {};
}

Status save_child(db::Connection& sql, const std::string& run, std::int64_t id,
                  const std::optional<ChildRecord>& record) {
  if (!record) {
    HF_TRY_VOID(sql.post("DELETE FROM flow_children WHERE run_id = ?1 AND initiated_event_id = ?2",
                         run, id));
    return {};
  }
  HF_TRY_VOID(sql.post(
      "INSERT INTO flow_children(run_id, initiated_event_id, attributes, stage, child_run_id, "
      "cancel_event_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6) "
      "ON CONFLICT (run_id, initiated_event_id) DO UPDATE SET stage = excluded.stage, "
      "child_run_id = excluded.child_run_id, cancel_event_id = excluded.cancel_event_id",
      run, id, to_text(Json(record->attributes)), static_cast<int>(record->stage),
      record->run_id.text(), record->cancel_event_id));
  return {};
}

Status save_attributes(db::Connection& sql, const std::string& run, const JsonObject& attributes) {
  HF_TRY_VOID(sql.post("DELETE FROM flow_attributes WHERE run_id = ?1", run));
  for (const auto& [key, value] : attributes) {
    const JsonArray values = value.is_array() ? value.get_array() : JsonArray{value};
    for (const Json& one : values) {
      HF_TRY_VOID(
          sql.post("INSERT INTO flow_attributes(run_id, name, value, number) "
                   "VALUES (?1, ?2, ?3, ?4) ON CONFLICT (run_id, name, value) DO NOTHING",
                   run, std::string(key), to_text(one),
                   one.is_int64() ? std::optional(one.get_int64()) : std::nullopt));
    }
  }
  return {};
}

Status save_run(db::Connection& sql, const RunState& run) {
  const RunSummary& summary = run.summary;
  HF_TRY_VOID(sql.post(
      "UPDATE flow_runs SET status = ?2, open = ?3, closed = ?4, last_event_id = ?5, "
      "last_event_time = ?6, memo = ?7, search = ?8, progress = ?9, cancel_requested = ?10, "
      "deadline = ?11, task_attempt = ?12, task_failure = ?13, task_retry_at = ?14 "
      "WHERE run_id = ?1",
      summary.run_id.text(), status_name(summary.status), run.open(), summary.closed,
      summary.history_length, run.last_event_time, to_text(Json(summary.memo)),
      to_text(Json(summary.search_attributes)), to_text(summary.progress), run.cancel_requested,
      run.deadline, run.task_attempt, text_of(run.task_failure), run.task_retry_at));
  return {};
}

Error exists(const RunId& run) {
  return Error(Code::kAlreadyExists, "a run with this workflow id exists")
      .with("run_id", run.text());
}

// Success: a new run may be made.
Status check_start(db::Connection& sql, const RunState& run, const StartCheck& check,
                   std::optional<RunId>& existing) {
  HF_TRY(const auto rows,
         sql.all("SELECT run_id, status, open, request_id FROM flow_runs WHERE workflow_id = ?1 "
                 "ORDER BY open DESC, started DESC, run_id DESC LIMIT 20",
                 run.summary.workflow_id.text()));
  for (const db::Row& row : rows) {
    if (!check.request_id.empty() && row.text(3) == check.request_id) {
      existing = RunId(row.text(0));
      return exists(*existing);
    }
  }
  if (rows.empty()) {
    return {};
  }
  const RunId last(rows.front().text(0));
  if (rows.front().boolean(2)) {
    if (check.conflict == IdConflict::kUseExisting) {
      existing = last;
    }
    return exists(last);
  }
  const bool refused = check.reuse == IdReuse::kReject || (check.reuse == IdReuse::kAllowIfFailed &&
                                                           rows.front().text(1) == "completed");
  return refused ? Status(exists(last)) : Status();
}

Status insert_run(db::Connection& sql, const RunState& run) {
  std::optional<std::string> parent;
  if (run.summary.parent_run_id) {
    parent = run.summary.parent_run_id->text();
  }
  HF_TRY_VOID(sql.post(
      "INSERT INTO flow_runs(run_id, workflow_id, type, status, open, started, last_event_id, "
      "last_event_time, request_id, parent_run_id, parent_event_id, header, memo, search, "
      "progress, cancel_requested, task_attempt) "
      "VALUES (?1, ?2, ?3, 'running', 1, ?4, 0, ?4, ?5, ?6, ?7, ?8, '{}', '{}', 'null', 0, 1)",
      run.summary.run_id.text(), run.summary.workflow_id.text(), run.summary.type,
      run.summary.started, run.request_id, parent, run.parent_event_id, header_text(run.header)));
  return {};
}

Status begin_successor(db::Connection& sql, const RunState& run, const std::string& start) {
  HF_TRY_VOID(insert_run(sql, run));
  HF_TRY_VOID(save_run(sql, run));
  HF_TRY_VOID(
      sql.post("INSERT INTO flow_history(run_id, first_event_id, last_event_id, events) "
               "VALUES (?1, 1, 1, ?2)",
               run.summary.run_id.text(), start));
  return save_attributes(sql, run.summary.run_id.text(), run.summary.search_attributes);
}

}  // namespace

CommitPlan plan_commit(const RunState& state, const Transition& transition) {
  CommitPlan plan;
  plan.run.summary = state.summary;
  plan.run.request_id = state.request_id;
  plan.run.parent_event_id = state.parent_event_id;
  plan.run.header = state.header;
  plan.run.cancel_requested = state.cancel_requested;
  plan.run.deadline = state.deadline;
  plan.run.last_event_time = state.last_event_time;
  plan.run.task_attempt = state.task_attempt;
  plan.run.task_failure = state.task_failure;
  plan.run.task_retry_at = state.task_retry_at;
  if (!transition.events.empty()) {
    plan.first_event_id = transition.events.front().id;
    plan.events = encode_batch(transition.events);
  }
  const auto collect = [](const auto& ids, const auto& records, auto& into) {
    for (const std::int64_t id : ids) {
      const auto found = records.find(id);
      into.emplace_back(id, std::nullopt);
      if (found != records.end()) {
        into.back().second = found->second;
      }
    }
  };
  if (transition.successor) {
    plan.successor = transition.successor;
    plan.successor_start = encode_batch(std::span(&*transition.successor_start, 1));
  }
  collect(transition.activities_changed, state.activities, plan.activities);
  collect(transition.timers_changed, state.timers, plan.timers);
  collect(transition.children_changed, state.children, plan.children);
  plan.request_ids = transition.request_ids;
  plan.updates = transition.updates;
  plan.attributes_changed = transition.attributes_changed;
  return plan;
}

Status commit(db::Connection& sql, const CommitPlan& plan, std::optional<RunId>& existing) {
  const std::string& run = plan.run.summary.run_id.text();
  if (plan.start) {
    HF_TRY_VOID(check_start(sql, plan.run, *plan.start, existing));
    HF_TRY_VOID(insert_run(sql, plan.run));
  }
  HF_TRY_VOID(save_run(sql, plan.run));
  if (!plan.events.empty()) {
    HF_TRY_VOID(
        sql.post("INSERT INTO flow_history(run_id, first_event_id, last_event_id, events) "
                 "VALUES (?1, ?2, ?3, ?4)",
                 run, plan.first_event_id, plan.run.summary.history_length, plan.events));
  }
  for (const auto& [id, record] : plan.activities) {
    HF_TRY_VOID(save_activity(sql, run, id, record));
  }
  for (const auto& [id, record] : plan.timers) {
    HF_TRY_VOID(save_timer(sql, run, id, record));
  }
  for (const auto& [id, record] : plan.children) {
    HF_TRY_VOID(save_child(sql, run, id, record));
  }
  for (const std::string& request : plan.request_ids) {
    HF_TRY_VOID(
        sql.post("INSERT INTO flow_requests(run_id, request_id) VALUES (?1, ?2)", run, request));
  }
  for (const Transition::UpdateChange& update : plan.updates) {
    HF_TRY_VOID(
        sql.post("INSERT INTO flow_updates(run_id, update_id, accepted_event_id, outcome) "
                 "VALUES (?1, ?2, ?3, ?4) "
                 "ON CONFLICT (run_id, update_id) DO UPDATE SET outcome = excluded.outcome",
                 run, update.id, update.accepted_event_id, text_of(update.outcome)));
  }
  if (plan.attributes_changed) {
    HF_TRY_VOID(save_attributes(sql, run, plan.run.summary.search_attributes));
  }
  return plan.successor ? begin_successor(sql, *plan.successor, plan.successor_start) : Status();
}

}  // namespace holdfast::flow::embedded
