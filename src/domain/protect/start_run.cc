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
  if (!request.retry_of.empty()) {
    options.memo["retry_of"] = request.retry_of;
  }
  options.search_attributes = {{"trigger", request.trigger}};
  if (!request.resource_id.empty()) {
    options.search_attributes["resource_id"] = request.resource_id;
    options.search_attributes["resource"] = request.resource_name;
  }
  co_return co_await client.start(request.workflow, flow::WorkflowId(request.run_id),
                                  request.parameters, options);
}

}  // namespace holdfast::protect
