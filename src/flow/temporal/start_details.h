// What a start and a signal with start tell of the run.
#pragma once

#include "flow/client.h"
#include "flow/event.h"
#include "flow/replay/runtime.h"
#include "flow/temporal/convert.h"
#include "flow/temporal/options.h"
#include "flow/temporal/proto/service.pb.h"

namespace holdfast::flow::temporal {

inline ::temporal::api::enums::v1::WorkflowIdReusePolicy reuse_policy(IdReuse reuse) {
  namespace enums = ::temporal::api::enums::v1;
  switch (reuse) {
    case IdReuse::kAllowIfFailed:
      return enums::WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY;
    case IdReuse::kReject:
      return enums::WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE;
    default:
      return enums::WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE;
  }
}

inline ::temporal::api::enums::v1::WorkflowIdConflictPolicy conflict_policy(IdConflict conflict) {
  namespace enums = ::temporal::api::enums::v1;
  switch (conflict) {
    case IdConflict::kUseExisting:
      return enums::WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING;
    case IdConflict::kTerminateExisting:
      return enums::WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING;
    default:
      return enums::WORKFLOW_ID_CONFLICT_POLICY_FAIL;
  }
}

// One line for people, shown above the run: "scheduled_backup (resource: orders, trigger: manual)".
inline std::string start_summary(const std::string& type, const JsonObject& search_attributes) {
  std::string words;
  for (const auto& [name, value] : search_attributes) {
    if (value.is_string() && !name.ends_with("_id")) {
      words +=
          (words.empty() ? "" : ", ") + std::string(name) + ": " + std::string(value.get_string());
    }
  }
  constexpr std::size_t kMostBytes = 200;
  return (words.empty() ? type : type + " (" + words + ")").substr(0, kMostBytes);
}

template <class Request>
Status set_details(const std::string& type, const WorkflowId& id, const Json& input,
                   const StartOptions& options, const Options& worker, Request& request) {
  request.set_namespace_(worker.name_space);
  request.set_workflow_id(id.text());
  request.mutable_workflow_type()->set_name(type);
  request.mutable_task_queue()->set_name(worker.task_queue);
  request.set_workflow_id_reuse_policy(reuse_policy(options.reuse));
  HF_TRY_VOID(from_json(input, *request.mutable_input()));
  HF_TRY_VOID(from_json(Json(options.memo), *request.mutable_memo()));
  HF_TRY_VOID(from_json(Json(options.search_attributes), *request.mutable_search_attributes()));
  JsonObject header;
  for (const auto& [key, value] : options.header) {
    header[key] = value;
  }
  HF_TRY_VOID(from_json(Json(std::move(header)), *request.mutable_header()));
  HF_TRY_VOID(from_json(Json(start_summary(type, options.search_attributes)),
                        *request.mutable_user_metadata()->mutable_summary()));
  if (options.run_timeout.count() > 0) {
    HF_TRY_VOID(from_json(Json(duration_text(options.run_timeout)),
                          *request.mutable_workflow_run_timeout()));
  }
  return {};
}

}  // namespace holdfast::flow::temporal
