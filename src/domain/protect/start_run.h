// Starting runs of the built-in workflows, with what lists and people need to find them.
#pragma once

#include <string>

#include "core/base/json.h"
#include "flow/client.h"

namespace holdfast::protect {

struct RunRequest {
  std::string workflow;
  std::string run_id;  // run_..., also the workflow id
  Json parameters;     // the workflow's input
  std::string resource_id;
  std::string resource_name;
  std::string trigger;      // manual, schedule, trigger, backfill, retry, proof_interval
  std::string traceparent;  // W3C; empty: none
  std::string retry_of;     // the run that this one repeats; empty: none
};

// Idempotent by run id: a run that exists, open or closed, is left as it is.
async::Co<Result<flow::Started>> start_run(flow::Client& client, RunRequest request);

}  // namespace holdfast::protect
