// Statuses and failures as text and JSON.
//
// A failure is Temporal's Failure message as proto3 JSON (payloads as plain JSON): the code's name
// is the application failure's type, the error's context is its details, the cause is its cause.
#include "flow/types.h"

#include <array>

namespace holdfast::flow {
namespace {

constexpr std::array<std::pair<RunStatus, std::string_view>, 7> kStatusNames = {{
    {RunStatus::kRunning, "running"},
    {RunStatus::kCompleted, "completed"},
    {RunStatus::kFailed, "failed"},
    {RunStatus::kCanceled, "canceled"},
    {RunStatus::kTerminated, "terminated"},
    {RunStatus::kTimedOut, "timed_out"},
    {RunStatus::kContinuedAsNew, "continued_as_new"},
}};

Json context_json(const Error& error) {
  JsonArray pairs;
  for (const auto& [key, value] : error.context()) {
    pairs.emplace_back(JsonArray{Json(key), Json(value)});
  }
  return Json(std::move(pairs));
}

Error with_context(Error error, const Json* details) {
  if (details && details->is_array()) {
    for (const Json& pair : details->get_array()) {
      const JsonArray* parts = pair.if_array();
      if (parts && parts->size() == 2 && (*parts)[0].is_string() && (*parts)[1].is_string()) {
        error = std::move(error).with(std::string((*parts)[0].get_string()),
                                      std::string((*parts)[1].get_string()));
      }
    }
  }
  return error;
}

std::string_view timeout_name(std::string_view wire) {
  constexpr std::string_view kPrefix = "TIMEOUT_TYPE_";
  return wire.starts_with(kPrefix) ? wire.substr(kPrefix.size()) : wire;
}

}  // namespace

std::string_view status_name(RunStatus status) {
  return kStatusNames.at(static_cast<std::size_t>(status)).second;
}

std::optional<RunStatus> run_status_from(std::string_view text) {
  for (const auto& [status, name] : kStatusNames) {
    if (name == text) {
      return status;
    }
  }
  return std::nullopt;
}

Json to_failure(const Error& error) {
  JsonObject failure = {{"message", error.message()}, {"source", "holdfast"}};
  if (error.code() == Code::kCancelled) {
    failure["canceledFailureInfo"] = {{"details", context_json(error)}};
  } else {
    failure["applicationFailureInfo"] = {{"type", describe(error.code()).name},
                                         {"nonRetryable", error.retry() == Retry::kPermanent},
                                         {"details", context_json(error)}};
  }
  if (error.cause()) {
    failure["cause"] = to_failure(*error.cause());
  }
  return Json(std::move(failure));
}

Error from_failure(const Json& failure) {
  const std::string message = get_string(failure, "message", "a failure without a message");
  const Json* cause = find(failure, "cause");
  if (const Json* activity = find(failure, "activityFailureInfo"); activity && cause) {
    const Json* type = find(*activity, "activityType");
    return from_failure(*cause).with("activity", type ? get_string(*type, "name") : "");
  }
  if (const Json* child = find(failure, "childWorkflowExecutionFailureInfo"); child && cause) {
    const Json* execution = find(*child, "workflowExecution");
    return from_failure(*cause).with("child",
                                     execution ? get_string(*execution, "workflowId") : "");
  }
  Error error(Code::kInternal, message);
  if (const Json* info = find(failure, "applicationFailureInfo")) {
    const Retry retry = get_bool(*info, "nonRetryable") ? Retry::kPermanent : Retry::kUnknown;
    error = with_context(Error(code_from_name(get_string(*info, "type")), message, retry),
                         find(*info, "details"));
  } else if (const Json* canceled = find(failure, "canceledFailureInfo")) {
    error = with_context(Error(Code::kCancelled, message), find(*canceled, "details"));
  } else if (find(failure, "terminatedFailureInfo")) {
    error = Error(Code::kCancelled, message).with("terminated", "yes");
  } else if (const Json* timeout = find(failure, "timeoutFailureInfo")) {
    error = Error(Code::kDeadlineExceeded, message, Retry::kUnknown)
                .with("timeout", std::string(timeout_name(get_string(*timeout, "timeoutType"))));
  }
  return cause ? std::move(error).caused_by(from_failure(*cause)) : error;
}

}  // namespace holdfast::flow
