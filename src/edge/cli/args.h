// Command lines, parsed by CLI11 (args.cc only) from the table of commands.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "edge/cli/command.h"
#include "edge/cli/console.h"
#include "edge/cli/serve_options.h"

namespace holdfast::cli {

struct Parsed {
  const Command* command = nullptr;
  Arguments arguments;
  OutputFormat format = OutputFormat::kTable;
};

// A command, the options of `serve` or `agent run`, or the exit code of --help and usage errors
// (already printed).
using ParseOutcome = std::variant<Parsed, ServeOptions, AgentOptions, int>;
ParseOutcome parse_command_line(int argc, const char* const* argv);

}  // namespace holdfast::cli
