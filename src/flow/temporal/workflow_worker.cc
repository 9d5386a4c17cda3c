#include "flow/temporal/workflow_worker.h"

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <vector>

#include "core/async/pool.h"
#include "core/base/log.h"
#include "flow/temporal/convert.h"
#include "flow/temporal/events.h"
#include "flow/temporal/history_pages.h"
#include "flow/temporal/polls.h"
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

// A task with more events than this is not replayed on the connection's thread.
constexpr int kFewEvents = 200;

// One task on its way, and its run, which it gives back at its end.
struct Turn {
  Turn(RunCache& from, Polls& polls, std::shared_ptr<Polls::Slot> of)
      : errand(polls.errand()), cache(from), slot(std::move(of)) {}
  ~Turn() {
    if (held) {
      cache.give_back(run_id(), kept ? std::move(run) : nullptr);
    }
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  const std::string& workflow() const { return task.workflow_execution().workflow_id(); }
  const std::string& run_id() const { return task.workflow_execution().run_id(); }

  const std::shared_ptr<void> errand;
  RunCache& cache;
  const std::shared_ptr<Polls::Slot> slot;
  Task task;
  std::unique_ptr<CachedRun> run;
  bool held = false;
  bool kept = false;  // the run is what the server has
};
using TurnPtr = std::shared_ptr<Turn>;

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
        cache_(options.cache_size),
        polls_(caller, "PollWorkflowTaskQueue"),
        pool_("workflows", std::max(1, options.workflow_threads)) {}

  void start() {
    for (int i = 0; i < options_.workflow_threads; ++i) {
      add_poll(false);
      if (options_.cache_size > 0) {
        add_poll(true);
      }
    }
    started_ = options_.workflow_threads > 0;
  }

  void stop() {
    polls_.stop();
    if (std::exchange(started_, false) && options_.cache_size > 0) {
      say_goodbye();
    }
  }

 private:
  void add_poll(bool sticky) {
    service::PollWorkflowTaskQueueRequest request;
    request.set_namespace_(options_.name_space);
    request.mutable_task_queue()->set_name(sticky ? self_.sticky_queue : options_.task_queue);
    request.mutable_task_queue()->set_kind(sticky ? enums::TASK_QUEUE_KIND_STICKY
                                                  : enums::TASK_QUEUE_KIND_NORMAL);
    if (sticky) {
      request.mutable_task_queue()->set_normal_name(options_.task_queue);
    }
    request.set_identity(self_.identity);
    polls_.add(request.SerializeAsString(),
               [this](const std::string& answer, std::shared_ptr<Polls::Slot> slot) {
                 polled(answer, std::move(slot));
               });
  }

