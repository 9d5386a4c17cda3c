#include "flow/temporal/client.h"

#include <map>

#include "core/base/bytes.h"
#include "flow/history_json.h"
#include "flow/outcome.h"
#include "flow/replay/runtime.h"
#include "flow/reset_point.h"
#include "flow/temporal/convert.h"
#include "flow/temporal/errors.h"
#include "flow/temporal/events.h"
#include "flow/temporal/history_pages.h"
#include "flow/temporal/proto/service.pb.h"
#include "flow/temporal/start_details.h"
#include "flow/temporal/updates.h"
#include "flow/temporal/visibility.h"

namespace holdfast::flow::temporal {
namespace {

namespace service = ::temporal::api::workflowservice::v1;
namespace common = ::temporal::api::common::v1;
namespace enums = ::temporal::api::enums::v1;

using HistoryReply = service::GetWorkflowExecutionHistoryResponse;

class TemporalClient final : public Client {
 public:
  explicit TemporalClient(ClientParts parts) : parts_(parts) {}

  Co<Result<Started>> start(std::string type, WorkflowId id, Json input,
                            StartOptions options) override {
    if (auto problem = detail::payload_problem(input, type)) {
      co_return *problem;
    }
    if (!parts_.workflows.find(type)) {
      co_return Error(Code::kNotFound, "there is no workflow of this type").with("type", type);
    }
    service::StartWorkflowExecutionRequest request;
    request.set_identity(parts_.identity);
    request.set_request_id(options.request_id.empty() ? new_request_id() : options.request_id);
    request.set_workflow_id_conflict_policy(conflict_policy(options.conflict));
    HF_CO_TRY_VOID(set_details(type, id, input, options, parts_.options, request));
    const auto reply = co_await call<service::StartWorkflowExecutionResponse>(
        &parts_.caller, "StartWorkflowExecution", std::move(request));
    if (!reply) {
      co_return reply.error();
    }
    tell(id.text(), reply->run_id(), type);
    co_return Started{RunId(reply->run_id()), reply->started()};
  }

  Co<Result<Started>> signal_with_start(std::string type, WorkflowId id, Json input,
                                        StartOptions options, std::string signal_name,
                                        Json payload) override {
    for (const auto& [value, of] : {std::pair(&input, &type), std::pair(&payload, &signal_name)}) {
      if (auto problem = detail::payload_problem(*value, *of)) {
        co_return *problem;
      }
    }
    if (!parts_.workflows.find(type)) {
      co_return Error(Code::kNotFound, "there is no workflow of this type").with("type", type);
    }
    service::SignalWithStartWorkflowExecutionRequest request;
    request.set_identity(parts_.identity);
    request.set_request_id(options.request_id.empty() ? new_request_id() : options.request_id);
    request.set_signal_name(signal_name);
    HF_CO_TRY_VOID(from_json(payload, *request.mutable_signal_input()));
    HF_CO_TRY_VOID(set_details(type, id, input, options, parts_.options, request));
    const auto reply = co_await call<service::SignalWithStartWorkflowExecutionResponse>(
        &parts_.caller, "SignalWithStartWorkflowExecution", std::move(request));
    if (!reply) {
      co_return reply.error();
    }
    tell(id.text(), reply->run_id(), type);
    co_return Started{RunId(reply->run_id()), reply->started()};
  }

  Co<Status> signal(RunRef run, std::string name, Json payload, std::string request_id) override {
    if (auto problem = detail::payload_problem(payload, name)) {
      co_return *problem;
    }
    service::SignalWorkflowExecutionRequest request;
    HF_CO_TRY(*request.mutable_workflow_execution(), co_await locate(run));
    request.set_namespace_(parts_.options.name_space);
    request.set_signal_name(name);
    request.set_identity(parts_.identity);
    request.set_request_id(request_id.empty() ? new_request_id() : request_id);
    HF_CO_TRY_VOID(from_json(payload, *request.mutable_input()));
    co_return status_of(co_await call<service::SignalWorkflowExecutionResponse>(
        &parts_.caller, "SignalWorkflowExecution", std::move(request)));
  }

