#include "edge/cli/cli.h"

#include "edge/cli/args.h"
#include "edge/cli/repo_command.h"
#include "edge/cli/session.h"

namespace holdfast::cli {

int run(int argc, const char* const* argv, const Services& services) {
  if (argc > 1 && std::string_view(argv[1]) == "repo") {
    return run_repo_command({argv + 2, argv + argc});
  }
  const ParseOutcome outcome = parse_command_line(argc, argv);
  if (const int* code = std::get_if<int>(&outcome)) {
    return *code;
  }
  if (const auto* options = std::get_if<ServeOptions>(&outcome)) {
    return services.serve(*options);
  }
  if (const auto* options = std::get_if<AgentOptions>(&outcome)) {
    return services.agent(*options);
  }
  const Parsed& parsed = std::get<Parsed>(outcome);
  Console console(stdout, stderr, parsed.format);
  Session session(console);
  const Result<int> code = parsed.command->run(session, parsed.arguments);
  if (!code) {
    console.error(code.error());
    return describe(code.error().code()).exit_code;
  }
  return *code;
}

}  // namespace holdfast::cli