  void say_goodbye() {
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

  // What is short is done at once, without waking another thread; the rest may take its time.
  void polled(const std::string& answer, std::shared_ptr<Polls::Slot> slot) {
    auto turn = std::make_shared<Turn>(cache_, polls_, std::move(slot));
    if (!turn->task.ParseFromString(answer)) {
      log_warn("temporal.poll_failed",
               {{"error", damaged_reply("PollWorkflowTaskQueue").to_string()}});
      return turn->slot->again_later();
    }
    if (turn->task.task_token().empty()) {
      return turn->slot->again();
    }
    cache_.hold(turn->run_id(), [this, turn](std::unique_ptr<CachedRun> run) {
      turn->held = true;
      turn->run = run ? std::move(run) : std::make_unique<CachedRun>(workflows_);
      begin(turn);
    });
  }

  void begin(const TurnPtr& turn) {
    const bool here = turn->task.history().events_size() <= kFewEvents &&
                      turn->task.next_page_token().empty() &&
                      continues(turn->task, turn->run->execution.last_event_id());
    if (here) {
      handle(turn);
    } else {
      pool_.post([this, turn] { handle(turn); });
    }
  }

  // Whether the task's events are the next ones of the run, or its first.
  static bool continues(const Task& task, std::int64_t seen) {
    if (task.history().events().empty()) {
      return seen > 0;
    }
    const std::int64_t first = task.history().events(0).event_id();
    return first == seen + 1 || first == 1;
  }

  // The events that the run has not seen: the rest of the history, or all of it for a new one.
  Result<std::vector<Event>> events_of(const Task& task, std::int64_t seen) {
    std::vector<Event> events;
    HF_TRY_VOID(append_events(task.history(), events));
    auto request = history_request(options_.name_space, task.workflow_execution().workflow_id(),
                                   task.workflow_execution().run_id());
    std::string token = task.next_page_token();
    const bool complete = continues(task, seen);
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

  void handle(const TurnPtr& turn) {
    const Task& task = turn->task;
    auto events = events_of(task, turn->run->execution.last_event_id());
    if (!events) {
      // The task is out of date, or the server cannot give the history now: it gives it again.
      log_warn("temporal.history_incomplete",
               {{"workflow", turn->workflow()}, {"error", events.error().to_string()}});
      return turn->slot->again();
    }
    if (!events->empty() && events->front().id == 1 && turn->run->execution.last_event_id() > 0) {
      turn->run = std::make_unique<CachedRun>(workflows_);
    }
    const Status applied = take(task, *events, *turn->run);
    if (task.has_query()) {
      // A task may be under way beside a query: what the query read of it does not stay.
      answer_query(turn, applied, applied && events->empty());
    } else if (applied) {
      complete(turn);
    } else {
      fail(turn, applied.error());
    }
  }

  void answer_query(const TurnPtr& turn, const Status& applied, bool kept) {
    const Task& task = turn->task;
    const query::WorkflowQueryResult result =
        query_answer(applied ? turn->run->execution.query(task.query().query_type(),
                                                          to_json(task.query().query_args()))
                             : Result<Json>(applied.error()));
    service::RespondQueryTaskCompletedRequest request;
    request.set_task_token(task.task_token());
    request.set_namespace_(options_.name_space);
    request.set_completed_type(result.result_type());
    *request.mutable_query_result() = result.answer();
    request.set_error_message(result.error_message());
    if (result.has_failure()) {
      *request.mutable_failure() = result.failure();
    }
    respond<service::RespondQueryTaskCompletedResponse>(
        "RespondQueryTaskCompleted", turn, request,
        [kept](Turn& done, const auto&) { done.kept = kept; });
  }

  void complete(const TurnPtr& turn) {
    const auto request = completion_of(turn->task, *turn->run, self_);
    if (!request) {
      return fail(turn, request.error());
    }
    const int commands = request->commands_size();
    respond<service::RespondWorkflowTaskCompletedResponse>(
        "RespondWorkflowTaskCompleted", turn, *request,
        [this, commands](Turn& done, const auto& reply) {
          if (reply.reset_history_event_id() > 0) {
            return;  // taken back: it was only for updates that were refused
          }
          tell_change(done, commands);
          done.kept = status_after(done.run->execution.commands()) == RunStatus::kRunning;
        });
  }

  void tell_change(const Turn& turn, int commands) {
    const Execution& run = turn.run->execution;
    RunChange change;
    change.run_id = RunId(turn.run_id());
    change.workflow_id = WorkflowId(turn.workflow());
    change.type = turn.task.workflow_type().name();
    change.status = status_after(run.commands());
    change.last_event_id = run.last_event_id() + 1 + commands;
    change.progress = run.progress();
    on_change_(change);
  }

  // Said once; later attempts run into the task's timeout, which grows, so that nobody spins.
  void fail(const TurnPtr& turn, const Error& error) {
    log_warn("temporal.workflow_task_failed", {{"workflow", turn->workflow()},
                                               {"attempt", turn->task.attempt()},
                                               {"error", error.to_string()}});
    service::RespondWorkflowTaskFailedRequest request;
    if (turn->task.attempt() > 1 || !from_json(to_failure(error), *request.mutable_failure())) {
      return turn->slot->again();
    }
    request.set_task_token(turn->task.task_token());
    request.set_namespace_(options_.name_space);
    request.set_identity(self_.identity);
    request.set_cause(cause_of(error));
    respond<service::RespondWorkflowTaskFailedResponse>("RespondWorkflowTaskFailed", turn, request,
                                                        [](Turn&, const auto&) {});
  }

  // When the server does not take it, that is normal: something arrived meanwhile
  // (UnhandledCommand) or the task is out of date, and the server gives a new one. The run in
  // memory is then no longer what the server has: it goes with the turn.
  template <class Reply, class Request, class Taken>
  void respond(std::string_view method, const TurnPtr& turn, const Request& request, Taken taken) {
    call_then<Reply>(caller_, method, request, [turn, taken](const Result<Reply>& reply) {
      if (reply) {
        taken(*turn, *reply);
      } else {
        log_info("temporal.answer_not_taken",
                 {{"workflow", turn->workflow()}, {"error", reply.error().to_string()}});
      }
    });
    turn->slot->again();
  }

  const Caller& caller_;
  const WorkflowRegistry& workflows_;
  const Options& options_;
  const Worker self_;
  const OnChange on_change_;
  RunCache cache_;
  bool started_ = false;
  Polls polls_;
  async::Pool pool_;
};

WorkflowWorker::WorkflowWorker(const Caller& caller, const WorkflowRegistry& workflows,
                               const Options& options, const std::string& identity,
                               OnChange on_change)
    : state_(std::make_unique<State>(caller, workflows, options, identity, std::move(on_change))) {}
WorkflowWorker::~WorkflowWorker() { state_->stop(); }
void WorkflowWorker::start() { state_->start(); }
void WorkflowWorker::stop() { state_->stop(); }

}  // namespace holdfast::flow::temporal
