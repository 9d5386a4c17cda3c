// Cutting a history into windows, and matching what the code asks for with what was recorded.
//
// Events of a window (windows.h) are applied signals first, then in order; then code runs; then its
// commands must equal the command events that follow, in order.
#include "flow/replay/execution.h"

#include <fmt/core.h>

#include "flow/replay/markers.h"
#include "flow/replay/windows.h"

namespace holdfast::flow {
namespace {

using detail::Command;
using detail::non_deterministic;

constexpr std::string_view kResetCause = "WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW";

// What identifies a command of its type, as text; equal on both sides or the code has changed.
std::string identity_of(EventType type, const JsonObject& attributes) {
  switch (type) {
    case EventType::kActivityTaskScheduled:
      return fmt::format("{} {}", named(attributes, "activityType"),
                         text_at(attributes, "activityId"));
    case EventType::kActivityTaskCancelRequested:
      return std::to_string(event_ref(attributes, "scheduledEventId"));
    case EventType::kTimerStarted:
    case EventType::kTimerCanceled:
      return text_at(attributes, "timerId");
    case EventType::kMarkerRecorded:
      return fmt::format("{} {}", text_at(attributes, "markerName"), detail::marker_id(attributes));
    case EventType::kWorkflowExecutionUpdateAccepted:
      return text_at(attributes, "protocolInstanceId");
    case EventType::kWorkflowExecutionUpdateCompleted:
      return text_at(object_at(attributes, "meta"), "updateId");
    case EventType::kStartChildWorkflowExecutionInitiated:
      return fmt::format("{} {}", named(attributes, "workflowType"),
                         text_at(attributes, "workflowId"));
    case EventType::kRequestCancelExternalWorkflowExecutionInitiated: {
      const Json* execution = attributes.if_contains("workflowExecution");
      return execution ? get_string(*execution, "workflowId") : "";
    }
    default:
      return {};
  }
}

std::string described(EventType type, const JsonObject& attributes) {
  const std::string identity = identity_of(type, attributes);
  return identity.empty() ? std::string(name_of(type))
                          : fmt::format("{} ({})", name_of(type), identity);
}

Header header_of(const JsonObject& attributes) {
  Header header;
  if (const Json* fields = attributes.if_contains("header"); fields && fields->is_object()) {
    for (const auto& [key, value] : fields->get_object()) {
      if (value.is_string()) {
        header.emplace(key, value.get_string());
      }
    }
  }
  return header;
}

}  // namespace

Status Execution::start(const Event& event) {
  const JsonObject& attributes = event.attributes;
  const std::string type = named(event.attributes, "workflowType");
  const WorkflowFunction* function = registry_->find(type);
  if (!function) {
    return Error(Code::kNotFound, "this program has no workflow of this type").with("type", type);
  }
  RunInfo info;
  info.workflow_id = WorkflowId(text_at(attributes, "workflowId"));
  info.run_id = RunId(text_at(attributes, "originalExecutionRunId"));
  info.type = type;
  info.started = event.time;
  info.header = header_of(event.attributes);
  if (const Json* parent = attributes.if_contains("parentWorkflowExecution")) {
    info.parent_run_id = RunId(get_string(*parent, "runId"));
  }
  info.first_run_id = RunId(text_at(attributes, "firstExecutionRunId"));
  if (attributes.contains("continuedExecutionRunId")) {
    info.continued_run_id = RunId(text_at(attributes, "continuedExecutionRunId"));
  }
  const Json* input = attributes.if_contains("input");
  runtime_ = std::make_unique<detail::Runtime>(std::move(info), input ? *input : Json(),
                                               object_at(attributes, "memo"),
                                               object_at(attributes, "searchAttributes"));
  runtime_->start(*function);
  return {};
}

Status Execution::apply(std::span<const Event> events) {
  for (std::size_t i = 0; i < events.size(); ++i) {
    const Event& event = events[i];
    if (event.id != last_event_id_ + 1) {
      return Error(Code::kDataLoss, "the history of the run has a gap")
          .with("after", std::to_string(last_event_id_))
          .with("found", std::to_string(event.id));
    }
    last_event_id_ = event.id;
    if (event.type == EventType::kWorkflowExecutionStarted && !runtime_) {
      HF_TRY_VOID(start(event));
      continue;
    }
    if (!runtime_) {
      return Error(Code::kDataLoss, "the history does not begin with WorkflowExecutionStarted");
    }
    if (is_progress_note(event)) {
      continue;
    }
    if (is_command_event(event.type)) {
      HF_TRY_VOID(match(event));
      continue;
    }
    if (event.type == EventType::kWorkflowTaskCompleted) {
      continue;
    }
    HF_TRY_VOID(check_complete());
    const Event* next = i + 1 < events.size() ? &events[i + 1] : nullptr;
    switch (event.type) {
      case EventType::kWorkflowTaskStarted:
        if (detail::ends_window(next)) {
          runtime_->preload(detail::recorded_after(events.subspan(i + 1)));
          HF_TRY_VOID(run_window(event, next != nullptr));
        }
        break;
      case EventType::kWorkflowTaskFailed:
        if (text_at(event.attributes, "cause") == kResetCause) {
          runtime_->become(RunId(text_at(event.attributes, "newRunId")));
        }
        break;
      case EventType::kWorkflowTaskScheduled:
      case EventType::kWorkflowTaskTimedOut:
        break;
      default:
        window_.push_back(event);
    }
  }
  return {};
}

Status Execution::run_window(const Event& started, bool replaying) {
  runtime_->set_window(started.time, replaying);
  const std::vector<Event> window = std::exchange(window_, {});
  for (const bool signals : {true, false}) {
    for (const Event& event : window) {
      if ((event.type == EventType::kWorkflowExecutionSignaled) == signals) {
        HF_TRY_VOID(runtime_->apply(event));
      }
    }
  }
  if (!replaying) {
    for (detail::UpdateOffer& offer : std::exchange(offers_, {})) {
      runtime_->offer(std::move(offer));
    }
  }
  HF_TRY_VOID(runtime_->run());
  rejections_ = runtime_->take_rejections();
  commands_ = runtime_->take_commands();
  return {};
}

bool Execution::asks_for(const Event& event) const {
  return !commands_.empty() && commands_.front()->event == event.type &&
         identity_of(event.type, event.attributes) ==
             identity_of(event.type, commands_.front()->attributes);
}

Status Execution::match(const Event& event) {
  if (detail::is_deprecated_patch(event) && !asks_for(event)) {
    return {};
  }
  if (commands_.empty()) {
    return non_deterministic(fmt::format("event {} is {}, but the code asks for nothing there",
                                         event.id, described(event.type, event.attributes)));
  }
  const std::shared_ptr<Command> command = commands_.front();
  if (!asks_for(event)) {
    return non_deterministic(fmt::format("event {} is {}, but the code asks for {}", event.id,
                                         described(event.type, event.attributes),
                                         described(command->event, command->attributes)));
  }
  commands_.pop_front();
  return command->on_recorded ? command->on_recorded(event) : Status{};
}

Status Execution::check_complete() const {
  if (commands_.empty()) {
    return {};
  }
  const Command& command = *commands_.front();
  return non_deterministic(fmt::format("the code asks for {}, which the history does not have",
                                       described(command.event, command.attributes)));
}

Result<Json> Execution::query(std::string_view name, const Json& args) const {
  if (!runtime_) {
    return Error(Code::kFailedPrecondition, "the run has not started");
  }
  return runtime_->query(name, args);
}

const Json& Execution::progress() const {
  static const Json kNone;
  return runtime_ ? runtime_->progress() : kNone;
}

}  // namespace holdfast::flow
