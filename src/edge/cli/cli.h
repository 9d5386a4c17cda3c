// The `holdfast` command.
#pragma once

#include <functional>

#include "edge/cli/serve_options.h"

namespace holdfast::cli {

using ServeFunction = std::function<int(const ServeOptions&)>;

// Parses the command line and runs the command; returns the exit code. `serve` runs the server.
int run(int argc, const char* const* argv, const ServeFunction& serve);

}  // namespace holdfast::cli
