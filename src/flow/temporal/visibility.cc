#include "flow/temporal/visibility.h"

#include <map>

#include <fmt/core.h>

#include "flow/filter.h"
#include "flow/outcome.h"
#include "flow/temporal/convert.h"
#include "flow/temporal/events.h"
#include "flow/temporal/proto/service.pb.h"

namespace holdfast::flow::temporal {
namespace {

namespace enums = ::temporal::api::enums::v1;
namespace workflow = ::temporal::api::workflow::v1;

struct StatusName {
  RunStatus status;
  enums::WorkflowExecutionStatus number;
  std::string_view name;  // in filters
};

constexpr std::array<StatusName, 7> kStatuses = {{
    {RunStatus::kRunning, enums::WORKFLOW_EXECUTION_STATUS_RUNNING, "Running"},
    {RunStatus::kCompleted, enums::WORKFLOW_EXECUTION_STATUS_COMPLETED, "Completed"},
    {RunStatus::kFailed, enums::WORKFLOW_EXECUTION_STATUS_FAILED, "Failed"},
    {RunStatus::kCanceled, enums::WORKFLOW_EXECUTION_STATUS_CANCELED, "Canceled"},
    {RunStatus::kTerminated, enums::WORKFLOW_EXECUTION_STATUS_TERMINATED, "Terminated"},
    {RunStatus::kTimedOut, enums::WORKFLOW_EXECUTION_STATUS_TIMED_OUT, "TimedOut"},
    {RunStatus::kContinuedAsNew, enums::WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW,
     "ContinuedAsNew"},
}};

std::string in_quotes(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') {
      out += '\\';
    }
    out += c;
  }
  return out + "'";
}

UtcTime time_of(const google::protobuf::Timestamp& time) {
  return UtcTime(std::chrono::seconds(time.seconds()) + Nanoseconds(time.nanos()));
}

std::optional<Json> details_of(const ::temporal::api::common::v1::Payloads& details) {
  return details.payloads_size() > 0 ? std::optional(to_json(details)) : std::nullopt;
}

PendingActivity pending_of(const workflow::PendingActivityInfo& info) {
  PendingActivity activity;
  activity.activity_id = info.activity_id();
  activity.type = info.activity_type().name();
  activity.attempt = std::max(1, info.attempt());
  activity.heartbeat = details_of(info.heartbeat_details());
  if (info.has_last_failure()) {
    activity.last_failure = to_json(info.last_failure());
  }
  if (info.state() == enums::PENDING_ACTIVITY_STATE_CANCEL_REQUESTED) {
    activity.state = "cancel_requested";
  } else if (info.state() == enums::PENDING_ACTIVITY_STATE_STARTED) {
    activity.state = "started";
  } else if (info.has_next_attempt_schedule_time()) {
    activity.state = "backing_off";
    activity.next_attempt = time_of(info.next_attempt_schedule_time());
  } else {
    activity.state = "scheduled";
  }
  return activity;
}

// What only the history tells: input, header, timers, the queues of activities, how it ended.
void add_from_history(const std::vector<Event>& events, const std::string& task_queue,
                      RunDescription& shown) {
  std::map<std::int64_t, std::pair<std::string, UtcTime>> timers;
  std::map<std::string, std::pair<std::string, UtcTime>> queues;  // and when they were scheduled
  for (const Event& event : events) {
    switch (event.type) {
      case EventType::kWorkflowExecutionCancelRequested:
        shown.cancel_requested = true;
        break;
      case EventType::kTimerStarted:
        timers[event.id] = {text_at(event.attributes, "timerId"),
                            event.time + duration_from(event.attributes, "startToFireTimeout")};
        break;
      case EventType::kTimerFired:
      case EventType::kTimerCanceled:
        timers.erase(event_ref(event.attributes, "startedEventId"));
        break;
      case EventType::kActivityTaskScheduled:
        queues[text_at(event.attributes, "activityId")] = {named(event.attributes, "taskQueue"),
                                                           event.time};
        break;
      case EventType::kWorkflowTaskFailed:
        if (const Json* failure = event.attributes.if_contains("failure")) {
          shown.workflow_task_failure = from_failure(*failure);
        }
        break;
      case EventType::kWorkflowTaskCompleted:
        shown.workflow_task_failure.reset();
        break;
      default:
        break;
    }
  }
  for (auto& [id, timer] : timers) {
    shown.timers.push_back(std::move(timer));
  }
  const std::string prefix = activity_queue(task_queue, "");
  for (PendingActivity& activity : shown.activities) {
    const auto& [queue, scheduled] = queues[activity.activity_id];
    activity.scheduled = scheduled;
    activity.queue = queue.starts_with(prefix) ? queue.substr(prefix.size())
                                               : std::string(kForeignQueue) + queue;
  }
}

}  // namespace

