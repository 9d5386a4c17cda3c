#include "flow/temporal/task_answers.h"

#include "flow/temporal/convert.h"
#include "flow/temporal/events.h"
#include "flow/temporal/proto/service.pb.h"
#include "flow/temporal/updates.h"

namespace holdfast::flow::temporal {
namespace {

namespace service = ::temporal::api::workflowservice::v1;
namespace enums = ::temporal::api::enums::v1;
namespace query = ::temporal::api::query::v1;

using Task = service::PollWorkflowTaskQueueResponse;
using Answer = service::RespondWorkflowTaskCompletedRequest;

void set_worker(const Task& task, const Worker& worker, Answer& answer) {
  answer.set_task_token(task.task_token());
  answer.set_namespace_(worker.options.name_space);
  answer.set_identity(worker.identity);
  // A task that was only for refused updates leaves no trace.
  answer.mutable_capabilities()->set_discard_speculative_workflow_task_with_events(true);
  if (worker.options.cache_size > 0) {
    auto& sticky = *answer.mutable_sticky_attributes();
    sticky.mutable_worker_task_queue()->set_name(worker.sticky_queue);
    sticky.mutable_worker_task_queue()->set_kind(enums::TASK_QUEUE_KIND_STICKY);
    sticky.mutable_worker_task_queue()->set_normal_name(worker.options.task_queue);
    sticky.mutable_schedule_to_start_timeout()->set_seconds(5);
  }
}

Status add_progress(const CachedRun& run, Answer& answer) {
  if (run.execution.progress() == run.noted) {
    return {};
  }
  detail::Command note;
  note.event = EventType::kWorkflowPropertiesModified;
  note.attributes = {{"upsertedMemo", JsonObject{{kProgressMemo, run.execution.progress()}}}};
  return to_command(note, {}, *answer.add_commands());
}

}  // namespace

query::WorkflowQueryResult query_answer(const Result<Json>& answer) {
  query::WorkflowQueryResult result;
  Status converted;
  if (answer) {
    result.set_result_type(enums::QUERY_RESULT_TYPE_ANSWERED);
    converted = from_json(*answer, *result.mutable_answer());
  } else {
    result.set_result_type(enums::QUERY_RESULT_TYPE_FAILED);
    result.set_error_message(answer.error().to_string());
    converted = from_json(to_failure(answer.error()), *result.mutable_failure());
  }
  if (!converted) {
    result.set_result_type(enums::QUERY_RESULT_TYPE_FAILED);
    result.set_error_message(converted.error().to_string());
  }
  return result;
}

Result<Answer> completion_of(const Task& task, CachedRun& run, const Worker& worker) {
  Answer answer;
  set_worker(task, worker, answer);
  HF_TRY_VOID(add_progress(run, answer));
  const CommandContext context{worker.options.task_queue, run.header};
  for (const auto& command : run.execution.commands()) {
    if (is_update_answer(*command)) {
      HF_TRY_VOID(add_update_answer(*command, task, answer));
    } else {
      HF_TRY_VOID(to_command(*command, context, *answer.add_commands()));
    }
  }
  for (const detail::UpdateRejection& rejection : run.execution.take_rejections()) {
    HF_TRY_VOID(add_rejection(rejection, task, answer));
  }
  for (const auto& [id, wanted] : task.queries()) {
    (*answer.mutable_query_results())[id] =
        query_answer(run.execution.query(wanted.query_type(), to_json(wanted.query_args())));
  }
  return answer;
}

}  // namespace holdfast::flow::temporal
