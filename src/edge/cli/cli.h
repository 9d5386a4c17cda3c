// The `holdfast` command.
#pragma once

#include <functional>

#include "edge/cli/serve_options.h"

namespace holdfast::cli {

// What runs the server and the agent: rooms that the command line does not see.
struct Services {
  std::function<int(const ServeOptions&)> serve;
  std::function<int(const AgentOptions&)> agent;
};

// Parses the command line and runs the command; returns the exit code.
int run(int argc, const char* const* argv, const Services& services);

}  // namespace holdfast::cli
