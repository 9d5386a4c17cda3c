// `holdfast-replay FILE...`: runs recorded histories against the workflows of this program, without
// any effect. For authors, before a release: a history that does not replay is a run that would not
// go on. Files are history JSON as `holdfast run history RUN --json` and Temporal's own tools write
// it.
//
// A line a file; exit code 0: all of them replay; 1: one does not; 2: nothing to read was named.
#include <cstdio>

#include <fmt/core.h>

#include "core/base/json.h"
#include "core/env/posix/atomic_file.h"
#include "daemon/workflows.h"
#include "flow/history_json.h"
#include "flow/replayer.h"

namespace holdfast {
namespace {

constexpr std::size_t kMostBytes = 64u << 20;

// "scheduled_backup, 42 events".
Result<std::string> replay(const std::string& file, const flow::WorkflowRegistry& workflows) {
  HF_TRY(const std::string text, env::read_small_file(file, kMostBytes));
  HF_TRY(const Json history, parse_json(text, kMostBytes));
  HF_TRY(const auto events, flow::import_history(history));
  if (events.empty()) {
    return Error(Code::kInvalidArgument, "the history has no events");
  }
  HF_TRY_VOID(flow::replay_history(history, workflows));
  return fmt::format("{}, {} events", flow::named(events.front().attributes, "workflowType"),
                     events.size());
}

int run(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: holdfast-replay FILE...\n");
    return 2;
  }
  flow::WorkflowRegistry workflows;
  daemon::register_workflows(workflows);
  int code = 0;
  for (int i = 1; i < argc; ++i) {
    const auto replayed = replay(argv[i], workflows);
    if (replayed) {
      fmt::print("{}: replays ({})\n", argv[i], *replayed);
    } else {
      fmt::print("{}: does not replay: {}\n", argv[i], replayed.error().to_string());
      code = 1;
    }
  }
  return code;
}

}  // namespace
}  // namespace holdfast

int main(int argc, char** argv) { return holdfast::run(argc, argv); }
