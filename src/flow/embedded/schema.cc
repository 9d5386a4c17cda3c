#include "flow/embedded/engine.h"

namespace holdfast::flow::embedded {
namespace {

constexpr std::string_view kVersion1 = R"sql(
CREATE TABLE flow_runs(
  run_id TEXT PRIMARY KEY,
  workflow_id TEXT NOT NULL,
  type TEXT NOT NULL,
  status TEXT NOT NULL,
  open INTEGER NOT NULL,
  started INTEGER NOT NULL,
  closed INTEGER,
  last_event_id INTEGER NOT NULL,
  last_event_time INTEGER NOT NULL,
  request_id TEXT NOT NULL,
  parent_run_id TEXT,
  parent_event_id INTEGER NOT NULL,
  header TEXT NOT NULL,
  memo TEXT NOT NULL,
  search TEXT NOT NULL,
  progress TEXT NOT NULL,
  cancel_requested INTEGER NOT NULL,
  deadline INTEGER,
  task_attempt INTEGER NOT NULL,
  task_failure TEXT,
  task_retry_at INTEGER
) STRICT;
CREATE UNIQUE INDEX flow_runs_open ON flow_runs(workflow_id) WHERE open = 1;
CREATE INDEX flow_runs_by_workflow ON flow_runs(workflow_id, started);
CREATE INDEX flow_runs_by_start ON flow_runs(started, run_id);
CREATE TABLE flow_history(
  run_id TEXT NOT NULL,
  first_event_id INTEGER NOT NULL,
  last_event_id INTEGER NOT NULL,
  events TEXT NOT NULL,
  PRIMARY KEY (run_id, first_event_id)
) STRICT;
CREATE TABLE flow_activities(
  run_id TEXT NOT NULL,
  scheduled_event_id INTEGER NOT NULL,
  scheduled INTEGER NOT NULL,
  attributes TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  next_at INTEGER,
  last_failure TEXT,
  heartbeat TEXT,
  cancel_requested INTEGER NOT NULL,
  PRIMARY KEY (run_id, scheduled_event_id)
) STRICT;
CREATE TABLE flow_timers(
  run_id TEXT NOT NULL,
  started_event_id INTEGER NOT NULL,
  timer_id TEXT NOT NULL,
  fire_at INTEGER NOT NULL,
  PRIMARY KEY (run_id, started_event_id)
) STRICT;
CREATE TABLE flow_children(
  run_id TEXT NOT NULL,
  initiated_event_id INTEGER NOT NULL,
  attributes TEXT NOT NULL,
  stage INTEGER NOT NULL,
  child_run_id TEXT NOT NULL,
  cancel_event_id INTEGER NOT NULL,
  PRIMARY KEY (run_id, initiated_event_id)
) STRICT;
CREATE TABLE flow_requests(
  run_id TEXT NOT NULL,
  request_id TEXT NOT NULL,
  PRIMARY KEY (run_id, request_id)
) STRICT;
CREATE TABLE flow_attributes(
  run_id TEXT NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (run_id, name, value)
) STRICT;
CREATE INDEX flow_attributes_by_value ON flow_attributes(name, value, run_id);
)sql";

// A child that continues as new is found by its parent; updates by their id.
constexpr std::string_view kVersion2 = R"sql(
CREATE TABLE flow_updates(
  run_id TEXT NOT NULL,
  update_id TEXT NOT NULL,
  accepted_event_id INTEGER NOT NULL,
  outcome TEXT,
  PRIMARY KEY (run_id, update_id)
) STRICT;
CREATE INDEX flow_runs_by_parent ON flow_runs(parent_run_id, parent_event_id)
  WHERE parent_run_id IS NOT NULL;
)sql";

// Filters order whole numbers and ask for status and type; old histories go by their close. An
// attempt in the hands of somebody outside has a lease; `interrupted` counts ends of the process
// during it.
constexpr std::string_view kVersion3 = R"sql(
ALTER TABLE flow_attributes ADD COLUMN number INTEGER;
UPDATE flow_attributes SET number = CAST(value AS INTEGER)
  WHERE substr(value, 1, 1) IN ('-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9');
CREATE INDEX flow_runs_by_status ON flow_runs(status, started, run_id);
CREATE INDEX flow_runs_by_type ON flow_runs(type, started, run_id);
CREATE INDEX flow_runs_by_close ON flow_runs(closed) WHERE closed IS NOT NULL;
ALTER TABLE flow_activities ADD COLUMN lease TEXT;
ALTER TABLE flow_activities ADD COLUMN worker TEXT;
ALTER TABLE flow_activities ADD COLUMN started INTEGER;
ALTER TABLE flow_activities ADD COLUMN heard INTEGER;
ALTER TABLE flow_activities ADD COLUMN interrupted INTEGER NOT NULL DEFAULT 0;
CREATE TABLE flow_engine(name TEXT PRIMARY KEY, since INTEGER NOT NULL) STRICT;
)sql";

}  // namespace

db::Migrations migrations() {
  return {{"flow", 1, std::string(kVersion1)},
          {"flow", 2, std::string(kVersion2)},
          {"flow", 3, std::string(kVersion3)}};
}

}  // namespace holdfast::flow::embedded
