#include "edge/wire/agent_tasks.h"

#include <fmt/core.h>

#include <algorithm>

namespace holdfast::wire {
namespace {

std::int64_t to_ms(Nanoseconds duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

JsonArray texts(const std::vector<std::string>& values) {
  return JsonArray(values.begin(), values.end());
}

}  // namespace

Json encode(const PollRequest& request) {
  return JsonObject{{"instance", request.instance},
                    {"version", request.version},
                    {"host", request.host},
                    {"activities", texts(request.activities)},
                    {"repositories", texts(request.repositories)},
                    {"wait_ms", to_ms(request.patience)}};
}

Result<PollRequest> decode_poll(const Json& value) {
  std::vector<Problem> problems;
  ObjectReader reader(value, "", problems);
  PollRequest request;
  request.instance = reader.string("instance");
  request.version = reader.string_or("version", "");
  request.host = reader.string_or("host", "");
  request.activities = reader.strings_or_empty("activities");
  request.repositories = reader.strings_or_empty("repositories");
  const std::int64_t wait = reader.integer_or("wait_ms", 0);
  if (wait < 0) {
    reader.problem("wait_ms", "must not be negative");
  }
  if (!problems.empty()) {
    return to_error(problems);
  }
  const std::int64_t longest = to_ms(kLongestPoll);
  request.patience = std::chrono::milliseconds(std::min(wait, longest));
  return request;
}

Json encode(const TaskOffer& task) {
  JsonObject header;
  for (const auto& [name, text] : task.header) {
    header[name] = text;
  }
  JsonObject made{{"token", task.token},
                  {"type", task.type},
                  {"input", task.input},
                  {"activity_id", task.activity_id},
                  {"run_id", task.run_id},
                  {"workflow_id", task.workflow_id},
                  {"workflow", task.workflow_type},
                  {"queue", task.queue},
                  {"attempt", task.attempt},
                  {"priority", task.priority},
                  {"scheduled_at", to_rfc3339(task.scheduled)},
                  {"remaining_ms", task.remaining ? Json(to_ms(*task.remaining)) : Json()},
                  {"heartbeat_timeout_ms", to_ms(task.heartbeat_timeout)},
                  {"header", std::move(header)}};
  if (task.details) {
    made["details"] = *task.details;
  }
  return made;
}

Result<TaskOffer> decode_task(const Json& value) {
  std::vector<Problem> problems;
  ObjectReader reader(value, "", problems);
  TaskOffer task;
  task.token = reader.string("token");
  task.type = reader.string("type");
  const Json* input = reader.value("input");
  task.input = input == nullptr ? Json() : *input;
  const Json* details = reader.value("details");
  if (reader.has("details")) {
    task.details = details == nullptr ? Json() : *details;
  }
  task.activity_id = reader.string("activity_id");
  task.run_id = reader.string("run_id");
  task.workflow_id = reader.string("workflow_id");
  task.workflow_type = reader.string_or("workflow", "");
  task.queue = reader.string_or("queue", "");
  task.attempt = static_cast<int>(reader.integer_or("attempt", 1));
  task.priority = static_cast<int>(reader.integer_or("priority", 3));
  task.scheduled = parse_rfc3339(reader.string_or("scheduled_at", "")).value_or(UtcTime());
  if (const std::int64_t left = reader.integer_or("remaining_ms", -1); left >= 0) {
    task.remaining = std::chrono::milliseconds(left);
  }
  task.heartbeat_timeout = std::chrono::milliseconds(reader.integer_or("heartbeat_timeout_ms", 0));
  if (const Json* header = reader.value("header"); header != nullptr && header->is_object()) {
    for (const auto& field : header->get_object()) {
      task.header[field.key()] = get_string(*header, field.key());
    }
  }
  if (!problems.empty()) {
    return to_error(problems);
  }
  return task;
}

Json encode(const Outcome& outcome) {
  JsonObject body{{"token", outcome.token}};
  if (outcome.value) {
    body["result"] = *outcome.value;
  } else {
    body["error"] = encode_error(outcome.value.error());
  }
  return body;
}

Result<Outcome> decode_outcome(const Json& value) {
  std::vector<Problem> problems;
  ObjectReader reader(value, "", problems);
  Outcome outcome;
  outcome.token = reader.string("token");
  const Json* result = reader.value("result");
  const Json* error = reader.value("error");
  if (error != nullptr && error->is_object()) {
    outcome.value = decode_error(*error);
  } else if (reader.has("result")) {
    outcome.value = result != nullptr ? *result : Json();  // null is a result
  } else {
    reader.problem("result", "is required, or an error");
  }
  reader.reject_unknown();
  if (!problems.empty()) {
    return to_error(problems);
  }
  return outcome;
}

std::string_view retry_name(Retry retry) {
  switch (retry) {
    case Retry::kTransient:
      return "transient";
    case Retry::kUnknown:
      return "unknown";
    default:
      return "permanent";
  }
}

Retry retry_from_name(std::string_view name) {
  return name == "transient" ? Retry::kTransient
         : name == "unknown" ? Retry::kUnknown
                             : Retry::kPermanent;
}

Json encode_error(const Error& error) {
  JsonArray context;
  for (const auto& [key, text] : error.context()) {
    context.push_back(JsonArray{Json(key), Json(text)});
  }
  JsonObject made{{"code", describe(error.code()).name},
                  {"message", error.message()},
                  {"retry", retry_name(error.retry())},
                  {"context", std::move(context)}};
  if (error.cause() != nullptr) {
    made["cause"] = encode_error(*error.cause());
  }
  return made;
}

Error decode_error(const Json& value) {
  Error error(code_from_name(get_string(value, "code")), get_string(value, "message"),
              retry_from_name(get_string(value, "retry")));
  if (const Json* context = find(value, "context"); context != nullptr && context->is_array()) {
    for (const Json& pair : context->get_array()) {
      const JsonArray* parts = pair.if_array();
      if (parts != nullptr && parts->size() == 2 && (*parts)[0].is_string() &&
          (*parts)[1].is_string()) {
        error = std::move(error).with(std::string((*parts)[0].get_string()),
                                      std::string((*parts)[1].get_string()));
      }
    }
  }
  if (const Json* cause = find(value, "cause"); cause != nullptr && cause->is_object()) {
    error = std::move(error).caused_by(decode_error(*cause));
  }
  return error;
}

Error error_from_problem(int status, std::string_view body) {
  const auto problem = parse_json(body);
  if (!problem || find(*problem, "code") == nullptr) {
    return Error(Code::kUnavailable, fmt::format("the server answered {} without a reason", status),
                 status >= 500 || status == 429 ? Retry::kTransient : Retry::kPermanent);
  }
  const std::string detail = get_string(*problem, "detail", get_string(*problem, "title"));
  Error error(code_from_name(get_string(*problem, "code")), detail,
              retry_from_name(get_string(*problem, "retry")));
  if (const Json* list = find(*problem, "problems"); list != nullptr && list->is_array()) {
    for (const Json& item : list->get_array()) {
      const std::string pointer = get_string(item, "pointer");
      error = std::move(error).with(pointer.empty() ? "/" : pointer, get_string(item, "message"));
    }
  }
  return error;
}

}  // namespace holdfast::wire
