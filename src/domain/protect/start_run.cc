#include "domain/protect/start_run.h"

namespace holdfast::protect {

async::Co<Result<flow::Started>> start_run(flow::Client& client, RunRequest request) {
  flow::StartOptions options;
  options.request_id = request.run_id;
  options.reuse = flow::IdReuse::kReject;
  options.conflict = flow::IdConflict::kUseExisting;
  if (!request.traceparent.empty()) {
    options.header["traceparent"] = request.traceparent;
  }
  options.search_attributes = {{"trigger", request.trigger}};
  if (!request.resource_id.empty()) {
    options.search_attributes["resource_id"] = request.resource_id;
    options.search_attributes["resource"] = request.resource_name;
  }
  co_return co_await client.start(request.workflow, flow::WorkflowId(request.run_id),
                                  request.parameters, options);
}

async::Co<Result<bool>> has_open_run(flow::Client& client, std::string workflow,
                                     std::string resource_id) {
  flow::ListQuery query;
  query.statuses = {flow::RunStatus::kRunning};
  query.type = std::move(workflow);
  query.attributes = {{"resource_id", Json(resource_id)}};
  query.limit = 1;
  HF_CO_TRY(const flow::RunPage page, co_await client.list(query));
  co_return !page.runs.empty();
}

}  // namespace holdfast::protect
