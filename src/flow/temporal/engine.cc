#include "flow/temporal/engine.h"

#include <unistd.h>

#include <vector>

#include "core/base/log.h"
#include "flow/embedded/watch.h"
#include "flow/temporal/activity_worker.h"
#include "flow/temporal/client.h"
#include "flow/temporal/proto/operator.pb.h"
#include "flow/temporal/proto/service.pb.h"
#include "flow/temporal/task_client.h"
#include "flow/temporal/workflow_worker.h"

namespace holdfast::flow::temporal {
namespace {

namespace service = ::temporal::api::workflowservice::v1;
namespace operators = ::temporal::api::operatorservice::v1;
namespace enums = ::temporal::api::enums::v1;

constexpr std::string_view kOperator = "temporal.api.operatorservice.v1.OperatorService/";

std::string identity() {
  char host[256] = {};
  const bool known = ::gethostname(host, sizeof(host) - 1) == 0;
  return std::to_string(::getpid()) + "@" + (known ? host : "localhost");
}

// "KeywordList" -> INDEXED_VALUE_TYPE_KEYWORD_LIST.
enums::IndexedValueType value_type(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, enums::IndexedValueType>, 5> kTypes = {{
      {"Text", enums::INDEXED_VALUE_TYPE_TEXT},
      {"Int", enums::INDEXED_VALUE_TYPE_INT},
      {"Bool", enums::INDEXED_VALUE_TYPE_BOOL},
      {"Datetime", enums::INDEXED_VALUE_TYPE_DATETIME},
      {"KeywordList", enums::INDEXED_VALUE_TYPE_KEYWORD_LIST},
  }};
  for (const auto& [known, type] : kTypes) {
    if (known == name) {
      return type;
    }
  }
  return enums::INDEXED_VALUE_TYPE_KEYWORD;
}

}  // namespace

class Engine::State {
 public:
  State(env::Clock& clock, env::Random& random, const WorkflowRegistry& workflows,
        const ActivityRegistry& activities, Options options)
      : clock_(clock),
        random_(random),
        workflows_(workflows),
        activities_(activities),
        options_(std::move(options)) {}
  ~State() { stop(); }

  Status start() {
    HF_TRY(connection_, Connection::open(clock_, options_));
    caller_ = std::make_unique<Caller>(*connection_, clock_);
    HF_TRY_VOID(check_server());
    HF_TRY_VOID(register_search_attributes());
    const OnChange tell = [this](const RunChange& change) { watch_->notify(change); };
    tasks_ = make_task_client(*caller_, options_, identity_, tell);
    client_ = make_client({*caller_, random_, workflows_, options_, identity_, *watch_});
    workflow_worker_ =
        std::make_unique<WorkflowWorker>(*caller_, workflows_, options_, identity_, tell);
    for (const auto& [queue, threads] : options_.queues) {
      activity_workers_.push_back(std::make_unique<ActivityWorker>(
          *caller_, activities_, options_, queue, threads, identity_, tell));
    }
    workflow_worker_->start();
    for (const auto& worker : activity_workers_) {
      worker->start();
    }
    return {};
  }

  void stop() {
    for (const auto& worker : activity_workers_) {
      worker->ask_to_stop();
    }
    if (workflow_worker_) {
      workflow_worker_->stop();
    }
    for (const auto& worker : activity_workers_) {
      worker->stop();
    }
    if (connection_) {
      connection_->shut_down();
    }
  }

  TaskClient& tasks() {
    HF_CHECK(tasks_ != nullptr, "the task client is asked for after the start");
    return *tasks_;
  }

  Client& client() {
    HF_CHECK(client_ != nullptr, "the client is asked for after the start");
    return *client_;
  }

 private:
  Status check_server() {
    const auto system = call_blocking<service::GetSystemInfoResponse>(
        *caller_, "GetSystemInfo", service::GetSystemInfoRequest());
    if (!system) {
      return Error(system.error().code(),
                   "the Temporal server does not answer; check flow.temporal.address and its TLS "
                   "settings",
                   system.error().retry())
          .with("address", options_.address)
          .caused_by(system.error());
    }
    service::DescribeNamespaceRequest request;
    request.set_namespace_(options_.name_space);
    const auto known =
        call_blocking<service::DescribeNamespaceResponse>(*caller_, "DescribeNamespace", request);
    if (!known && known.error().code() == Code::kNotFound) {
      return Error(Code::kFailedPrecondition,
                   "the Temporal server has no such namespace; create it with 'temporal operator "
                   "namespace create' or change flow.temporal.namespace")
          .with("namespace", options_.name_space);
    }
    HF_TRY_VOID(status_of(known));
    log_info("temporal.connected", {{"address", options_.address},
                                    {"namespace", options_.name_space},
                                    {"task_queue", options_.task_queue},
                                    {"server", system->server_version()}});
    return {};
  }

  Status register_search_attributes() {
    if (options_.search_attributes.empty()) {
      return {};
    }
    operators::ListSearchAttributesRequest list;
    list.set_namespace_(options_.name_space);
    HF_TRY(const auto known, call_blocking<operators::ListSearchAttributesResponse>(
                                 *caller_, std::string(kOperator) + "ListSearchAttributes", list));
    operators::AddSearchAttributesRequest add;
    add.set_namespace_(options_.name_space);
    for (const auto& [name, type] : options_.search_attributes) {
      if (!known.custom_attributes().contains(name)) {
        (*add.mutable_search_attributes())[name] = value_type(type);
      }
    }
    if (add.search_attributes().empty()) {
      return {};
    }
    const auto added = call_blocking<operators::AddSearchAttributesResponse>(
        *caller_, std::string(kOperator) + "AddSearchAttributes", add);
    if (!added && added.error().code() != Code::kAlreadyExists) {
      return Error(added.error().code(),
                   "the search attributes of Holdfast cannot be registered; register them with "
                   "'temporal operator search-attribute create'")
          .caused_by(added.error());
    }
    return {};
  }

  env::Clock& clock_;
  env::Random& random_;
  const WorkflowRegistry& workflows_;
  const ActivityRegistry& activities_;
  const Options options_;
  const std::string identity_ = identity();
  const std::shared_ptr<embedded::Watch> watch_ = std::make_shared<embedded::Watch>(clock_);
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<Caller> caller_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<TaskClient> tasks_;
  std::unique_ptr<WorkflowWorker> workflow_worker_;
  std::vector<std::unique_ptr<ActivityWorker>> activity_workers_;
};

Engine::Engine(env::Clock& clock, env::Random& random, const WorkflowRegistry& workflows,
               const ActivityRegistry& activities, Options options)
    : state_(std::make_unique<State>(clock, random, workflows, activities, std::move(options))) {}
Engine::~Engine() = default;
Status Engine::start() { return state_->start(); }
void Engine::stop() { state_->stop(); }
Client& Engine::client() { return state_->client(); }
TaskClient& Engine::tasks() { return state_->tasks(); }

}  // namespace holdfast::flow::temporal