Result<std::string> list_filter(const ListQuery& query, const std::string& task_queue) {
  HF_TRY(const Filter wanted, parse_filter(query.filter));
  std::vector<std::string> parts = {"TaskQueue = " + in_quotes(task_queue)};
  if (!query.statuses.empty()) {
    std::string names;
    for (const StatusName& known : kStatuses) {
      if (std::ranges::find(query.statuses, known.status) != query.statuses.end()) {
        names += (names.empty() ? "" : ",") + in_quotes(known.name);
      }
    }
    parts.push_back(fmt::format("ExecutionStatus IN ({})", names));
  }
  if (!query.type.empty()) {
    parts.push_back("WorkflowType = " + in_quotes(query.type));
  }
  if (query.started_after) {
    parts.push_back("StartTime > " + in_quotes(to_rfc3339(*query.started_after)));
  }
  if (query.started_before) {
    parts.push_back("StartTime < " + in_quotes(to_rfc3339(*query.started_before)));
  }
  for (const auto& [name, value] : query.attributes) {
    parts.push_back(fmt::format(
        "`{}` = {}", name, value.is_string() ? in_quotes(value.get_string()) : to_text(value)));
  }
  if (const std::string condition = filter_text(wanted); !condition.empty()) {
    parts.push_back("(" + condition + ")");
  }
  std::string filter;
  for (const std::string& part : parts) {
    filter += (filter.empty() ? "" : " AND ") + part;
  }
  return filter;
}

RunSummary summary_of(const workflow::WorkflowExecutionInfo& info) {
  RunSummary summary;
  summary.workflow_id = WorkflowId(info.execution().workflow_id());
  summary.run_id = RunId(info.execution().run_id());
  summary.type = info.type().name();
  for (const StatusName& known : kStatuses) {
    if (known.number == info.status()) {
      summary.status = known.status;
    }
  }
  summary.started = time_of(info.start_time());
  if (info.has_close_time() && summary.status != RunStatus::kRunning) {
    summary.closed = time_of(info.close_time());
  }
  summary.history_length = info.history_length();
  summary.memo = to_json(info.memo()).get_object();
  if (const Json* progress = summary.memo.if_contains(kProgressMemo)) {
    summary.progress = *progress;
    summary.memo.erase(kProgressMemo);
  }
  for (const auto& [name, value] : to_json(info.search_attributes()).get_object()) {
    if (name != "BuildIds" && !name.starts_with("Temporal")) {
      summary.search_attributes[name] = value;
    }
  }
  if (info.has_parent_execution()) {
    summary.parent_run_id = RunId(info.parent_execution().run_id());
  }
  return summary;
}

RunDescription description_of(
    const ::temporal::api::workflowservice::v1::DescribeWorkflowExecutionResponse& told,
    const std::vector<Event>& events, const std::string& task_queue) {
  RunDescription shown;
  shown.run = summary_of(told.workflow_execution_info());
  for (const workflow::PendingActivityInfo& info : told.pending_activities()) {
    shown.activities.push_back(pending_of(info));
  }
  for (const workflow::PendingChildExecutionInfo& child : told.pending_children()) {
    shown.children.emplace_back(child.run_id());
  }
  add_from_history(events, task_queue, shown);
  shown.workflow_task_attempt = std::max(1, told.pending_workflow_task().attempt());
  if (events.empty()) {
    return shown;
  }
  const JsonObject& first = events.front().attributes;
  const Json* input = first.if_contains("input");
  shown.input = input ? *input : Json();
  if (const Json* header = first.if_contains("header"); header && header->is_object()) {
    for (const auto& [key, value] : header->get_object()) {
      shown.header.emplace(key, value.is_string() ? std::string(value.get_string()) : "");
    }
  }
  if (is_closing_event(events.back().type)) {
    shown.run.history_length = events.back().id;
    const Result<Json> outcome = outcome_of(events.back());
    if (outcome && shown.run.status == RunStatus::kCompleted) {
      shown.result = *outcome;
    } else if (!outcome) {
      shown.failure = to_failure(outcome.error());
    }
    shown.timers.clear();
  }
  return shown;
}

}  // namespace holdfast::flow::temporal