  Co<Result<Json>> query(RunRef run, std::string name, Json args) override {
    service::QueryWorkflowRequest request;
    HF_CO_TRY(*request.mutable_execution(), co_await locate(run));
    request.set_namespace_(parts_.options.name_space);
    request.mutable_query()->set_query_type(name);
    HF_CO_TRY_VOID(from_json(args, *request.mutable_query()->mutable_query_args()));
    const auto reply = co_await call<service::QueryWorkflowResponse>(
        &parts_.caller, "QueryWorkflow", std::move(request));
    if (!reply) {
      co_return reply.error();
    }
    co_return to_json(reply->query_result());
  }

  Co<Result<Json>> update(RunRef run, std::string name, Json args, std::string id) override {
    if (auto problem = detail::payload_problem(args, name)) {
      co_return *problem;
    }
    service::UpdateWorkflowExecutionRequest request;
    HF_CO_TRY(*request.mutable_workflow_execution(), co_await locate(run));
    request.set_namespace_(parts_.options.name_space);
    request.mutable_wait_policy()->set_lifecycle_stage(
        enums::UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED);
    auto& asked = *request.mutable_request();
    asked.mutable_meta()->set_update_id(id.empty() ? new_request_id() : id);
    asked.mutable_meta()->set_identity(parts_.identity);
    asked.mutable_input()->set_name(name);
    HF_CO_TRY_VOID(from_json(args, *asked.mutable_input()->mutable_args()));
    while (true) {
      const auto reply = co_await call<service::UpdateWorkflowExecutionResponse>(
          &parts_.caller, "UpdateWorkflowExecution", request, Limits{.deadline = kPollDeadline});
      if (!reply && reply.error().code() == Code::kCancelled) {
        co_return Error(Code::kCancelled, "the wait for the update was given up");
      }
      if (!reply && reply.error().code() != Code::kDeadlineExceeded) {
        co_return reply.error();
      }
      if (reply && reply->has_outcome()) {
        co_return update_outcome(to_json(reply->outcome()));
      }
      // The same id asks once, so the wait goes on by asking again: the run that was asked first.
      if (reply && reply->has_update_ref()) {
        *request.mutable_workflow_execution() = reply->update_ref().workflow_execution();
      }
    }
  }

  Co<Status> cancel(RunRef run, std::string reason) override {
    service::RequestCancelWorkflowExecutionRequest request;
    HF_CO_TRY(*request.mutable_workflow_execution(), co_await locate(run));
    request.set_namespace_(parts_.options.name_space);
    request.set_identity(parts_.identity);
    request.set_request_id(new_request_id());
    request.set_reason(reason);
    const common::WorkflowExecution execution = request.workflow_execution();
    HF_CO_TRY_VOID(status_of(co_await call<service::RequestCancelWorkflowExecutionResponse>(
        &parts_.caller, "RequestCancelWorkflowExecution", std::move(request))));
    // The server says yes also to a run that was closed long ago.
    HF_CO_TRY(const std::vector<Event> events, co_await whole_history(execution));
    const auto asked =
        std::ranges::find(events, EventType::kWorkflowExecutionCancelRequested, &Event::type);
    co_return asked != events.end() ? Status()
                                    : Error(Code::kFailedPrecondition, "the run is closed");
  }

  Co<Status> terminate(RunRef run, std::string reason) override {
    service::TerminateWorkflowExecutionRequest request;
    HF_CO_TRY(const common::WorkflowExecution execution, co_await locate(run));
    *request.mutable_workflow_execution() = execution;
    request.set_namespace_(parts_.options.name_space);
    request.set_identity(parts_.identity);
    request.set_reason(reason);
    const Status done = status_of(co_await call<service::TerminateWorkflowExecutionResponse>(
        &parts_.caller, "TerminateWorkflowExecution", std::move(request)));
    if (done) {
      tell(execution.workflow_id(), execution.run_id(), "");
    }
    co_return done;
  }

