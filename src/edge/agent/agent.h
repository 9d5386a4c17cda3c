// `holdfast agent run`: the composition root of an agent. It has no state database and listens to
// nobody; docs/agents.md is its guide.
#pragma once

#include "edge/agent/options.h"

namespace holdfast::agent {

// Works until SIGINT or SIGTERM; returns the exit code. 0: stopped as asked; 6: the server does not
// take the agent's key (any more); others as docs/exit-codes.md has them.
int run(const Options& given);

}  // namespace holdfast::agent
