#include "flow/temporal/workflow_worker.h"

#include <fmt/core.h>

#include <atomic>
#include <thread>
#include <vector>

#include "core/async/run.h"
#include "core/base/log.h"
#include "flow/temporal/convert.h"
#include "flow/temporal/events.h"
#include "flow/temporal/history_pages.h"
#include "flow/temporal/proto/service.pb.h"
#include "flow/temporal/run_cache.h"
#include "flow/temporal/task_answers.h"
#include "flow/temporal/updates.h"

namespace holdfast::flow::temporal {
namespace {

namespace service = ::temporal::api::workflowservice::v1;
namespace enums = ::temporal::api::enums::v1;
namespace query = ::temporal::api::query::v1;

using Task = service::PollWorkflowTaskQueueResponse;

enums::WorkflowTaskFailedCause cause_of(const Error& error) {
  return error.code() == Code::kFailedPrecondition
             ? enums::WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR
             : enums::WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE;
}

// One for each worker, also within a process.
std::string new_sticky_queue(const std::string& identity) {
  static std::atomic<int> count{0};
  return fmt::format("{}:{}", identity, ++count);
}

RunStatus status_after(const std::deque<std::shared_ptr<detail::Command>>& commands) {
  switch (commands.empty() ? EventType::kUnknown : commands.back()->event) {
    case EventType::kWorkflowExecutionCompleted:
      return RunStatus::kCompleted;
    case EventType::kWorkflowExecutionFailed:
      return RunStatus::kFailed;
    case EventType::kWorkflowExecutionCanceled:
      return RunStatus::kCanceled;
    default:
      return RunStatus::kRunning;
  }
}

}  // namespace

class WorkflowWorker::State {
 public:
  State(const Caller& caller, const WorkflowRegistry& workflows, const Options& options,
        const std::string& identity, OnChange on_change)
      : caller_(caller),
        workflows_(workflows),
        options_(options),
        self_{options, identity, new_sticky_queue(identity)},
        on_change_(std::move(on_change)),
        cache_(options.cache_size) {}

  void start() {
    for (int i = 0; i < options_.workflow_threads; ++i) {
      threads_.emplace_back([this] { poll_until_stopped(false); });
      if (options_.cache_size > 0) {
        threads_.emplace_back([this] { poll_until_stopped(true); });
      }
    }
  }

  void stop() {
    stop_.request_stop();
    for (std::thread& thread : threads_) {
      thread.join();
    }
    if (!threads_.empty() && options_.cache_size > 0) {
      service::ShutdownWorkerRequest request;
      request.set_namespace_(options_.name_space);
      request.set_sticky_task_queue(self_.sticky_queue);
      request.set_identity(self_.identity);
      request.set_reason("the server stops");
      const auto told =
          call_blocking<service::ShutdownWorkerResponse>(caller_, "ShutdownWorker", request);
      if (!told) {
        log_info("temporal.goodbye_not_heard", {{"error", told.error().to_string()}});
      }
    }
    threads_.clear();
  }

 private:
  void poll_until_stopped(bool sticky) {
    service::PollWorkflowTaskQueueRequest request;
    request.set_namespace_(options_.name_space);
    request.mutable_task_queue()->set_name(sticky ? self_.sticky_queue : options_.task_queue);
    request.mutable_task_queue()->set_kind(sticky ? enums::TASK_QUEUE_KIND_STICKY
                                                  : enums::TASK_QUEUE_KIND_NORMAL);
    if (sticky) {
      request.mutable_task_queue()->set_normal_name(options_.task_queue);
    }
    request.set_identity(self_.identity);
    const std::stop_token stop = stop_.get_token();
    while (!stop.stop_requested()) {
      const auto task = call_blocking<Task>(caller_, "PollWorkflowTaskQueue", request, stop,
                                            kPollDeadline, kRepeats);
      if (task && !task->task_token().empty()) {
        handle(*task);
      } else if (!task && task.error().code() != Code::kDeadlineExceeded &&
                 !stop.stop_requested()) {
        log_warn("temporal.poll_failed", {{"error", task.error().to_string()}});
        async::wait_blocking(caller_.clock(), std::chrono::seconds(1), stop);
      }
    }
  }

  // The events that the run has not seen: the rest of the history, or all of it for a new one.
  Result<std::vector<Event>> events_of(const Task& task, std::int64_t seen) {
    std::vector<Event> events;
    HF_TRY_VOID(append_events(task.history(), events));
    auto request = history_request(options_.name_space, task.workflow_execution().workflow_id(),
                                   task.workflow_execution().run_id());
    std::string token = task.next_page_token();
    const bool complete =
        events.empty() ? seen > 0 : events.front().id == seen + 1 || events.front().id == 1;
    std::vector<Event> told;
    if (!complete) {
      told = std::exchange(events, {});
      token.clear();
    }
    while (!complete || !token.empty()) {
      request.set_next_page_token(token);
      HF_TRY(const auto page, call_blocking<service::GetWorkflowExecutionHistoryResponse>(
                                  caller_, "GetWorkflowExecutionHistory", request));
      HF_TRY_VOID(append_events(page.history(), events));
      token = page.next_page_token();
      if (token.empty()) {
        break;
      }
    }
    for (Event& event : told) {
      if (events.empty() || event.id == events.back().id + 1) {
        events.push_back(std::move(event));
      }
    }
    const std::int64_t last = events.empty() ? seen : events.back().id;
    const bool begins = complete || (!events.empty() && events.front().id == 1);
    if (!begins || last < task.started_event_id()) {
      return Error(Code::kUnavailable, "the history ends before the workflow task",
                   Retry::kTransient);
    }
    return events;
  }