  Co<Result<RunId>> reset(RunRef run, std::int64_t event_id, std::string reason,
                          std::string request_id) override {
    service::ResetWorkflowExecutionRequest request;
    HF_CO_TRY(const common::WorkflowExecution execution, co_await locate(run));
    HF_CO_TRY(const std::vector<Event> events, co_await whole_history(execution));
    HF_CO_TRY(const ResetPoint point, find_reset_point(events, event_id));
    *request.mutable_workflow_execution() = execution;
    request.set_namespace_(parts_.options.name_space);
    request.set_reason(reason);
    request.set_workflow_task_finish_event_id(point.completed_event_id);
    request.set_request_id(request_id.empty() ? new_request_id() : request_id);
    request.add_reset_reapply_exclude_types(enums::RESET_REAPPLY_EXCLUDE_TYPE_UPDATE);
    request.add_reset_reapply_exclude_types(enums::RESET_REAPPLY_EXCLUDE_TYPE_CANCEL_REQUEST);
    const auto reply = co_await call<service::ResetWorkflowExecutionResponse>(
        &parts_.caller, "ResetWorkflowExecution", std::move(request));
    if (!reply) {
      co_return reply.error();
    }
    tell(execution.workflow_id(), reply->run_id(), "");
    co_return RunId(reply->run_id());
  }

  Co<Result<RunDescription>> describe(RunRef run) override {
    service::DescribeWorkflowExecutionRequest request;
    HF_CO_TRY(*request.mutable_execution(), co_await locate(run));
    request.set_namespace_(parts_.options.name_space);
    const auto told = co_await call<service::DescribeWorkflowExecutionResponse>(
        &parts_.caller, "DescribeWorkflowExecution", std::move(request));
    if (!told) {
      co_return told.error();
    }
    HF_CO_TRY(const std::vector<Event> events,
              co_await whole_history(told->workflow_execution_info().execution()));
    co_return description_of(*told, events, parts_.options.task_queue);
  }

  Co<Result<RunPage>> list(ListQuery query) override {
    if (query.limit < 1 || query.limit > 1000) {
      co_return Error(Code::kInvalidArgument, "a page has 1 to 1000 runs");
    }
    service::ListWorkflowExecutionsRequest request;
    request.set_namespace_(parts_.options.name_space);
    request.set_page_size(query.limit);
    HF_CO_TRY(*request.mutable_query(), list_filter(query, parts_.options.task_queue));
    if (!query.page_key.empty()) {
      const auto token = from_base64(query.page_key);
      if (!token) {
        co_return Error(Code::kInvalidArgument, "the page key is not one that a list returned");
      }
      request.set_next_page_token(std::string(as_text(*token)));
    }
    const auto reply = co_await call<service::ListWorkflowExecutionsResponse>(
        &parts_.caller, "ListWorkflowExecutions", std::move(request));
    if (!reply) {
      co_return reply.error();
    }
    RunPage page;
    for (const auto& info : reply->executions()) {
      page.runs.push_back(summary_of(info));
    }
    page.next_page_key = to_base64(as_bytes(reply->next_page_token()));
    co_return page;
  }

  Co<Result<std::int64_t>> count(ListQuery query) override {
    service::CountWorkflowExecutionsRequest request;
    request.set_namespace_(parts_.options.name_space);
    HF_CO_TRY(*request.mutable_query(), list_filter(query, parts_.options.task_queue));
    const auto reply = co_await call<service::CountWorkflowExecutionsResponse>(
        &parts_.caller, "CountWorkflowExecutions", std::move(request));
    if (!reply) {
      co_return reply.error();
    }
    co_return reply->count();
  }

  Co<Result<std::vector<HistoryEvent>>> history(RunRef run, std::int64_t after,
                                                int limit) override {
    HF_CO_TRY(const common::WorkflowExecution execution, co_await locate(run));
    HF_CO_TRY(const std::vector<Event> events, co_await whole_history(execution));
    std::vector<HistoryEvent> page;
    for (const Event& event : events) {
      if (event.id > after && page.size() < static_cast<std::size_t>(std::max(1, limit))) {
        page.push_back(shown(event));
      }
    }
    co_return page;
  }

  Co<Result<Json>> history_json(RunRef run) override {
    HF_CO_TRY(const common::WorkflowExecution execution, co_await locate(run));
    HF_CO_TRY(const std::vector<Event> events, co_await whole_history(execution));
    co_return export_history(events);
  }

