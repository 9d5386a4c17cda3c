#include "flow/outcome.h"

#include "flow/types.h"

namespace holdfast::flow {

Result<Json> outcome_of(const Event& closing) {
  const auto value = [&closing](std::string_view key) {
    const Json* found = closing.attributes.if_contains(key);
    return found ? *found : Json();
  };
  switch (closing.type) {
    case EventType::kWorkflowExecutionCompleted:
      return value("result");
    case EventType::kWorkflowExecutionFailed:
      return from_failure(value("failure"));
    case EventType::kWorkflowExecutionTimedOut:
      return Error(Code::kDeadlineExceeded, "the run took longer than allowed");
    case EventType::kWorkflowExecutionTerminated:
      return Error(Code::kCancelled, "the run was terminated")
          .with("reason", text_at(closing.attributes, "reason"));
    default:
      return Error(Code::kCancelled, "the run was canceled");
  }
}

Result<Json> answer_of(const Json& outcome) {
  if (const Json* success = find(outcome, "success")) {
    return *success;
  }
  const Json* failure = find(outcome, "failure");
  return from_failure(failure ? *failure : Json());
}

}  // namespace holdfast::flow
