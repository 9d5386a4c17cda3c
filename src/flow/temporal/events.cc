#include "flow/temporal/events.h"

#include <array>

#include "flow/temporal/convert.h"
#include "flow/temporal/proto/command.pb.h"
#include "flow/temporal/proto/history.pb.h"

namespace holdfast::flow::temporal {
namespace {

namespace pb = google::protobuf;
namespace enums = ::temporal::api::enums::v1;

struct Pair {
  EventType event;
  enums::CommandType command;
  std::string_view field;  // of Command
};

constexpr std::array<Pair, 13> kCommands = {{
    {EventType::kActivityTaskScheduled, enums::COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK,
     "schedule_activity_task_command_attributes"},
    {EventType::kActivityTaskCancelRequested, enums::COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK,
     "request_cancel_activity_task_command_attributes"},
    {EventType::kTimerStarted, enums::COMMAND_TYPE_START_TIMER, "start_timer_command_attributes"},
    {EventType::kTimerCanceled, enums::COMMAND_TYPE_CANCEL_TIMER,
     "cancel_timer_command_attributes"},
    {EventType::kWorkflowExecutionCompleted, enums::COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION,
     "complete_workflow_execution_command_attributes"},
    {EventType::kWorkflowExecutionFailed, enums::COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION,
     "fail_workflow_execution_command_attributes"},
    {EventType::kWorkflowExecutionCanceled, enums::COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION,
     "cancel_workflow_execution_command_attributes"},
    {EventType::kRequestCancelExternalWorkflowExecutionInitiated,
     enums::COMMAND_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION,
     "request_cancel_external_workflow_execution_command_attributes"},
    {EventType::kMarkerRecorded, enums::COMMAND_TYPE_RECORD_MARKER,
     "record_marker_command_attributes"},
    {EventType::kWorkflowExecutionContinuedAsNew,
     enums::COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION,
     "continue_as_new_workflow_execution_command_attributes"},
    {EventType::kStartChildWorkflowExecutionInitiated,
     enums::COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION,
     "start_child_workflow_execution_command_attributes"},
    {EventType::kUpsertWorkflowSearchAttributes,
     enums::COMMAND_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
     "upsert_workflow_search_attributes_command_attributes"},
    {EventType::kWorkflowPropertiesModified, enums::COMMAND_TYPE_MODIFY_WORKFLOW_PROPERTIES,
     "modify_workflow_properties_command_attributes"},
}};

const pb::FieldDescriptor* attributes_field(const pb::Message& message, EventType type) {
  return message.GetDescriptor()->FindFieldByCamelcaseName(attributes_key_of(type));
}

// Where the event that a command becomes and the command itself differ.
void adjust(JsonObject& attributes, EventType event, const CommandContext& context) {
  switch (event) {
    case EventType::kActivityTaskScheduled:
      attributes["taskQueue"] = {
          {"name", activity_queue(context.task_queue, named(attributes, "taskQueue"))},
          {"kind", "TASK_QUEUE_KIND_NORMAL"}};
      attributes["header"] = context.header;
      break;
    case EventType::kStartChildWorkflowExecutionInitiated:
    case EventType::kWorkflowExecutionContinuedAsNew:
      attributes["taskQueue"] = {{"name", context.task_queue}, {"kind", "TASK_QUEUE_KIND_NORMAL"}};
      attributes["header"] = context.header;
      break;
    case EventType::kRequestCancelExternalWorkflowExecutionInitiated:
      if (const Json* execution = attributes.if_contains("workflowExecution")) {
        const Json target = *execution;
        attributes["workflowId"] = get_string(target, "workflowId");
        attributes["runId"] = get_string(target, "runId");
      }
      break;
    default:
      break;
  }
}

}  // namespace

std::string activity_queue(const std::string& task_queue, std::string_view queue) {
  return queue.starts_with(kForeignQueue) ? std::string(queue.substr(kForeignQueue.size()))
                                          : task_queue + "-" + std::string(queue);
}

Event to_event(const ::temporal::api::history::v1::HistoryEvent& wired) {
  Event event;
  event.id = wired.event_id();
  event.time = UtcTime(std::chrono::seconds(wired.event_time().seconds()) +
                       Nanoseconds(wired.event_time().nanos()));
  const auto type = static_cast<EventType>(wired.event_type());
  event.type = name_of(type) == "Unknown" ? EventType::kUnknown : type;
  event.may_be_ignored = wired.worker_may_ignore();
  const auto* oneof = wired.GetDescriptor()->FindOneofByName("attributes");
  if (const auto* field = wired.GetReflection()->GetOneofFieldDescriptor(wired, oneof)) {
    Json attributes = to_json(wired.GetReflection()->GetMessage(wired, field));
    if (attributes.is_object()) {
      event.attributes = std::move(attributes.get_object());
    }
  }
  return event;
}

Status from_event(const Event& event, ::temporal::api::history::v1::HistoryEvent& wired) {
  wired.set_event_id(event.id);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(event.time);
  wired.mutable_event_time()->set_seconds(seconds.time_since_epoch().count());
  wired.mutable_event_time()->set_nanos(static_cast<std::int32_t>((event.time - seconds).count()));
  wired.set_event_type(static_cast<enums::EventType>(event.type));
  wired.set_worker_may_ignore(event.may_be_ignored);
  const auto* field = attributes_field(wired, event.type);
  if (!field) {
    return {};
  }
  return from_json(Json(event.attributes), *wired.GetReflection()->MutableMessage(&wired, field));
}

Status to_command(const detail::Command& command, const CommandContext& context,
                  ::temporal::api::command::v1::Command& wired) {
  for (const Pair& pair : kCommands) {
    if (pair.event == command.event) {
      wired.set_command_type(pair.command);
      JsonObject attributes = command.attributes;
      adjust(attributes, command.event, context);
      const auto* field = wired.GetDescriptor()->FindFieldByName(std::string(pair.field));
      return from_json(Json(std::move(attributes)),
                       *wired.GetReflection()->MutableMessage(&wired, field));
    }
  }
  return Error(Code::kInternal, "the Temporal driver has no command for what the workflow asks")
      .with("event", std::string(name_of(command.event)));
}

}  // namespace holdfast::flow::temporal
