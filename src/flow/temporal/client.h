// The port flow/client.h over Temporal's calls.
#pragma once

#include <memory>
#include <string>

#include "core/env/random.h"
#include "flow/client.h"
#include "flow/embedded/watch.h"
#include "flow/temporal/call.h"
#include "flow/temporal/options.h"
#include "flow/workflow.h"

namespace holdfast::flow::temporal {

struct ClientParts {
  const Caller& caller;
  env::Random& random;
  const WorkflowRegistry& workflows;
  const Options& options;
  const std::string& identity;
  embedded::Watch& watch;  // changes that this process made or saw
};

// Everything given outlives it.
std::unique_ptr<Client> make_client(ClientParts parts);

}  // namespace holdfast::flow::temporal
