#include "flow/testing/scrub.h"

#include "flow/event.h"

namespace holdfast::flow::stories {
namespace {

constexpr auto kCompared = std::to_array<std::string_view>({"activityType",
                                                            "activityId",
                                                            "timerId",
                                                            "signalName",
                                                            "startToFireTimeout",
                                                            "input",
                                                            "result",
                                                            "memo",
                                                            "upsertedMemo",
                                                            "searchAttributes",
                                                            "parentClosePolicy",
                                                            "retryState",
                                                            "startToCloseTimeout",
                                                            "scheduleToCloseTimeout",
                                                            "scheduleToStartTimeout",
                                                            "heartbeatTimeout",
                                                            "retryPolicy",
                                                            "markerName",
                                                            "details",
                                                            "workflowType",
                                                            "cause",
                                                            "reason",
                                                            "outcome",
                                                            "acceptedRequest",
                                                            "childWorkflowOnly",
                                                            "priority",
                                                            "header",
                                                            "initiator",
                                                            "workflowRunTimeout"});

// Begins with a UUID.
bool is_uuid(std::string_view text) {
  constexpr std::string_view kShape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  if (text.size() < kShape.size()) {
    return false;
  }
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    const bool dash = kShape[i] == '-';
    if (dash ? text[i] != '-' : std::isxdigit(static_cast<unsigned char>(text[i])) == 0) {
      return false;
    }
  }
  return true;
}

std::string without_uuids(std::string text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (is_uuid(std::string_view(text).substr(at))) {
      text.replace(at, 36, "(uuid)");
      if (at >= 4 && text.compare(at - 4, 4, "run_") == 0) {
        text.erase(at - 4, 4);  // the embedded engine's run ids
      }
    }
  }
  return text;
}

std::string without(std::string text, const std::string& prefix) {
  for (std::size_t at = text.find(prefix); !prefix.empty() && at != std::string::npos;
       at = text.find(prefix)) {
    text.erase(at, prefix.size());
  }
  return without_uuids(std::move(text));
}

// Without what names a caller or an event; keys in order.
Json plain_value(const Json& value) {
  if (!value.is_object()) {
    return value;
  }
  if (const Json* name = find(value, "name"); name && !find(value, "args")) {
    return *name;
  }
  std::map<std::string_view, const Json*> ordered;
  for (const auto& [key, inner] : value.get_object()) {
    ordered.emplace(key, &inner);
  }
  JsonObject kept;
  for (const auto& [key, inner] : ordered) {
    if (key != "meta" && key != "header") {
      kept[key] = key == "failure" ? Json(from_failure(*inner).message()) : plain_value(*inner);
    }
  }
  return Json(std::move(kept));
}

std::string compared(const Json& attributes, std::string_view key, const std::string& prefix) {
  const Json* value = find(attributes, key);
  if (!value || value->is_null() || *value == Json("0s") || *value == Json(JsonObject()) ||
      *value == Json("")) {
    return "";
  }
  const std::string text = without(to_text(plain_value(*value)), prefix);
  return text == "\"\"" ? "" : " " + std::string(key) + "=" + text;
}

std::string failure_of(const Json& attributes) {
  const Json* failure = find(attributes, "failure");
  if (!failure) {
    return "";
  }
  const Error error = from_failure(*failure);
  return " failure=" + std::string(describe(error.code()).name) +
         (error.code() == Code::kDeadlineExceeded ? "" : ":" + error.message());
}

bool is_note(const HistoryEvent& event) {
  const Json* memo = find(event.attributes, "upsertedMemo");
  return memo && find(*memo, kProgressMemo);
}

bool did_not_count(const HistoryEvent& event) {
  return event.type == "WorkflowTaskTimedOut" ||
         (event.type == "WorkflowTaskFailed" &&
          get_string(event.attributes, "cause").ends_with("UNHANDLED_COMMAND"));
}

void take_task_back(std::vector<std::string>& lines) {
  for (const std::string_view type : {"WorkflowTaskStarted", "WorkflowTaskScheduled"}) {
    if (!lines.empty() && lines.back() == type) {
      lines.pop_back();
    }
  }
}

const Difference* difference_at(const HistoryEvent& event, std::string_view key) {
  for (const Difference& known : differences()) {
    if (event.type.starts_with(known.event) && key == known.key &&
        (known.only_with.empty() || !compared(event.attributes, known.only_with, "").empty())) {
      return &known;
    }
  }
  return nullptr;
}

}  // namespace

const std::vector<Difference>& differences() {
  static const std::vector<Difference> all = {
      {"retry state of a child", "ChildWorkflow", "retryState",
       "only Temporal says of a failed child that it had no retry policy"},
      {"header of an activity", "ActivityTaskScheduled", "header",
       "the server hands out nothing else to workers"},
      {"header of a child", "StartChildWorkflowExecutionInitiated", "header",
       "the server hands out nothing else to workers"},
      {"time to start within an overall limit", "ActivityTaskScheduled", "scheduleToStartTimeout",
       "the server fills it in", "scheduleToCloseTimeout"},
      {"time of an attempt within an overall limit", "ActivityTaskScheduled", "startToCloseTimeout",
       "the server fills it in", "scheduleToCloseTimeout"},
      {"type of a started child", "ChildWorkflowExecutionStarted", "workflowType",
       "the embedded engine names it where the child is asked for only"},
      {"type of a child that was not started", "StartChildWorkflowExecutionFailed", "workflowType",
       "the embedded engine names it where the child is asked for only"},
      {"why an activity that nobody had was cancelled", "ActivityTaskCanceled", "details",
       "the server's words"},
      {"header of a started child", "ChildWorkflowExecutionStarted", "header",
       "the server hands out nothing else to workers"},
      {"why a child is terminated", "WorkflowExecutionTerminated", "reason", "the server's words"},
      {"why a child is cancelled", "WorkflowExecutionCancelRequested", "cause",
       "the server's words"},
  };
  return all;
}

std::string compare(const std::vector<std::string>& first, const std::vector<std::string>& other) {
  std::string text;
  std::vector<std::string> rest = other;
  for (const std::string& line : first) {
    if (const auto found = std::ranges::find(rest, line); found != rest.end()) {
      rest.erase(found);
    } else {
      text += "\n- " + line;
    }
  }
  for (const std::string& line : rest) {
    text += "\n+ " + line;
  }
  if (text.empty() && first != other) {
    for (std::size_t i = 0; i < first.size(); ++i) {
      text += "\n" + first[i] + "  |  " + other[i];
    }
  }
  return text;
}

Scrubbed scrubbed(Stage& stage, const Story& story, const std::string& run) {
  Scrubbed out;
  for (const HistoryEvent& event : stage.history(run)) {
    if (is_note(event)) {
      continue;
    }
    if (did_not_count(event)) {
      take_task_back(out.lines);
      continue;
    }
    const bool task = event.type.starts_with("WorkflowTask");
    if (task && !story.unordered.empty()) {
      continue;
    }
    std::string line = event.type;
    for (const std::string_view key : kCompared) {
      const std::string value =
          task && key != "cause" ? "" : compared(event.attributes, key, stage.prefix);
      if (const Difference* known = difference_at(event, key)) {
        out.left_out[known->name].push_back(value);
      } else {
        line += value;
      }
    }
    out.lines.push_back(line + failure_of(event.attributes));
  }
  if (!story.unordered.empty()) {
    std::ranges::sort(out.lines);
    for (auto& [name, values] : out.left_out) {
      std::ranges::sort(values);
    }
  }
  return out;
}

}  // namespace holdfast::flow::stories
