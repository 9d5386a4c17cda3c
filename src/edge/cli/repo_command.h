// `holdfast repo VERB`: the engine's own command line, with restic's exit codes.
#pragma once

#include <string>
#include <vector>

namespace holdfast::cli {

// `args` are the words after `holdfast repo`. Prints to stdout and stderr, returns the exit code.
int run_repo_command(const std::vector<std::string>& args);

}  // namespace holdfast::cli
