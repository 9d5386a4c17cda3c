// Runs as the API shows them: steps and proposal from the workflow's own progress, live numbers
// from the heartbeat of the activity that runs.
#include "core/base/error.h"
#include "edge/api/views.h"

namespace holdfast::api {
namespace {

Json value_or_null(const Json& object, std::string_view key) {
  const Json* found = find(object, key);
  return found == nullptr ? Json() : *found;
}

Json error_view(const std::optional<Json>& failure) {
  if (!failure) {
    return nullptr;
  }
  const Error error = flow::from_failure(*failure);
  return JsonObject{{"code", describe(error.code()).name},
                    {"message", error.to_string()},
                    {"exit_code", describe(error.code()).exit_code}};
}

Json progress_view(const flow::RunDescription& run) {
  JsonObject progress{{"step", get_string(run.run.progress, "step")},
                      {"message", get_string(run.run.progress, "message")}};
  for (const flow::PendingActivity& activity : run.activities) {
    progress["activity"] = activity.type;
    progress["attempt"] = activity.attempt;
    if (activity.last_failure) {
      progress["message"] = flow::from_failure(*activity.last_failure).to_string();
    }
    if (activity.heartbeat && activity.heartbeat->is_object()) {
      for (const auto& field : activity.heartbeat->get_object()) {
        progress[field.key()] = field.value();
      }
    }
  }
  if (run.workflow_task_failure) {
    progress["message"] = run.workflow_task_failure->to_string();
  }
  return progress;
}

}  // namespace

std::string run_status(const flow::RunSummary& run) {
  switch (run.status) {
    case flow::RunStatus::kRunning:
      return run.search_attributes.contains("waiting_for") ? "waiting" : "running";
    case flow::RunStatus::kCompleted:
      return "completed";
    case flow::RunStatus::kCanceled:
    case flow::RunStatus::kTerminated:
      return "cancelled";
    default:
      return "failed";
  }
}

Json run_summary_view(const flow::RunSummary& run) {
  const Json attributes(run.search_attributes);
  return JsonObject{{"id", run.workflow_id.text()},
                    {"workflow", run.type},
                    {"status", run_status(run)},
                    {"waiting_for", value_or_null(attributes, "waiting_for")},
                    {"resource", value_or_null(attributes, "resource")},
                    {"trigger", get_string(attributes, "trigger")},
                    {"started_at", to_rfc3339(run.started)},
                    {"ended_at", run.closed ? Json(to_rfc3339(*run.closed)) : Json()},
                    {"step", get_string(run.progress, "step")},
                    {"partial", get_bool(run.progress, "partial")}};
}

Json run_view(const flow::RunDescription& run, const std::optional<approve::Approval>& approval) {
  Json view = run_summary_view(run.run);
  JsonObject& object = view.get_object();
  const auto trace = run.header.find("traceparent");
  const Json result = run.result ? *run.result : Json();
  object["retry_of"] = value_or_null(Json(run.run.memo), "retry_of");
  object["parameters"] = run.input;
  object["result"] = result;
  object["error"] = error_view(run.failure);
  object["progress"] = progress_view(run);
  const Json* steps = find(run.run.progress, "steps");
  object["steps"] = steps == nullptr ? Json(JsonArray{}) : *steps;
  object["proposal"] = value_or_null(run.run.progress, "proposal");
  object["approval"] = approval ? approval_view(*approval) : Json();
  object["traceparent"] = trace == run.header.end() ? Json() : Json(trace->second);
  object["partial"] = get_bool(result, "partial") || get_bool(object, "partial");
  object["cancel_requested"] = run.cancel_requested;
  return view;
}

}  // namespace holdfast::api
