#include "flow/replayer.h"

#include "flow/history_json.h"
#include "flow/replay/execution.h"

namespace holdfast::flow {

Status replay_history(const Json& history, const WorkflowRegistry& registry) {
  HF_TRY(const auto events, import_history(history));
  Execution execution(registry);
  HF_TRY_VOID(execution.apply(events));
  const bool unfinished_task =
      !events.empty() && events.back().type == EventType::kWorkflowTaskStarted;
  return unfinished_task ? Status() : execution.check_complete();
}

}  // namespace holdfast::flow