  Co<Result<Json>> result(RunRef run) override {
    HF_CO_TRY(const common::WorkflowExecution execution, co_await locate(run));
    auto request =
        history_request(parts_.options.name_space, execution.workflow_id(), execution.run_id());
    request.set_wait_new_event(true);
    request.set_history_event_filter_type(enums::HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT);
    while (true) {
      const auto reply = co_await call<HistoryReply>(&parts_.caller, "GetWorkflowExecutionHistory",
                                                     request, Limits{.deadline = kPollDeadline});
      if (!reply && reply.error().code() == Code::kCancelled) {
        co_return Error(Code::kCancelled, "the wait for the run was given up");
      }
      if (!reply && reply.error().code() != Code::kDeadlineExceeded) {
        co_return reply.error();
      }
      if (reply && reply->history().events_size() > 0) {
        const Event closing = to_event(*reply->history().events().rbegin());
        if (closing.type != EventType::kWorkflowExecutionContinuedAsNew) {
          co_return outcome_of(closing);
        }
        request.mutable_execution()->set_run_id(text_at(closing.attributes, "newExecutionRunId"));
        request.clear_next_page_token();
      } else if (reply) {
        request.set_next_page_token(reply->next_page_token());
      }
    }
  }

  Co<Result<std::vector<HistoryEvent>>> wait_for_events(RunRef run, std::int64_t after,
                                                        Nanoseconds patience) override {
    HF_CO_TRY(const common::WorkflowExecution execution, co_await locate(run));
    auto request =
        history_request(parts_.options.name_space, execution.workflow_id(), execution.run_id());
    request.set_wait_new_event(true);
    const MonoTime until = parts_.caller.clock().mono() + patience;
    std::vector<HistoryEvent> news;
    while (news.empty()) {
      const Nanoseconds left = until - parts_.caller.clock().mono();
      if (left.count() <= 0) {
        break;
      }
      const auto reply =
          co_await call<HistoryReply>(&parts_.caller, "GetWorkflowExecutionHistory", request,
                                      Limits{.deadline = std::min(left, kPollDeadline)});
      if (!reply && reply.error().code() != Code::kDeadlineExceeded) {
        co_return reply.error();
      }
      if (!reply) {
        continue;
      }
      for (const auto& wired : reply->history().events()) {
        if (wired.event_id() > after) {
          news.push_back(shown(to_event(wired)));
        }
      }
      if (reply->next_page_token().empty()) {
        break;
      }
      request.set_next_page_token(reply->next_page_token());
    }
    co_return news;
  }

  std::unique_ptr<Subscription> subscribe(std::function<void(const RunChange&)> callback) override {
    return parts_.watch.subscribe(std::move(callback));
  }

 private:
  std::string new_request_id() { return uuid_v4(parts_.random.bytes16()); }

  void tell(const std::string& workflow_id, const std::string& run_id, const std::string& type) {
    RunChange change;
    change.run_id = RunId(run_id);
    change.workflow_id = WorkflowId(workflow_id);
    change.type = type;
    change.last_event_id = 1;
    parts_.watch.notify(change);
  }

  // Temporal's calls name a run by its workflow id; of a run id alone the visibility store tells
  // it.
  Co<Result<common::WorkflowExecution>> locate(RunRef run) {
    common::WorkflowExecution execution;
    execution.set_workflow_id(run.workflow_id.text());
    execution.set_run_id(run.run_id.text());
    if (run.workflow_id.empty()) {
      service::ListWorkflowExecutionsRequest request;
      request.set_namespace_(parts_.options.name_space);
      request.set_page_size(1);
      request.set_query("RunId = '" + run.run_id.text() + "'");
      const auto reply = co_await call<service::ListWorkflowExecutionsResponse>(
          &parts_.caller, "ListWorkflowExecutions", std::move(request));
      if (!reply) {
        co_return reply.error();
      }
      if (reply->executions().empty()) {
        co_return Error(Code::kNotFound, "there is no such run").with("run", run.run_id.text());
      }
      execution = reply->executions(0).execution();
    }
    co_return execution;
  }

  Co<Result<std::vector<Event>>> whole_history(common::WorkflowExecution execution) {
    auto request =
        history_request(parts_.options.name_space, execution.workflow_id(), execution.run_id());
    std::vector<Event> events;
    do {
      const auto reply =
          co_await call<HistoryReply>(&parts_.caller, "GetWorkflowExecutionHistory", request);
      if (!reply) {
        co_return reply.error();
      }
      HF_CO_TRY_VOID(append_events(reply->history(), events));
      request.set_next_page_token(reply->next_page_token());
    } while (!request.next_page_token().empty());
    co_return events;
  }

  const ClientParts parts_;
};

}  // namespace

std::unique_ptr<Client> make_client(ClientParts parts) {
  return std::make_unique<TemporalClient>(parts);
}

}  // namespace holdfast::flow::temporal