  Status take(const Task& task, const std::vector<Event>& events, CachedRun& run) {
    HF_TRY(std::vector<detail::UpdateOffer> offers, offers_of(task));
    for (detail::UpdateOffer& offer : offers) {
      run.execution.offer(std::move(offer));
    }
    return run.take(events);
  }

  void handle(const Task& task) {
    std::unique_ptr<CachedRun> run = cache_.take(task.workflow_execution().run_id());
    if (!run) {
      run = std::make_unique<CachedRun>(workflows_);
    }
    auto events = events_of(task, run->execution.last_event_id());
    if (!events) {
      // The task is out of date, or the server cannot give the history now: it gives it again.
      log_warn("temporal.history_incomplete",
               {{"workflow", task.workflow_execution().workflow_id()},
                {"error", events.error().to_string()}});
      return;
    }
    if (!events->empty() && events->front().id == 1 && run->execution.last_event_id() > 0) {
      run = std::make_unique<CachedRun>(workflows_);
    }
    const Status applied = take(task, *events, *run);
    bool kept = applied.has_value();
    if (task.has_query()) {
      // A task may be under way beside a query: what the query read of it does not stay.
      kept = kept && events->empty();
      answer_query(task, applied ? run->execution.query(task.query().query_type(),
                                                        to_json(task.query().query_args()))
                                 : Result<Json>(applied.error()));
    } else if (applied) {
      kept = complete(task, *run);
    } else {
      fail(task, applied.error());
    }
    if (kept && status_after(run->execution.commands()) == RunStatus::kRunning) {
      cache_.put(task.workflow_execution().run_id(), std::move(run));
    }
  }

  void answer_query(const Task& task, const Result<Json>& answer) {
    const query::WorkflowQueryResult result = query_answer(answer);
    service::RespondQueryTaskCompletedRequest request;
    request.set_task_token(task.task_token());
    request.set_namespace_(options_.name_space);
    request.set_completed_type(result.result_type());
    *request.mutable_query_result() = result.answer();
    request.set_error_message(result.error_message());
    if (result.has_failure()) {
      *request.mutable_failure() = result.failure();
    }
    respond<service::RespondQueryTaskCompletedResponse>("RespondQueryTaskCompleted", task, request);
  }

  // False: the run in memory is no longer what the server has.
  bool complete(const Task& task, CachedRun& cached) {
    const Execution& run = cached.execution;
    const auto request = completion_of(task, cached, self_);
    if (!request) {
      fail(task, request.error());
      return false;
    }
    const auto taken = respond<service::RespondWorkflowTaskCompletedResponse>(
        "RespondWorkflowTaskCompleted", task, *request);
    if (!taken || taken->reset_history_event_id() > 0) {
      return false;  // not taken, or taken back: it was only for updates that were refused
    }
    RunChange change;
    change.run_id = RunId(task.workflow_execution().run_id());
    change.workflow_id = WorkflowId(task.workflow_execution().workflow_id());
    change.type = task.workflow_type().name();
    change.status = status_after(run.commands());
    change.last_event_id =
        run.last_event_id() + 1 + static_cast<std::int64_t>(request->commands_size());
    change.progress = run.progress();
    on_change_(change);
    return true;
  }

  // Said once; later attempts run into the task's timeout, which grows, so that nobody spins.
  void fail(const Task& task, const Error& error) {
    log_warn("temporal.workflow_task_failed",
             {{"workflow", task.workflow_execution().workflow_id()},
              {"attempt", task.attempt()},
              {"error", error.to_string()}});
    if (task.attempt() > 1) {
      return;
    }
    service::RespondWorkflowTaskFailedRequest request;
    request.set_task_token(task.task_token());
    request.set_namespace_(options_.name_space);
    request.set_identity(self_.identity);
    request.set_cause(cause_of(error));
    if (from_json(to_failure(error), *request.mutable_failure())) {
      respond<service::RespondWorkflowTaskFailedResponse>("RespondWorkflowTaskFailed", task,
                                                          request);
    }
  }

  // When the server does not take it, that is normal: something arrived meanwhile
  // (UnhandledCommand) or the task is out of date, and the server gives a new one.
  template <class Reply, class Request>
  std::optional<Reply> respond(std::string_view method, const Task& task, const Request& request) {
    const auto reply = call_blocking<Reply>(caller_, method, request);
    if (!reply) {
      log_info("temporal.answer_not_taken", {{"workflow", task.workflow_execution().workflow_id()},
                                             {"error", reply.error().to_string()}});
    }
    return reply ? std::optional(*reply) : std::nullopt;
  }

  const Caller& caller_;
  const WorkflowRegistry& workflows_;
  const Options& options_;
  const Worker self_;
  const OnChange on_change_;
  RunCache cache_;
  std::stop_source stop_;
  std::vector<std::thread> threads_;
};

WorkflowWorker::WorkflowWorker(const Caller& caller, const WorkflowRegistry& workflows,
                               const Options& options, const std::string& identity,
                               OnChange on_change)
    : state_(std::make_unique<State>(caller, workflows, options, identity, std::move(on_change))) {}
WorkflowWorker::~WorkflowWorker() { state_->stop(); }
void WorkflowWorker::start() { state_->start(); }
void WorkflowWorker::stop() { state_->stop(); }

}  // namespace holdfast::flow::temporal
